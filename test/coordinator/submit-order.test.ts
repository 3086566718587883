import { describe, expect, it } from 'vitest'
import { failureOf, gate, startApp } from '../support/app.js'

/** An agent with room for many, whose tasks end when the test says. */
async function busyApp() {
  const world = await startApp({ abandonAfterMs: 100 })
  const started: string[] = []
  const gates = new Map<string, ReturnType<typeof gate>>()
  world.app.agent('any', {
    maxConcurrentTasks: 10,
    handler: (name: string, ctx) => {
      started.push(`${name}${ctx.attempt > 1 ? ctx.attempt : ''}`)
      const own = gates.get(name) ?? gate()
      gates.set(name, own)
      ctx.signal.addEventListener('abort', () => own.fail(ctx.signal.reason))
      return own.opened
    },
  })
  const finish = async (name: string) => {
    gates.get(name)?.open(undefined)
    await world.clock.settle()
  }
  const submit = (input: string, options: object = {}) =>
    world.until(world.app.submit({ type: 'x', input, orderingKey: 'k', ...options }))
  return { ...world, started, finish, submit, gates }
}

describe('orderingKey', () => {
  it('runs one at a time, in order of submission; other keys and tenants go their own way', async () => {
    const { submit, started, finish } = await busyApp()
    await submit('a')
    await submit('b', { priority: 'critical' })
    await submit('c')
    await submit('other', { orderingKey: 'k2' })
    await submit('tenant', { tenant: 't' })
    expect(started).toEqual(['a', 'other', 'tenant'])
    await finish('a')
    expect(started.slice(3)).toEqual(['b'])
    await finish('b')
    expect(started.slice(4)).toEqual(['c'])
  })

  it('keeps the turn through retries', async () => {
    const { submit, started, gates, clock } = await busyApp()
    await submit('a')
    await submit('b')
    const first = gates.get('a')
    gates.delete('a')
    first?.fail(new Error('again'))
    await clock.settle()
    expect(started).toEqual(['a'])
    await clock.advance(5_000)
    expect(started).toEqual(['a', 'a2'])
  })

  it('passes the turn on when a task of the key fails, is cancelled or expires', async () => {
    const { submit, started, app, until, clock, finish } = await busyApp()
    await submit('a')
    const waiting = await submit('b')
    await submit('c', { expiresAt: clock.now() + 500 })
    await submit('d')
    expect(await until(waiting.cancel())).toBe(true)
    await clock.advance(1_000)
    await finish('a')
    expect(started).toEqual(['a', 'd'])
    expect((await until(app.listTasks({ status: ['failed', 'cancelled'] }))).tasks).toHaveLength(2)
  })

  it('gives a delayed task its number when it is due', async () => {
    const { submit, started, finish, clock } = await busyApp()
    await submit('delayed', { delayMs: 1_000 })
    await submit('a')
    await submit('b')
    expect(started).toEqual(['a'])
    await clock.advance(2_000)
    await finish('a')
    await finish('b')
    await finish('delayed')
    expect(started).toEqual(['a', 'b', 'delayed'])
  })

  it('reject: ORDERING_BUSY while another is unfinished, and nothing is written', async () => {
    const { submit, finish, app, until } = await busyApp()
    await submit('a')
    expect(await failureOf(submit('b', { whenBusy: 'reject' }))).toMatchObject({
      code: 'ORDERING_BUSY',
      data: { orderingKey: 'k' },
      retryable: true,
    })
    expect((await until(app.listTasks())).tasks).toHaveLength(1)
    await finish('a')
    await submit('b', { whenBusy: 'reject' })
  })

  it('reject: a repeated submit gets its own task, busy or not', async () => {
    const { submit } = await busyApp()
    const first = await submit('a', { whenBusy: 'reject', idempotencyKey: 'i' })
    expect((await submit('a', { whenBusy: 'reject', idempotencyKey: 'i' })).id).toBe(first.id)
  })

  it('interrupt: cancels the earlier ones, and starts when their handlers have returned', async () => {
    const { submit, started, until, clock, names } = await busyApp()
    const a = await submit('a')
    const b = await submit('b')
    const later = await submit('later', { delayMs: 60_000 })
    const c = await submit('c', { whenBusy: 'interrupt' })
    expect(await failureOf(until(a.result()))).toMatchObject({ code: 'TASK_CANCELLED' })
    expect(await failureOf(until(b.result()))).toMatchObject({ code: 'TASK_CANCELLED' })
    await clock.settle()
    expect(started).toEqual(['a', 'c'])
    expect((await until(later.snapshot())).status).toBe('pending')
    expect((await until(c.snapshot())).status).toBe('running')
    expect((await until(a.snapshot())).cancelReason).toContain(c.id)
    expect(names('task:cancelled')).toHaveLength(2)
  })

  it('interrupt: waits for a handler that ignores its signal, but no longer than until it is abandoned', async () => {
    const { app, until, clock } = await startApp({ abandonAfterMs: 1_000 })
    const started: string[] = []
    app.agent('deaf', {
      maxConcurrentTasks: 2,
      handler: (name: string) => {
        started.push(name)
        return name === 'a' ? new Promise(() => undefined) : 1
      },
    })
    await until(app.submit({ type: 'x', input: 'a', orderingKey: 'k' }))
    const b = await until(app.submit({ type: 'x', input: 'b', orderingKey: 'k', whenBusy: 'interrupt' }))
    await clock.advance(900)
    expect(started).toEqual(['a'])
    await until(b.result())
    expect(started).toEqual(['a', 'b'])
  })
})

describe('sessionId', () => {
  it('orders the tasks of a session, and gives them its context', async () => {
    const { app, until } = await startApp()
    app.agent('any', {
      maxConcurrentTasks: 5,
      handler: async (name: string, ctx) => {
        await Promise.resolve()
        ctx.session.update<string>('said', (said = '') => said + name)
        return { id: ctx.session.id, said: ctx.session.get('said') }
      },
    })
    const handles = []
    for (const input of ['a', 'b', 'c']) handles.push(await until(app.submit({ type: 'x', input, sessionId: 's' })))
    expect(await until(Promise.all(handles.map((handle) => handle.result())))).toEqual([
      { id: 's', said: 'a' },
      { id: 's', said: 'ab' },
      { id: 's', said: 'abc' },
    ])
  })

  it('reject: SESSION_BUSY', async () => {
    const { app, until } = await startApp()
    await until(app.submit({ type: 'x', sessionId: 's' }))
    expect(await failureOf(until(app.submit({ type: 'x', sessionId: 's', whenBusy: 'reject' })))).toMatchObject({
      code: 'SESSION_BUSY',
      data: { sessionId: 's' },
    })
  })

  it("is a tenant's own: the same id of another tenant is another session", async () => {
    const { app, until } = await startApp()
    app.agent('any', {
      handler: (_, ctx) => {
        ctx.session.update<number>('count', (count = 0) => count + 1)
        return ctx.session.get('count')
      },
    })
    const counts = []
    for (const tenant of ['a', 'a', 'b', 'a', 'b']) {
      counts.push((await until(app.run({ type: 'x', sessionId: 's', tenant }))).output)
    }
    expect(counts).toEqual([1, 2, 1, 3, 2])
  })
})
