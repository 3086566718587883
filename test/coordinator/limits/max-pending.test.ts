import { defineTask, isBatutaError, memoryStorage } from 'batuta'
import { VirtualClock } from 'batuta/testing'
import { describe, expect, it } from 'vitest'
import { startApp } from '../../support/app.js'

const job = defineTask('job')
const other = defineTask('other')

/** An application whose agent is paused, so that everything waits. */
async function paused(maxPending: { perLane?: number; perTenant?: number; total?: number }) {
  const world = await startApp({ maxPending })
  const { app } = world
  const handlers = [job.handler(async () => 'done'), other.handler(async () => 'done')]
  app.agent('worker', { maxConcurrentTasks: 2, handlers })
  app.pause('worker')
  return world
}

describe('maxPending', () => {
  it('refuses one task more than may wait in a lane, says when to come again, and writes nothing', async () => {
    const { app, until, failure } = await paused({ perLane: 3 })
    for (let n = 0; n < 3; n++) await until(app.submit(job))
    const error = await failure(app.submit(job))
    expect(error).toMatchObject({ code: 'QUEUE_FULL', retryable: true })
    expect(error.data).toEqual({ scope: 'perLane', limit: 3, lane: 'task:job:', retryAfterMs: 1_000 })
    // Other lanes are not full, and a delayed task waits elsewhere.
    await until(app.submit(other))
    await until(app.submit(job, undefined, { delayMs: 60_000 }))
    expect((await until(app.status())).tasks.pending).toBe(5)
  })

  it('counts the tenants of a lane apart', async () => {
    const { app, until, failure } = await paused({ perTenant: 1 })
    await until(app.submit(job, undefined, { tenant: 'a' }))
    await until(app.submit(job, undefined, { tenant: 'b' }))
    const error = await failure(app.submit(job, undefined, { tenant: 'a' }))
    expect(error.data).toMatchObject({ scope: 'perTenant', tenant: 'a' })
  })

  it('counts everything that has not started, in all', async () => {
    const { app, until, failure } = await paused({ total: 3 })
    await until(app.submit(job, undefined, { delayMs: 60_000 }))
    await until(app.submit(job, undefined, { orderingKey: 'k' }))
    await until(app.submit(other, undefined, { orderingKey: 'k' }))
    expect((await failure(app.submit(other))).data).toMatchObject({ scope: 'total', limit: 3 })
  })

  it('takes all of submitMany, or none', async () => {
    const { app, until, failure } = await paused({ perLane: 5 })
    await until(app.submitMany(job, Array(3).fill(undefined)))
    expect((await failure(app.submitMany(job, Array(3).fill(undefined)))).code).toBe('QUEUE_FULL')
    expect((await until(app.status())).tasks.pending).toBe(3)
    await until(app.submitMany(job, Array(2).fill(undefined)))
  })

  it('holds for callers at the same moment', async () => {
    const { app, until } = await paused({ perLane: 10 })
    const results = await until(Promise.allSettled(Array.from({ length: 50 }, () => app.submit(job))))
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(10)
  })

  it('holds for callers at the same moment over a storage that takes its time to count', async () => {
    const clock = new VirtualClock()
    const storage = memoryStorage({ now: () => clock.now() })
    let calls = 0
    const count: typeof storage.count = async (index, range) => {
      const answer = await storage.count(index, range)
      // Later ones are answered sooner.
      await new Promise<void>((resolve) => clock.setTimer(resolve, 100 - ++calls))
      return answer
    }
    const slow = new Proxy(storage, {
      get: (target, name) => {
        if (name === 'count') return count
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const { app, until } = await startApp({ maxPending: { perLane: 10 }, storage: slow, clock })
    const submit = async (afterMs: number) => {
      await new Promise<void>((resolve) => clock.setTimer(resolve, afterMs))
      return app.submit(job)
    }
    const results = await until(Promise.allSettled(Array.from({ length: 50 }, (_, i) => submit(i * 3))))
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(10)
    expect(calls).toBe(1)
  })

  it('gives a repeated submit its task, however full it is', async () => {
    const { app, until } = await paused({ perLane: 1 })
    const first = await until(app.submit(job, undefined, { idempotencyKey: 'once' }))
    const again = await until(app.submit(job, undefined, { idempotencyKey: 'once' }))
    expect(again.id).toBe(first.id)
  })

  it('takes off what was started at once: tasks that do not wait are never refused', async () => {
    const { app, until } = await startApp({ maxPending: { perLane: 1, total: 1 } })
    app.agent('worker', { maxConcurrentTasks: 1, handlers: [job.handler(async () => 'done')] })
    for (let n = 0; n < 20; n++) expect(await until((await until(app.submit(job))).result())).toBe('done')
  })

  it('says how long to wait by how fast tasks are started', async () => {
    const { app, until, clock } = await startApp({ maxPending: { perLane: 5 } })
    const slow = job.handler(() => new Promise<void>((resolve) => clock.setTimer(resolve, 100)))
    app.agent('worker', { maxConcurrentTasks: 1, handlers: [slow] })
    let told = 0
    for (let n = 0; n < 40; n++) {
      await until(app.submit(job)).catch((error) => {
        if (!isBatutaError(error, 'QUEUE_FULL')) throw error
        told = error.data.retryAfterMs
      })
      await clock.advance(60)
    }
    // Ten a second are started: there is room for one after about 100 ms.
    expect(told).toBeGreaterThanOrEqual(90)
    expect(told).toBeLessThanOrEqual(130)
  })

  it('believes a count for a second: what another node takes off is seen then', async () => {
    const { app, until, clock, failure } = await paused({ perLane: 1 })
    const waiting = await until(app.submit(job))
    await until(waiting.cancel())
    expect((await failure(app.submit(job))).code).toBe('QUEUE_FULL')
    await clock.advance(1_000)
    await until(app.submit(job))
  })

  it.each([
    [{ perLane: 5, perTenant: 6 }, 'perTenant'],
    [{ perLane: 5, total: 4 }, 'total'],
    [{ perTenant: 5, total: 4 }, 'total'],
  ])('is refused where one bound makes another useless: %o', async (maxPending, path) => {
    const error = await startApp({ maxPending }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'OPTIONS_INVALID', data: { issues: [{ path: ['maxPending', path] }] } })
  })

  it('holds for messages', async () => {
    const world = await startApp({ maxPending: { total: 1 }, messages: { task: job as never } })
    const { app, until, failure } = world
    const first = app.processMessage({ text: 'a', from: 'ana', messageId: '1' })
    await world.clock.advance(10)
    expect(await failure(app.processMessage({ text: 'b', from: 'bob' }))).toMatchObject({ code: 'QUEUE_FULL' })
    // A redelivery is no new message; and what was refused left nothing behind.
    const again = app.processMessage({ text: 'a', from: 'ana', messageId: '1' })
    app.agent('worker', { handlers: [job.handler(async () => 'done')] })
    const [one, other] = [await until(first), await until(again)]
    expect(one.task).toEqual(other.task)
    expect((await until(app.listTasks())).tasks).toHaveLength(1)
  })

  it.each([0, -1, 1.5, Number.NaN, 10_001, '5'])('is refused at the start as %o', async (perLane) => {
    const error = await startApp({ maxPending: { perLane: perLane as number } }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'OPTIONS_INVALID', data: { issues: [{ path: ['maxPending', 'perLane'] }] } })
  })
})
