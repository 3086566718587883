import {
  createOrchestrator,
  defineAgent,
  defineTask,
  type Orchestrator,
  type OrchestratorOptions,
  staticSchema,
} from 'batuta'
import { afterEach, expect, it } from 'vitest'
import { SCHEMA } from '../../../src/storage/records.js'
import { redisStorage } from '../../../src/storage/redis/index.js'
import type { Storage } from '../../../src/storage/storage.js'
import { passing } from '../../support/passing-storage.js'
import type { RedisServer } from '../../support/redis-server.js'
import { eventually, setOf } from '../asking.js'
import { describeRedis, newPrefix } from './support.js'

const number = staticSchema<{ n: number }>()
const work = defineTask('work', { input: number, output: staticSchema<{ n: number; by: string }>() })
const chain = defineTask('chain', { input: number, output: staticSchema<string>() })
const endless = defineTask('endless', { input: staticSchema<object>(), output: staticSchema<string>() })
const answer = defineTask('answer', { input: staticSchema<{ text: string }>(), output: staticSchema<string>() })

const apps: Orchestrator[] = []
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.shutdown({ graceMs: 0 })))
})

function storageOf(server: RedisServer, prefix: string): Storage {
  return redisStorage({ url: server.url, prefix, onWarning: () => undefined })
}

/** One node with an agent of this name, which does everything. */
async function node(name: string, storage: Storage, options: Partial<OrchestratorOptions<string>> = {}) {
  const handled: string[] = []
  let aborted = 0
  const agent = defineAgent(name, {
    maxConcurrentTasks: 20,
    handlers: [
      work.handler(async ({ n }, ctx) => {
        handled.push(ctx.task.id)
        return { n, by: name }
      }),
      chain.handler(({ n }, ctx) => {
        handled.push(`chain ${n}`)
        if (n > 0) ctx.submit(chain, { n: n - 1 })
        return `${n}`
      }),
      endless.handler(
        (_input, ctx) =>
          new Promise<string>((_resolve, reject) => {
            handled.push(ctx.task.id)
            ctx.signal.addEventListener('abort', () => {
              aborted++
              reject(new Error('aborted'))
            })
          }),
      ),
      answer.handler(({ text }, ctx) => {
        const said = [...(ctx.session.get<string[]>('said') ?? []), text]
        ctx.session.set('said', said)
        return said.join(' ')
      }),
    ],
  })
  const app = await createOrchestrator<string>({
    agents: [agent],
    storage,
    messages: { task: answer, whenBusy: 'enqueue' },
    ...options,
  })
  apps.push(app)
  return { app, handled, aborted: () => aborted }
}

