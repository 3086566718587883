import { defineTask } from 'batuta'
import { describe, expect, it } from 'vitest'
import { gate, startApp } from '../support/app.js'

const fails = (): never => {
  throw new Error('no')
}

describe('maxConcurrentTasks of a definition', () => {
  it('is held over all agents, and permits are given back on success, failure, retry and cancel', async () => {
    const limited = defineTask('limited', { maxConcurrentTasks: 2, retry: { maxRetries: 1 } })
    const { app, until, clock } = await startApp()
    let running = 0
    let most = 0
    let ended = 0
    const work = async (input: unknown, ctx: { attempt: number; signal: AbortSignal }) => {
      running++
      most = Math.max(most, running)
      try {
        await new Promise<void>((resolve, reject) => {
          clock.setTimer(resolve, 100)
          ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))
        })
        if (input === 'fails' || (input === 'retries' && ctx.attempt === 1)) fails()
      } finally {
        running--
        ended++
      }
    }
    for (const id of ['a', 'b']) app.agent(id, { maxConcurrentTasks: 5, handlers: [limited.handler(work)] })
    const inputs = ['ok', 'fails', 'retries', 'cancelled', 'ok', 'ok', 'fails', 'ok']
    const handles = await until(app.submitMany(limited, inputs as never[]))
    await clock.advance(150)
    await until(handles[3]?.cancel() ?? Promise.reject())
    await until(Promise.allSettled(handles.map((handle) => handle.result())))
    expect(most).toBe(2)
    expect(ended).toBeGreaterThanOrEqual(9)
    expect((await until(app.status())).tasks).toMatchObject({ completed: 5, failed: 2, cancelled: 1 })
  })
})

describe('slots', () => {
  it('are never more than maxConcurrentTasks of the agent', async () => {
    const { app, until, clock } = await startApp()
    let running = 0
    let most = 0
    app.agent('any', {
      maxConcurrentTasks: 3,
      handler: async () => {
        most = Math.max(most, ++running)
        await new Promise<void>((resolve) => clock.setTimer(resolve, 10))
        running--
      },
    })
    const handles = await until(Promise.all(Array.from({ length: 20 }, () => app.submit({ type: 'x' }))))
    expect(app.agents()[0]).toMatchObject({ status: 'busy', inFlight: 3 })
    await until(Promise.all(handles.map((handle) => handle.result())))
    expect(most).toBe(3)
    expect(app.agents()[0]).toMatchObject({ status: 'idle', inFlight: 0, completed: 20 })
  })
})

describe('the retry budget', () => {
  it('lets retries wait, but never fails a task for it', async () => {
    const { app, until, clock } = await startApp({
      retryBudget: { ratio: 0, floorPerSecond: 1 },
      random: { next: () => 0 },
    })
    let starts = 0
    app.agent('any', {
      maxConcurrentTasks: 50,
      handler: (_, ctx) => {
        starts++
        if (ctx.attempt === 1) fails()
      },
    })
    const from = clock.now()
    const handles = await until(Promise.all(Array.from({ length: 30 }, () => app.submit({ type: 'x' }))))
    await until(Promise.all(handles.map((handle) => handle.result())))
    expect(starts).toBe(60)
    // Ten were saved up; the other twenty come at one a second.
    expect(clock.now() - from).toBeGreaterThanOrEqual(19_000)
    expect(clock.now() - from).toBeLessThan(30_000)
  })
})

describe('maxLost', () => {
  it('fails a task with TASK_LOST whose claims were lost so often, without retry or fallback', async () => {
    const deadly = defineTask('deadly', { fallback: () => 1 })
    const { app, until, failure, clock, names } = await startApp({ maxLost: 2 })
    app.agent('poller', { accepts: [deadly], leaseMs: 1_000 })
    const task = await until(app.submit(deadly, undefined))
    for (let i = 0; i < 2; i++) {
      expect(await until(app.claimTasks('poller', { waitMs: 5_000 }))).toHaveLength(1)
      await clock.advance(2_000)
    }
    expect(await failure(task.result())).toMatchObject({
      code: 'TASK_FAILED',
      task: { error: { code: 'TASK_LOST' } },
      attempts: [{ outcome: 'lost' }, { outcome: 'lost' }],
    })
    expect(names('task:lost')).toHaveLength(1)
  })
})

