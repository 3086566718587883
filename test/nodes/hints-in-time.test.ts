import { setTimeout as pause } from 'node:timers/promises'
import { defineAgent, defineTask, type TaskContext } from 'batuta'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gate } from '../support/app.js'
import { NEVER, startPair } from './pair.js'
import { type NodesServer, newSpace, SHARED } from './servers.js'

/** News of each kind that are timed. */
const TIMES = 20
/** The middle one takes a few milliseconds. A machine short of time has more, but no timer of a tenth of a second fits in. */
const MOST_MS = 50

const held = defineTask<string, string, never, string, string, never>('held', {})

/** A handler that goes on until `end` opens. */
interface Run {
  readonly signal: AbortSignal
  readonly progress: TaskContext['progress']
  readonly end: ReturnType<typeof gate<void>>
}

/** One node that asks and one that works, which learn of each other's news by the channel of their storage only. */
async function startTwo(server: NodesServer) {
  const space = newSpace()
  const options = () => ({ storage: server.storage(server.port, space), ...NEVER })
  let begun = gate<Run>()
  const agent = defineAgent('ana', {
    handlers: [
      held.handler(async (input, { signal, progress }) => {
        if (input === 'ping') return 'pong'
        const end = gate()
        begun.open({ signal, progress, end })
        await end.opened
        return 'done'
      }),
    ],
  })
  const { asking } = await startPair({ ...options(), tasks: [held] }, { ...options(), agents: [agent] })
  // What was said before a channel listened is lost.
  for (let answer: string | undefined; answer === undefined; ) {
    const ping = await asking.submit(held, 'ping')
    answer = await Promise.race([ping.result(), pause(200, undefined)])
  }
  const begin = async () => {
    begun = gate()
    const task = await asking.submit(held, 'run')
    const run = await begun.opened
    return { task, run }
  }
  return { asking, begin }
}

/** How long something took, the middle one of many. */
async function middle(once: () => Promise<number>): Promise<number> {
  const took: number[] = []
  while (took.length < TIMES) took.push(await once())
  return took.sort((a, b) => a - b)[TIMES / 2] ?? Number.POSITIVE_INFINITY
}

for (const { name, why, start } of SHARED)
  describe.skipIf(why !== undefined)(why === undefined ? `two nodes over ${name}` : `${name} (${why})`, () => {
    let server: NodesServer
    beforeAll(async () => {
      server = await start()
    }, 60_000)
    afterAll(() => server.stop())

    it('know of a result, a cancel and progress of the other within milliseconds', async () => {
      const { asking, begin } = await startTwo(server)
      const resultMs = await middle(async () => {
        const { task, run } = await begin()
        const result = task.result()
        // By then it has looked once, and waits.
        await pause(20)
        const from = performance.now()
        run.end.open()
        await result
        return performance.now() - from
      })
      expect(resultMs).toBeLessThan(MOST_MS)
      const cancelMs = await middle(async () => {
        const { task, run } = await begin()
        const aborted = new Promise((resolve) => run.signal.addEventListener('abort', resolve))
        const from = performance.now()
        await task.cancel()
        await aborted
        run.end.open()
        return performance.now() - from
      })
      expect(cancelMs).toBeLessThan(MOST_MS)
      const { task, run } = await begin()
      // Progress is told where somebody waits.
      const result = task.result()
      const progressMs = await middle(async () => {
        const heard = gate()
        const stop = asking.on('task:progress', () => heard.open())
        const from = performance.now()
        run.progress()
        await heard.opened
        stop()
        return performance.now() - from
      })
      run.end.open()
      await result
      expect(progressMs).toBeLessThan(MOST_MS)
    }, 60_000)
  })
