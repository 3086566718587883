import { defineTask, priority, weightedRoundRobin } from 'batuta'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { gate, startApp } from '../support/app.js'

const quote = defineTask('quote', { input: z.object({ areaM2: z.number() }).loose() })

describe('idempotencyKey', () => {
  it('gives the first task for the same input, whatever the order of its keys', async () => {
    const { app, until } = await startApp()
    let runs = 0
    app.agent('quotes', { handlers: [quote.handler(() => ++runs)] })
    const first = await until(app.submit(quote, { areaM2: 1, b: { c: 1, d: 2 } }, { idempotencyKey: 'q-1' }))
    expect(await until(first.result())).toBe(1)
    const again = await until(app.submit(quote, { b: { d: 2, c: 1 }, areaM2: 1 }, { idempotencyKey: 'q-1' }))
    expect(again.id).toBe(first.id)
    expect((await until(app.run(quote, { areaM2: 1, b: { c: 1, d: 2 } }, { idempotencyKey: 'q-1' }))).output).toBe(1)
    expect(runs).toBe(1)
  })

  it('refuses another input with IDEMPOTENCY_CONFLICT, which names the first task', async () => {
    const { app, until, failure } = await startApp()
    const first = await until(app.submit(quote, { areaM2: 1 }, { idempotencyKey: 'q-1' }))
    expect(await failure(app.submit(quote, { areaM2: 2 }, { idempotencyKey: 'q-1' }))).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
      data: { idempotencyKey: 'q-1', taskId: first.id },
    })
    expect((await until(app.listTasks())).tasks).toHaveLength(1)
  })

  it('makes one task of many concurrent submits', async () => {
    const { app, until } = await startApp()
    const handles = await until(
      Promise.all(Array.from({ length: 20 }, () => app.submit(quote, { areaM2: 1 }, { idempotencyKey: 'q-1' }))),
    )
    expect(new Set(handles.map(({ id }) => id)).size).toBe(1)
    expect((await until(app.listTasks())).tasks).toHaveLength(1)
  })

  it('is per tenant and type', async () => {
    const other = defineTask('other', { input: z.object({ areaM2: z.number() }) })
    const { app, until } = await startApp()
    const ids = await until(
      Promise.all([
        app.submit(quote, { areaM2: 1 }, { idempotencyKey: 'k' }),
        app.submit(quote, { areaM2: 2 }, { idempotencyKey: 'k', tenant: 't' }),
        app.submit(other, { areaM2: 3 }, { idempotencyKey: 'k' }),
      ]),
    )
    expect(new Set(ids.map(({ id }) => id)).size).toBe(3)
  })

  it('is what handlers get, the same over all attempts; without one, the task id', async () => {
    const { app, until } = await startApp()
    const seen: string[] = []
    app.agent('any', {
      handler: (_, ctx) => {
        seen.push(ctx.idempotencyKey)
        if (ctx.attempt < 3) throw new Error('again')
      },
    })
    await until(app.run({ type: 'x', idempotencyKey: 'pay-7' }))
    expect(seen).toEqual(['pay-7', 'pay-7', 'pay-7'])
    const { task } = await until(app.run({ type: 'x' }))
    expect(seen.slice(3)).toEqual([task.id, task.id, task.id])
  })
})

describe('what goes first', () => {
  it('is the higher priority, then what was due earlier, then the lower id', async () => {
    const { app, until, clock } = await startApp()
    const handles = []
    for (const priority of ['low', 'normal', 'critical', 'high', 'normal'] as const) {
      handles.push(await until(app.submit({ type: 'x', input: handles.length, priority })))
    }
    await clock.advance(60_001)
    // A minute is what `normal` is worth: it comes after what has waited longer as `low`.
    handles.push(await until(app.submit({ type: 'x', input: 5 })))
    const seen: number[] = []
    app.agent('any', { handler: (i) => seen.push(i) })
    await until(Promise.all(handles.map((handle) => handle.result())))
    expect(seen).toEqual([2, 3, 1, 4, 0, 5])
  })

  it('is the priority of the submit, else the default, else of the definition', async () => {
    const task = defineTask('d', { priority: 'low', defaults: { priority: 'high' } })
    const bare = defineTask('b', { priority: 'low' })
    const { app, until } = await startApp()
    const priorityOf = async (handle: Promise<{ snapshot(): Promise<{ priority: string }> }>) =>
      (await until((await until(handle)).snapshot())).priority
    expect(await priorityOf(app.submit(task, undefined, { priority: 'critical' }))).toBe('critical')
    expect(await priorityOf(app.submit(task, undefined, { priority: undefined }))).toBe('high')
    expect(await priorityOf(app.submit(bare, undefined))).toBe('low')
  })

  it('is each tenant in turn', async () => {
    const { app, until } = await startApp()
    const handles = []
    for (const tenant of ['a', 'a', 'a', 'a', 'b', 'b', 'c']) {
      handles.push(await until(app.submit({ type: 'x', tenant })))
    }
    const seen: string[] = []
    app.agent('any', { handler: (_, ctx) => seen.push(ctx.task.tenant) })
    await until(Promise.all(handles.map((handle) => handle.result())))
    expect(seen.slice(0, 3).sort()).toEqual(['a', 'b', 'c'])
    expect(seen.slice(3, 5).sort()).toEqual(['a', 'b'])
    expect(seen.slice(5)).toEqual(['a', 'a'])
  })
})