describe('retention', () => {
  it('lets go by age, each outcome by its own, and of the idempotency key with it', async () => {
    const { app, until, clock } = await startApp({
      retry: false,
      retention: { completed: { ageMs: 5_000 }, failed: { ageMs: 20_000 }, cancelled: { ageMs: 10_000 } },
    })
    app.agent('any', { handler: (input) => (input === 'fail' ? fails() : 1) })
    const ok = await until(app.submit({ type: 'x', idempotencyKey: 'k' }))
    await until(app.submit({ type: 'x', input: 'fail' }))
    await until((await until(app.submit({ type: 'x', delayMs: 60_000 }))).cancel())
    const pending = await until(app.submit({ type: 'x', delayMs: 60_000 }))
    const statuses = async () => (await until(app.listTasks())).tasks.map(({ status }) => status).sort()
    expect(await statuses()).toEqual(['cancelled', 'completed', 'failed', 'pending'])
    await clock.advance(7_000)
    expect(await statuses()).toEqual(['cancelled', 'failed', 'pending'])
    await clock.advance(5_000)
    expect(await statuses()).toEqual(['failed', 'pending'])
    await clock.advance(10_000)
    expect(await statuses()).toEqual(['pending'])
    expect((await until(app.submit({ type: 'x', idempotencyKey: 'k' }))).id).not.toBe(ok.id)
    expect(await until(app.getTask(pending.id))).toBeDefined()
  })

  it('lets go of the oldest when there are more than maxCount', async () => {
    const { app, until, clock } = await startApp({ retention: { completed: { maxCount: 3 } } })
    app.agent('any', { handler: (i) => i })
    for (let i = 0; i < 8; i++) {
      await until(app.run({ type: 'x', input: i }))
      await clock.advance(10)
    }
    await clock.advance(2_000)
    expect((await until(app.listTasks({ order: 'asc' }))).tasks.map(({ input }) => input)).toEqual([5, 6, 7])
  })
})

describe('maxLanes', () => {
  it('refuses one combination of type and requirements too many with LANE_LIMIT', async () => {
    const { app, until, failure } = await startApp({ maxLanes: 3 })
    for (const type of ['a', 'b', 'c']) await until(app.submit({ type }))
    expect(await failure(app.submit({ type: 'd' }))).toMatchObject({ code: 'LANE_LIMIT', data: { limit: 3 } })
    await until(app.submit({ type: 'a' }))
  })
})

describe('payloads', () => {
  it.each([
    ['input', { input: 'x'.repeat(99) }],
    ['metadata', { metadata: { note: 'x'.repeat(99) } }],
  ])('%s larger than maxPayloadBytes is PAYLOAD_TOO_LARGE at submit', async (_, task) => {
    const { app, until, failure } = await startApp({ maxPayloadBytes: 100 })
    expect(await failure(app.submit({ type: 'x', ...task }))).toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      data: { maxBytes: 100 },
    })
    await until(app.submit({ type: 'x', input: 'x'.repeat(98) }))
  })

  it('is limited to 1 MiB by default', async () => {
    const { app, until, failure } = await startApp()
    expect((await failure(app.submit({ type: 'x', input: 'x'.repeat(1_048_575) }))).code).toBe('PAYLOAD_TOO_LARGE')
    await until(app.submit({ type: 'x', input: 'x'.repeat(1_048_574) }))
  })
})

describe('a part of a stream that is too large', () => {
  it('is dropped', async () => {
    const { app, until } = await startApp({ maxPayloadBytes: 100 })
    const done = gate()
    app.agent('any', {
      handler: (_, ctx) => {
        ctx.write('x'.repeat(101))
        ctx.write('fits')
        return done.opened
      },
    })
    const task = await until(app.submit({ type: 'x' }))
    const parts: unknown[] = []
    const reading = (async () => {
      for await (const { data } of task.stream()) parts.push(data)
    })()
    done.open()
    await until(reading)
    expect(parts).toEqual(['fits'])
  })
})
