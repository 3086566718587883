import { setTimeout as pause } from 'node:timers/promises'
import {
  type AgentDefinition,
  createOrchestrator,
  defineAgent,
  defineTask,
  type Orchestrator,
  type Storage,
} from 'batuta'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { gate } from '../support/app.js'

const double = defineTask('double', { input: z.object({ n: z.number() }), output: z.number() })
const slow = defineTask('slow', { output: z.string() })
const quote = defineTask('quote', { input: z.object({ n: z.number() }), output: z.string() })
const followUp = defineTask('follow_up', { input: z.object({ n: z.number() }), output: z.string() })
const answer = defineTask('answer', { input: z.object({ text: z.string() }), output: z.string() })

/** A server that can be started for a test. */
export interface Started {
  stop(): Promise<void>
}

/**
 * What two orchestrators over one database must be able to do, whichever it is.
 *
 * @param why - why there is no server: the tests are then skipped.
 * @param nodes - told before each test; gives what makes a storage over a place that no other test uses.
 */
export function describeTwoNodes<S extends Started>(
  database: string,
  why: string | undefined,
  start: () => Promise<S>,
  nodes: (server: S) => () => Storage,
): void {
  describe.skipIf(why)(`two orchestrators over one ${database} database${why === undefined ? '' : ` (${why})`}`, () => {
    let server: S
    let apps: Orchestrator<string>[]
    let storageOf: () => Storage

    /** A node over the common records, with a storage of its own. */
    async function startNode(name: string, ...agents: AgentDefinition[]) {
      const tasks = [double, slow, quote, followUp, answer]
      const app = await createOrchestrator<string>({
        name,
        storage: storageOf(),
        agents,
        tasks,
        messages: { task: answer },
      })
      apps.push(app)
      return app
    }

    beforeAll(async () => {
      server = await start()
    }, 60_000)
    afterAll(() => server.stop())

    beforeEach(() => {
      apps = []
      storageOf = nodes(server)
    })
    afterEach(async () => {
      for (const app of apps) await app.shutdown({ graceMs: 0 })
    })

    it('do the tasks of each other, each once', async () => {
      const done: number[] = []
      const worker = () =>
        defineAgent('worker', {
          maxConcurrentTasks: 5,
          handlers: [
            double.handler(async ({ n }) => {
              done.push(n)
              await pause(2)
              return 2 * n
            }),
          ],
        })
      const [a, b] = [await startNode('a', worker()), await startNode('b', worker())]
      const asker = await startNode('asker')
      const numbers = Array.from({ length: 150 }, (_, n) => n)
      const results = await Promise.all(
        numbers.map(async (n) => (await [a, b, asker][n % 3]?.submit(double, { n }))?.result()),
      )
      expect(results).toEqual(numbers.map((n) => 2 * n))
      expect(done.toSorted((x, y) => x - y)).toEqual(numbers)
    }, 60_000)

    it('cancel what runs elsewhere', async () => {
      let reason: unknown
      const started = gate()
      const sleeper = defineAgent('sleeper', {
        handlers: [
          slow.handler(
            (_, ctx) =>
              new Promise((_resolve, reject) => {
                started.open()
                ctx.signal.addEventListener('abort', () => {
                  reason = ctx.signal.reason
                  reject(ctx.signal.reason)
                })
              }),
          ),
        ],
      })
      const a = await startNode('a')
      await startNode('b', sleeper)
      const task = await a.submit(slow)
      await started.opened
      expect(await task.cancel('no longer wanted')).toBe(true)
      await expect(task.result()).rejects.toMatchObject({ code: 'TASK_CANCELLED' })
      for (let i = 0; i < 100 && reason === undefined; i++) await pause(50)
      expect(reason).toMatchObject({ name: 'AbortError' })
    }, 60_000)

    it('stage follow-ups that are done elsewhere, and keep to their delay', async () => {
      const quoter = defineAgent('quoter', {
        handlers: [
          quote.handler(({ n }, ctx) => {
            return ctx.submit(followUp, { n }, { delayMs: 500 })
          }),
        ],
      })
      let followedAt = 0
      const caller = defineAgent('caller', {
        handlers: [
          followUp.handler(({ n }) => {
            followedAt = performance.now()
            return `about ${n}`
          }),
        ],
      })
      const a = await startNode('a', quoter)
      const b = await startNode('b', caller)
      const childId = await (await b.submit(quote, { n: 7 })).result()
      const quotedAt = performance.now()
      const child = await a.getTask(childId)
      expect(await child?.result()).toBe('about 7')
      expect(followedAt - quotedAt).toBeGreaterThan(300)
    }, 60_000)

    it('answer the messages of one customer in order, whoever gets them', async () => {
      const talker = () =>
        defineAgent('talker', {
          maxConcurrentTasks: 5,
          handlers: [
            answer.handler(async ({ text }, ctx) => {
              const said = ctx.session.get<string[]>('said') ?? []
              await pause(5)
              ctx.session.set('said', [...said, text])
              return `${said.length + 1}: ${text}`
            }),
          ],
        })
      const [a, b] = [await startNode('a', talker()), await startNode('b', talker())]
      for (let i = 0; i < 6; i++) {
        const { reply } = await (i % 2 === 0 ? a : b).processMessage({ text: `m${i}`, from: '+598' })
        expect(reply).toBe(`${i + 1}: m${i}`)
      }
      const burst = await Promise.all(
        Array.from({ length: 12 }, (_, i) => {
          return (i % 2 === 0 ? a : b).processMessage({ text: `b${i}`, from: '+598', messageId: `id${i % 8}` })
        }),
      )
      // Four were delivered twice, to either node: they have one answer.
      const counts = burst.map(({ reply }) => Number(reply.split(':')[0]))
      expect(new Set(counts)).toEqual(new Set([7, 8, 9, 10, 11, 12, 13, 14]))
      expect(new Set(burst.map(({ sessionId }) => sessionId)).size).toBe(1)
    }, 60_000)

    it('go on alone when the other leaves', async () => {
      const worker = () => defineAgent('worker', { handlers: [double.handler(({ n }) => 2 * n)] })
      const [a, b] = [await startNode('a', worker()), await startNode('b', worker())]
      const first = await b.submit(double, { n: 1 })
      await first.result()
      await b.shutdown()
      expect(await (await a.submit(double, { n: 2 })).result()).toBe(4)
      expect((await a.status()).tasks).toMatchObject({ completed: 2 })
    }, 60_000)
  })
}
