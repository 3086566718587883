import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { percentile } from '../measure.js'
import { batchesOf, QUEUES, type QueueName } from './queues.js'
import type { NodeNews } from './worker.js'

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url))
const LIMIT_MS = 60_000
/** A round that takes so long is the only one: warm or not is no question then. */
const SLOW_MS = 10_000

/** What a run came to. */
export interface NodesRun {
  /** From the first task that is added to the last that has ended: the median of the rounds after those to warm up. */
  readonly tookMs: number
  /** Of the claims that were made, those that somebody else was quicker with. Absent where nothing counts them. */
  readonly refusedShare: number | undefined
}

/** A round took longer than a minute. */
export class TooSlow extends Error {}

/**
 * Starts so many processes that work, adds tasks from this one, several times, and stops them.
 * @throws TooSlow when a round takes longer than a minute; an error when a node ends on its own.
 */
export async function runNodes(
  name: QueueName,
  at: string,
  { nodes, tasks, rounds, warmUps }: { nodes: number; tasks: number; rounds: number; warmUps: number },
): Promise<NodesRun> {
  const producer = await QUEUES[name].producer(at)
  const children: ChildProcess[] = []
  const claims = new Map<ChildProcess, NodeNews['claims']>()
  let ended = 0
  let done = () => {}
  try {
    await Promise.all(
      Array.from({ length: nodes }, async () => {
        const child = fork(WORKER, [name, at], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
        children.push(child)
        await Promise.race([once(child, 'message'), failure(child, name)])
        child.on('message', (news: NodeNews) => {
          ended += news.ended
          claims.set(child, news.claims)
          if (ended >= tasks) done()
        })
      }),
    )
    const failed = Promise.race(children.map((child) => failure(child, name)))
    // They all end when it is over.
    failed.catch(() => undefined)
    const times: number[] = []
    for (let round = -warmUps; round < rounds; round++) {
      ended = 0
      const all = new Promise<void>((resolve) => {
        done = resolve
      })
      let late: NodeJS.Timeout | undefined
      const tooSlow = new Promise<never>((_, reject) => {
        const give = () => reject(new TooSlow(`${tasks} tasks of ${name} took more than ${LIMIT_MS / 1_000} s`))
        late = setTimeout(give, LIMIT_MS)
      })
      const startedAt = performance.now()
      for (const batch of batchesOf(tasks)) await producer.add(batch)
      await Promise.race([all, failed, tooSlow]).finally(() => clearTimeout(late))
      const tookMs = performance.now() - startedAt
      if (round >= 0 || tookMs > SLOW_MS) times.push(tookMs)
      if (tookMs > SLOW_MS) break
    }
    return { tookMs: percentile(times, 0.5), refusedShare: shareOf([...claims.values()]) }
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

function shareOf(counts: readonly NodeNews['claims'][]): number | undefined {
  const refused = counts.reduce((sum, count) => sum + count.refused, 0)
  const all = counts.reduce((sum, count) => sum + count.made, refused)
  return all === 0 ? undefined : refused / all
}

async function failure(child: ChildProcess, name: string): Promise<never> {
  const [code] = await once(child, 'exit')
  throw new Error(`a node of ${name} ended early (${code})`)
}
