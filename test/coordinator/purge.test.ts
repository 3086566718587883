import { defineAgent, defineTask, memoryStorage, type Storage } from 'batuta'
import { VirtualClock } from 'batuta/testing'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/internal/random.js'
import { startApp } from '../support/app.js'
import { passing } from '../support/passing-storage.js'

const POLL_MS = 1_000

/** An application that keeps nothing of what has ended or is idle for a second. */
async function start() {
  const clock = new VirtualClock()
  const storage = memoryStorage({ now: () => Math.floor(clock.now()) })
  const answer = defineTask<{ readonly text: string }, string, never, { readonly text: string }, string, never>(
    'answer',
  )
  const never = defineTask('never', { requires: ['what nobody has'] })
  const agent = defineAgent('ana', { maxConcurrentTasks: 100, handlers: [answer.handler(({ text }) => text)] })
  const rule = { ageMs: 1_000 }
  const world = await startApp({
    agents: [agent],
    storage,
    clock,
    pollMs: POLL_MS,
    messages: { task: answer, sessionIdleMs: 1_000 },
    retention: { completed: rule, failed: rule, cancelled: rule, idleMs: 1_000 },
  })
  return { ...world, storage, answer, never }
}

/** How many records an index holds. */
async function countOf(storage: Storage, index: string): Promise<number> {
  return (await storage.count(index, {})).count
}

describe('what is let go of in one round', () => {
  it('is as many idle sessions as there are, with those that still have a task in nobody’s way', async () => {
    const { app, storage, never, until, clock } = await start()
    const talk = async (from: string) => (await until(app.processMessage({ text: 'hello', from }))).sessionId
    for (let n = 0; n < 150; n++) {
      const sessionId = await talk(`busy ${n}`)
      await until(app.submit(never, undefined, { sessionId }))
    }
    await until(
      Promise.all(Array.from({ length: 250 }, (_, n) => app.processMessage({ text: 'hello', from: `idle ${n}` }))),
    )
    expect(await countOf(storage, 'sessions')).toBe(400)
    await clock.advance(2_000 + 2 * POLL_MS)
    expect(await countOf(storage, 'sessions')).toBe(150)
  })

  it('is as many idle ordering keys as there are', async () => {
    const { app, storage, answer, until, clock } = await start()
    await until(
      Promise.all(Array.from({ length: 1_600 }, (_, n) => app.run(answer, { text: 'x' }, { orderingKey: `key ${n}` }))),
    )
    expect(await countOf(storage, 'turns')).toBe(1_600)
    await clock.advance(1_000 + 2 * POLL_MS)
    expect(await countOf(storage, 'turns')).toBe(0)
  })
})

it('an agent that is removed before it was made known leaves no record behind', async () => {
  const { app, storage, until, clock } = await start()
  app.agent('guest', { handler: () => undefined })
  app.pause('guest')
  await until(app.removeAgent('guest'))
  await clock.advance(POLL_MS)
  expect(
    (await storage.query('agents', { limit: 10 })).records.map(({ value }) => (value as { agentId?: string }).agentId),
  ).toEqual(['ana'])
})

it('is counted and let go of by one node for all, and by another once that one is gone', async () => {
  const clock = new VirtualClock()
  const storage = memoryStorage({ now: () => Math.floor(clock.now()) })
  const bys: number[] = []
  const work = defineTask<number, number, never, number, number, never>('work')
  const start = (node: number) =>
    startApp({
      agents: node > 0 ? [] : [defineAgent('ana', { maxConcurrentTasks: 10, handlers: [work.handler((n) => n)] })],
      storage: {
        ...passing(storage),
        count: (index, range) => {
          if (range.prefix?.[0] === 'completed') bys.push(node)
          return storage.count(index, range)
        },
        close: async () => {},
      },
      clock,
      random: seededRandom(node + 1),
      pollMs: POLL_MS,
      retention: { completed: { ageMs: 1_000 } },
    })
  const nodes = [await start(0), await start(1), await start(2)]
  await clock.advance(5 * POLL_MS)
  bys.length = 0
  const [first] = nodes
  await first?.until(Promise.all(Array.from({ length: 20 }, (_, n) => first.app.run(work, n))))
  await clock.advance(10 * POLL_MS)
  expect(await countOf(storage, 'ended')).toBe(0)
  const one = bys[0] as number
  expect(new Set(bys)).toEqual(new Set([one]))
  expect(bys.length).toBeLessThanOrEqual(11)

  await nodes[one]?.until((nodes[one] as Awaited<ReturnType<typeof start>>).app.shutdown({ graceMs: 0 }))
  await clock.advance(10 * POLL_MS)
  bys.length = 0
  await clock.advance(10 * POLL_MS)
  expect(new Set(bys).size).toBe(1)
  expect(bys).not.toContain(one)
})