describeRedis('two nodes over one Redis', ['--appendonly', 'yes'], (server) => {
  async function pair() {
    const prefix = newPrefix()
    return [await node('ana', storageOf(server(), prefix)), await node('beto', storageOf(server(), prefix))] as const
  }

  it('do every task once, whoever took it in', async () => {
    const [a, b] = await pair()
    const handles = await Promise.all(
      Array.from({ length: 300 }, (_, n) => (n % 2 === 0 ? a : b).app.submit(work, { n }, { tenant: `t${n % 3}` })),
    )
    const results = await Promise.all(handles.map((handle) => handle.result()))
    expect(results.map(({ n }) => n)).toEqual(Array.from({ length: 300 }, (_, n) => n))
    expect([...a.handled, ...b.handled].sort()).toEqual(handles.map(({ id }) => id).sort())
  })

  it('answer a session one message at a time, wherever they come in', async () => {
    const [a, b] = await pair()
    const texts = Array.from({ length: 12 }, (_, n) => `m${n}`)
    const replies = await Promise.all(
      texts.map(async (text, n) => {
        const { app } = n % 2 === 0 ? a : b
        const { reply } = await app.processMessage({ text, from: '+1', channel: 'test', messageId: text })
        return String(reply)
      }),
    )
    const longest = replies.reduce((x, y) => (x.length > y.length ? x : y))
    expect(longest.split(' ').sort()).toEqual([...texts].sort())
    // Every reply begins with the one before it: nothing was lost, nothing doubled.
    const sorted = [...replies].sort((x, y) => x.length - y.length)
    for (const [i, reply] of sorted.entries()) expect(longest.startsWith(reply), `reply ${i}`).toBe(true)
    expect(new Set(replies).size).toBe(texts.length)
  })

  it('follow tasks with tasks', async () => {
    const [a, b] = await pair()
    await (await a.app.submit(chain, { n: 10 })).result()
    const all = Array.from({ length: 11 }, (_, n) => `chain ${n}`).sort()
    const handled = await eventually(
      () => [...a.handled, ...b.handled],
      (texts) => texts.includes('chain 0'),
    )
    expect(handled.sort()).toEqual(all)
  })

  it('cancel a task that runs on the other one', async () => {
    const [a, b] = await pair()
    const handles = await Promise.all(Array.from({ length: 30 }, () => a.app.submit(endless, {})))
    await eventually(
      () => a.handled.length + b.handled.length,
      (count) => count === 30,
    )
    const outcomes = Promise.allSettled(handles.map((handle) => handle.result()))
    for (const { id } of handles) expect(await b.app.coordinator.cancel(id, 'test')).toBe(true)
    expect((await outcomes).every((outcome) => outcome.status === 'rejected')).toBe(true)
    await eventually(
      () => a.aborted() + b.aborted(),
      (count) => count === 30,
    )
  })

  it('go on by themselves when Redis crashes and comes back', async () => {
    const [a, b] = await pair()
    const results: Promise<{ n: number }>[] = []
    for (let n = 0; n < 400; n++) {
      const { app } = n % 2 === 0 ? a : b
      results.push(app.submit(work, { n }, { idempotencyKey: `n${n}` }).then((handle) => handle.result()))
      if (n === 150) void server().kill()
      if (n === 300) await server().restart()
      if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
    }
    expect((await Promise.all(results)).map(({ n }) => n)).toEqual(Array.from({ length: 400 }, (_, n) => n))
  }, 60_000)
})

describeRedis('memory', [], (server) => {
  it('is given back when finished tasks are purged', async () => {
    const prefix = newPrefix()
    const inner = storageOf(server(), prefix)
    // As if no copy of a commit could come late: else a purge waits two minutes.
    const storage: Storage = { ...passing(inner), outcomeAlwaysKnown: true }
    const { app } = await node('ana', storage, { retention: { completed: { maxCount: 0 } }, pollMs: 50 })
    const handles = await Promise.all(Array.from({ length: 500 }, (_, n) => app.submit(work, { n })))
    await Promise.all(handles.map((handle) => handle.result()))
    await server().admin((redis) =>
      eventually(
        async () => (await redis.keys('*')).filter((key) => !/:(meta|owner:|agent:|index:(owners|agents)$)/.test(key)),
        (keys) => keys.length === 0,
      ),
    )
  })

  it('of a finished task is a few kilobytes at most, and nothing when it is deleted', async () => {
    const storage = storageOf(server(), newPrefix())
    await storage.open(SCHEMA)
    await server().admin(async (redis) => {
      const used = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
      const before = await used()
      const ids = Array.from({ length: 4_000 }, (_, i) => `01hv8cxm5${String(i).padStart(14, '0')}`)
      const attempts = [{ number: 1, agentId: 'ana', instanceId: 'o/ana', ownerId: 'o', token: 'o.1', startedAt: 1 }]
      const value = { type: 'mail', tenant: 'default', state: 'completed', createdAt: 1, endedAt: 2, attempts }
      const keys = ids.map((id) => ({ kind: 'task', id }))
      await storage.commit(
        keys.map((key) => setOf({ ...key, expect: null, leave: { version: 'v', value: { ...value, id: key.id } } })),
      )
      const perTask = ((await used()) - before) / ids.length
      expect(perTask).toBeGreaterThan(300)
      expect(perTask).toBeLessThan(1_500)
      await storage.commit(keys.map((key) => setOf({ ...key, expect: 'v', leave: null })))
      expect((await redis.keys('*index*')).length).toBe(0)
      // What is left belongs to connections and to tables that shrink later.
      expect(((await used()) - before) / ids.length).toBeLessThan(100)
    })
    await storage.close()
  })
})
