import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { percentile } from '../measure.js'
import { batchesOf, QUEUES, type QueueName } from './queues.js'

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url))
const LIMIT_MS = 60_000

/**
 * Starts so many processes that work, adds tasks from this one, several times, and stops them.
 * @returns milliseconds from the first task that is added to the last that has ended: the median of the rounds after the first.
 * @throws when a round takes longer than a minute, or a node ends on its own.
 */
export async function runNodes(
  name: QueueName,
  at: string,
  { nodes, tasks, rounds }: { nodes: number; tasks: number; rounds: number },
): Promise<number> {
  const producer = await QUEUES[name].producer(at)
  const children: ChildProcess[] = []
  let ended = 0
  let done = () => {}
  try {
    await Promise.all(
      Array.from({ length: nodes }, async () => {
        const child = fork(WORKER, [name, at], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
        children.push(child)
        await Promise.race([once(child, 'message'), failure(child, name)])
        child.on('message', (message: { ended: number }) => {
          ended += message.ended
          if (ended >= tasks) done()
        })
      }),
    )
    const failed = Promise.race(children.map((child) => failure(child, name)))
    const times: number[] = []
    for (let round = 0; round <= rounds; round++) {
      ended = 0
      const all = new Promise<void>((resolve) => {
        done = resolve
      })
      const late = setTimeout(() => children[0]?.kill('SIGKILL'), LIMIT_MS)
      const startedAt = performance.now()
      for (const batch of batchesOf(tasks)) await producer.add(batch)
      await Promise.race([all, failed])
      clearTimeout(late)
      if (round > 0) times.push(performance.now() - startedAt)
    }
    failed.catch(() => undefined)
    return percentile(times, 0.5)
  } finally {
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const exit = once(child, 'exit')
        child.send('stop')
        const late = setTimeout(() => child.kill('SIGKILL'), 5_000)
        await exit
        clearTimeout(late)
      }),
    )
    await producer.close()
  }
}

async function failure(child: ChildProcess, name: string): Promise<never> {
  const [code] = await once(child, 'exit')
  throw new Error(`a node of ${name} ended early (${code})`)
}