describe('when', () => {
  it('is after delayMs, or at runAt, and at once when that has passed', async () => {
    const { app, until, clock } = await startApp()
    const from = clock.now()
    const seen: [unknown, number][] = []
    app.agent('any', { maxConcurrentTasks: 5, handler: (name) => seen.push([name, clock.now() - from]) })
    const handles = await until(
      Promise.all([
        app.submit({ type: 'x', input: 'delay', delayMs: 5_000 }),
        app.submit({ type: 'x', input: 'date', runAt: new Date(from + 3_000) }),
        app.submit({ type: 'x', input: 'number', runAt: from + 4_321 }),
        app.submit({ type: 'x', input: 'past', runAt: from - 1 }),
        app.submit({ type: 'x', input: 'a month', delayMs: 30 * 86_400_000 }),
      ]),
    )
    expect((await until(handles[0]?.snapshot() ?? Promise.reject())).runAt).toEqual(new Date(from + 5_000))
    await until(Promise.all(handles.slice(0, 4).map((handle) => handle.result())))
    expect(seen).toEqual([
      ['past', 0],
      ['date', 3_000],
      ['number', 4_321],
      ['delay', 5_000],
    ])
  })

  it('is never, once expiresAt has come', async () => {
    const { app, until, failure, clock } = await startApp()
    const task = await until(app.submit({ type: 'x', expiresAt: clock.now() + 2_500 }))
    const from = clock.now()
    const error = await failure(task.result())
    expect(error).toMatchObject({ code: 'TASK_FAILED', task: { error: { code: 'TASK_EXPIRED' }, attempts: [] } })
    expect(clock.now() - from).toBe(2_500)
    app.agent('late', { handler: () => 1 })
    await clock.advance(2_000)
    expect((await until(task.snapshot())).status).toBe('failed')
  })

  it('does not end what has been started', async () => {
    const { app, until, clock } = await startApp()
    const done = gate()
    app.agent('slow', { handler: () => done.opened })
    const task = await until(app.submit({ type: 'x', expiresAt: clock.now() + 100 }))
    await clock.advance(1_000)
    done.open()
    await until(task.result())
  })
})

describe('what does not go together', () => {
  it.each([
    [{ runAt: 1, delayMs: 1 }, 'OPTIONS_INVALID'],
    [{ orderingKey: 'k', sessionId: 's' }, 'ORDERING_CONFLICT'],
    [{ orderingKey: 'k', whenBusy: 'reject', delayMs: 5 }, 'ORDERING_CONFLICT'],
    [{ orderingKey: 'k', whenBusy: 'interrupt', delayMs: 5 }, 'ORDERING_CONFLICT'],
    [{ whenBusy: 'reject' }, 'ORDERING_CONFLICT'],
    [{ delayMs: 10_000, expiresAt: Date.UTC(2026, 0, 1) + 5_000 }, 'OPTIONS_INVALID'],
  ] as const)('%j', async (options, code) => {
    const { app, until, failure } = await startApp()
    expect((await failure(app.submit(quote, { areaM2: 1 }, options))).code).toBe(code)
    expect((await until(app.listTasks())).tasks).toEqual([])
  })
})

describe('the strategy of a task', () => {
  it('is refused at submit when it does not exist', async () => {
    const { app, failure, until } = await startApp()
    app.agent('any', { handler: () => 1 })
    expect(await failure(app.submit({ type: 'x', strategy: 'least_buzy' as never }))).toMatchObject({
      code: 'STRATEGY_UNKNOWN',
      data: { didYouMean: 'least_busy' },
    })
    const odd = defineTask('odd', { strategy: 'rond_robin' as never })
    expect((await failure(app.submit(odd, undefined))).code).toBe('STRATEGY_UNKNOWN')
    expect((await until(app.run({ type: 'x', strategy: 'round_robin' }))).task.attempts[0]?.strategy).toBe(
      'round_robin',
    )
  })

  it('may be an object of its definition, that keeps what it knows between tasks', async () => {
    const { app, until } = await startApp()
    for (const id of ['a', 'b', 'c']) app.agent(id, { maxConcurrentTasks: 9, handler: () => 1 })
    const inTurn = defineTask('in_turn', { strategy: weightedRoundRobin({ weights: { a: 2, b: 1, c: 1 } }) })
    const agents: (string | undefined)[] = []
    for (let i = 0; i < 8; i++) {
      const [attempt] = (await until(app.run(inTurn))).task.attempts
      expect(attempt?.strategy).toBe('weighted_round_robin')
      agents.push(attempt?.agentId)
    }
    expect(agents.toSorted()).toEqual(['a', 'a', 'a', 'a', 'b', 'b', 'c', 'c'])
    const other = await until(app.run(inTurn, undefined, { strategy: 'random' }))
    expect(other.task.attempts[0]?.strategy).toBe('random')
  })

  it.each([{}, { name: 'x' }, { name: '', select: () => undefined }, 7, null])(
    'is refused at its definition when it is none: %o',
    async (strategy) => {
      const { app, failure } = await startApp()
      const odd = defineTask('odd', { strategy: strategy as never })
      expect((await failure(app.submit(odd, undefined))).code).toBe('OPTIONS_INVALID')
    },
  )

  it('gives way to round_robin, and says so, when the one of its definition breaks', async () => {
    const { app, until, events } = await startApp()
    app.agent('any', { handler: () => 1 })
    const odd = defineTask('odd', { strategy: priority({ tiers: () => Number.NaN }) })
    expect((await until(app.run(odd))).task.attempts[0]?.strategy).toBe('round_robin')
    const fallback = events.find(({ type }) => type === 'routing:fallback')
    expect(fallback).toMatchObject({ strategy: 'priority', error: { code: 'STRATEGY_BROKEN' } })
  })
})
