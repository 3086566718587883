import { defineTask, memoryStorage } from 'batuta'
import { VirtualClock } from 'batuta/testing'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { failureOf, startApp } from '../support/app.js'

const quote = defineTask('quote', {
  input: z.object({ areaM2: z.number(), at: z.string().transform((text) => new Date(text)) }),
  output: z.object({ total: z.number() }),
})
const input = { areaM2: 2, at: '2026-01-01' }

describe('an agent that polls', () => {
  it('claims, narrows and completes', async () => {
    const { app, until } = await startApp()
    app.agent('poller', { accepts: [quote, 'other'] })
    const task = await until(app.submit(quote, input, { idempotencyKey: 'k' }))
    const [claim] = await until(app.claimTasks('poller'))
    expect(claim).toMatchObject({ taskId: task.id, type: 'quote', attempt: 1, idempotencyKey: 'k' })
    expect(claim?.is(defineTask('other'))).toBe(false)
    if (!claim?.is(quote)) throw new Error('not a quote')
    expect(claim.input).toEqual({ areaM2: 2, at: new Date('2026-01-01') })
    expect((await until(task.snapshot())).status).toBe('running')
    await until(claim.complete({ total: claim.input.areaM2 * 150 }))
    expect(await until(task.result())).toEqual({ total: 300 })
    expect((await until(task.snapshot())).attempts).toMatchObject([{ agentId: 'poller', outcome: 'completed' }])
  })

  it('gets what it asks for: at most max, at most its free slots, only its types', async () => {
    const { app, until } = await startApp()
    app.agent('poller', { accepts: ['a'], maxConcurrentTasks: 3 })
    for (const type of ['a', 'b', 'a', 'a', 'a', 'a']) await until(app.submit({ type }))
    expect(await until(app.claimTasks('poller', { max: 2 }))).toHaveLength(2)
    const rest = await until(app.claimTasks('poller'))
    expect(rest.map(({ type }) => type)).toEqual(['a'])
    expect(await until(app.claimTasks('poller'))).toEqual([])
    await until(rest[0]?.complete() ?? Promise.reject())
    expect(await until(app.claimTasks('poller'))).toHaveLength(1)
  })

  it('waits for work as long as it wants, until its signal aborts', async () => {
    const { app, until, clock } = await startApp()
    app.agent('poller', { accepts: ['a'] })
    const from = clock.now()
    expect(await until(app.claimTasks('poller'))).toEqual([])
    expect(await until(app.claimTasks('poller', { waitMs: 700 }))).toEqual([])
    expect(clock.now() - from).toBe(700)
    const controller = new AbortController()
    const waiting = app.claimTasks('poller', { waitMs: 60_000, signal: controller.signal })
    controller.abort()
    expect(await until(waiting)).toEqual([])
    const claims = app.claimTasks('poller', { waitMs: 60_000 })
    await until(app.submit({ type: 'a' }))
    expect(await until(claims)).toHaveLength(1)
    expect(clock.now() - from).toBe(700)
  })

  it('fails an attempt: retried, or not when it says so', async () => {
    const { app, until, failure } = await startApp()
    app.agent('poller', { accepts: ['a'] })
    const task = await until(app.submit({ type: 'a' }))
    const [first] = await until(app.claimTasks('poller'))
    await until(first?.fail(new Error('busy')) ?? Promise.reject())
    const [second] = await until(app.claimTasks('poller', { waitMs: 10_000 }))
    expect(second?.attempt).toBe(2)
    await until(second?.fail('bad input', { retryable: false }) ?? Promise.reject())
    expect(await failure(task.result())).toMatchObject({
      attempts: [{ error: { message: 'busy' } }, { error: { code: 'HANDLER_THREW' } }],
    })
  })

  it('may hand in another result when the schema refuses one', async () => {
    const { app, until, failure } = await startApp()
    app.agent('poller', { accepts: [quote] })
    const task = await until(app.submit(quote, input))
    const [claim] = await until(app.claimTasks('poller'))
    if (!claim?.is(quote)) throw new Error('not a quote')
    expect((await failure(claim.complete({ total: 'much' } as never))).code).toBe('OUTPUT_INVALID')
    expect((await failure(claim.complete({ total: 1, at: new Date() } as never))).code).toBe('PAYLOAD_NOT_JSON')
    await until(claim.complete({ total: 1 }))
    expect(await until(task.result())).toEqual({ total: 1 })
  })
})

describe('a claim', () => {
  it('ends at its lease, and the task goes to another', async () => {
    const { app, until, failure, clock, names } = await startApp()
    app.agent('slow', { accepts: ['a'], leaseMs: 1_500 })
    const task = await until(app.submit({ type: 'a' }))
    const from = clock.now()
    const [claim] = await until(app.claimTasks('slow'))
    expect(claim?.expiresAt).toEqual(new Date(from + 1_500))
    app.agent('other', { accepts: ['a'] })
    const [next] = await until(app.claimTasks('other', { waitMs: 60_000 }))
    expect(clock.now() - from).toBe(1_500)
    expect(next).toMatchObject({ taskId: task.id, attempt: 2 })
    expect(claim?.signal.aborted).toBe(true)
    for (const late of [() => claim?.complete(1), () => claim?.fail('x'), () => claim?.extend(1_000)]) {
      expect(await failure(Promise.resolve(late()))).toMatchObject({
        code: 'CLAIM_LOST',
        data: { taskId: task.id, attempt: 1 },
      })
    }
    await until(next?.complete(2) ?? Promise.reject())
    expect(await until(task.result())).toBe(2)
    expect(names('task:lost')).toHaveLength(1)
  })

  it('is moved by extend alone, not by a heartbeat or another claimTasks', async () => {
    const { app, until, clock } = await startApp()
    app.agent('poller', { accepts: ['a'], leaseMs: 1_000, maxConcurrentTasks: 2 })
    await until(app.submit({ type: 'a' }))
    await until(app.submit({ type: 'a' }))
    const [kept, left] = await until(app.claimTasks('poller'))
    await clock.advance(900)
    app.heartbeat('poller')
    await until(app.claimTasks('poller'))
    expect(await until(kept?.extend(5_000) ?? Promise.reject())).toEqual(new Date(clock.now() + 5_000))
    expect(kept?.expiresAt).toEqual(new Date(clock.now() + 5_000))
    await clock.advance(4_000)
    expect([kept?.signal.aborted, left?.signal.aborted]).toEqual([false, true])
    await until(kept?.complete('in time') ?? Promise.reject())
  })

  it('is lost when its task is cancelled, and the turn passes on', async () => {
    const { app, until } = await startApp()
    app.agent('poller', { accepts: ['a'], maxConcurrentTasks: 2 })
    const task = await until(app.submit({ type: 'a', orderingKey: 'k' }))
    const next = await until(app.submit({ type: 'a', orderingKey: 'k' }))
    const [claim] = await until(app.claimTasks('poller'))
    await until(task.cancel())
    expect(claim?.signal.aborted).toBe(true)
    expect((await failureOf(until(claim?.complete() ?? Promise.reject()))).code).toBe('CLAIM_LOST')
    const [second] = await until(app.claimTasks('poller', { waitMs: 60_000 }))
    expect(second?.taskId).toBe(next.id)
  })

  it('can be settled once', async () => {
    const { app, until, failure } = await startApp()
    app.agent('poller', { accepts: ['a'] })
    const task = await until(app.submit({ type: 'a' }))
    const [claim] = await until(app.claimTasks('poller'))
    await until(claim?.complete(1) ?? Promise.reject())
    expect((await failure(claim?.complete(2) ?? Promise.resolve())).code).toBe('CLAIM_LOST')
    expect((await failure(claim?.fail('x') ?? Promise.resolve())).code).toBe('CLAIM_LOST')
    expect(await until(task.result())).toBe(1)
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('can not be extended by %d', async (ms) => {
    const { app, until, failure } = await startApp()
    app.agent('poller', { accepts: ['a'] })
    await until(app.submit({ type: 'a' }))
    const [claim] = await until(app.claimTasks('poller'))
    expect((await failure(claim?.extend(ms) ?? Promise.resolve())).code).toBe('OPTIONS_INVALID')
  })

  it('whose stored input no longer parses fails its task', async () => {
    const clock = new VirtualClock()
    const storage = memoryStorage({ now: () => clock.now() })
    const first = await startApp({ clock, storage })
    await first.until(first.app.submit({ type: 'quote', input: { areaM2: 'two' } }))
    await first.until(first.app.shutdown())
    const { app, until } = await startApp({ clock, storage })
    app.agent('poller', { accepts: [quote] })
    expect(await until(app.claimTasks('poller', { waitMs: 2_000 }))).toEqual([])
    const [task] = (await until(app.listTasks({ status: 'failed' }))).tasks
    expect(task?.error?.code).toBe('INPUT_INVALID')
  })
})

describe('claimTasks', () => {
  it('is for agents that poll, that exist, with options that make sense', async () => {
    const { app, failure } = await startApp()
    app.agent('local', { handler: () => 1 })
    app.agent('poller', { accepts: ['a'] })
    expect(await failure(app.claimTasks('local'))).toMatchObject({ code: 'AGENT_NOT_POLLING' })
    expect(await failure(app.claimTasks('pooler'))).toMatchObject({
      code: 'AGENT_NOT_FOUND',
      data: { didYouMean: 'poller' },
    })
    expect(() => app.heartbeat('local')).toThrow(/AGENT_NOT_POLLING/)
    for (const options of [{ max: 0 }, { max: 1.5 }, { waitMs: -1 }, { waitMs: Number.NaN }, { wait: 5 }]) {
      expect((await failure(app.claimTasks('poller', options as never))).code).toBe('OPTIONS_INVALID')
    }
  })

  it('keeps the agent online; silent for its lease, it is offline', async () => {
    const { app, until, clock } = await startApp()
    app.agent('poller', { accepts: ['a'], leaseMs: 1_000 })
    const status = () => app.agents()[0]?.status
    expect(status()).toBe('idle')
    await clock.advance(1_500)
    expect(status()).toBe('offline')
    app.heartbeat('poller')
    expect(status()).toBe('idle')
    await until(app.submit({ type: 'a' }))
    await until(app.claimTasks('poller'))
    expect(status()).toBe('busy')
  })

  it('gets nothing while the agent is paused, and work again when it is resumed', async () => {
    const { app, until } = await startApp()
    app.agent('poller', { accepts: ['a'] })
    const waiting = app.claimTasks('poller', { waitMs: 30_000 })
    app.pause('poller')
    await until(app.submit({ type: 'a' }))
    expect(await until(Promise.race([waiting, new Promise((resolve) => setImmediate(() => resolve('nothing')))]))).toBe(
      'nothing',
    )
    app.resume('poller')
    expect(await until(waiting)).toHaveLength(1)
  })

  it('ends with the agent and with the application', async () => {
    const { app, until } = await startApp()
    app.agent('gone', { accepts: ['a'] })
    app.agent('poller', { accepts: ['a'] })
    const gone = app.claimTasks('gone', { waitMs: 60_000 })
    await until(app.removeAgent('gone', { graceMs: 0 }))
    expect(await until(gone)).toEqual([])
    const waiting = app.claimTasks('poller', { waitMs: 60_000 })
    await until(app.shutdown())
    expect(await waiting).toEqual([])
    expect((await failureOf(app.claimTasks('poller'))).code).toBe('NOT_RUNNING')
  })

  it('keeps a session in step', async () => {
    const { app, until } = await startApp()
    app.agent('poller', { accepts: ['a'] })
    const first = await until(app.submit({ type: 'a', sessionId: 's' }))
    const second = await until(app.submit({ type: 'a', sessionId: 's' }))
    const [claim] = await until(app.claimTasks('poller'))
    expect(claim?.taskId).toBe(first.id)
    await until(claim?.complete() ?? Promise.reject())
    const [next] = await until(app.claimTasks('poller', { waitMs: 1_000 }))
    expect(next?.taskId).toBe(second.id)
  })
})
