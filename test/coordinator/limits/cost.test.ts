import { type Cost, defineTask, type TaskContext } from 'batuta'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SpendWindow } from '../../../src/coordinator/limits/spend-window.js'
import { gate, startApp } from '../../support/app.js'
import { mostIn } from './windows.js'

type Spend = Parameters<TaskContext['cost']>[0]

describe('ctx.cost', () => {
  it('adds up over an attempt, and is kept with it, however it ends', async () => {
    const { app, until, events } = await startApp({ retry: { minDelayMs: 10, maxDelayMs: 10 } })
    app.agent('any', {
      handler: (_, { cost, attempt }) => {
        cost({ tokens: 100 })
        cost({ usd: 0.1 })
        cost({ tokens: 20, usd: 0.2 })
        if (attempt === 1) throw new Error('no')
        cost({ tokens: 0.5 })
      },
    })
    const { task } = await until(app.run({ type: 'x' }))
    expect(task.attempts.map(({ outcome, cost }) => ({ outcome, cost }))).toEqual([
      { outcome: 'failed', cost: { tokens: 120, usd: 0.3 } },
      { outcome: 'completed', cost: { tokens: 120.5, usd: 0.3 } },
    ])
    const last = events.find((event) => event.type === 'task:completed')
    expect(last).toMatchObject({ task: { attempts: [{ cost: { tokens: 120 } }, { cost: { tokens: 120.5 } }] } })
  })

  it('is kept with an attempt that was cancelled, and absent where nothing was said', async () => {
    const { app, until } = await startApp()
    const done = gate()
    app.agent('any', {
      handler: (input, ctx) => {
        if (input === 'says') ctx.cost({ usd: 2 })
        return done.opened
      },
    })
    const task = await until(app.submit({ type: 'x', input: 'says' }))
    await until(task.cancel())
    done.open()
    await until(app.run({ type: 'x', input: 'silent' }))
    expect((await until(task.snapshot())).attempts).toMatchObject([{ outcome: 'cancelled', cost: { usd: 2 } }])
    const { tasks } = await until(app.listTasks({ status: 'completed' }))
    expect(tasks[0]?.attempts[0]).not.toHaveProperty('cost')
  })

  it('never throws; what is no cost is dropped', async () => {
    const { app, until } = await startApp()
    const junk: unknown[] = [
      undefined,
      null,
      5,
      'x',
      {},
      { usd: -1 },
      { tokens: Number.NaN },
      { usd: '1' },
      { usd: 1e300 },
    ]
    app.agent('any', {
      handler: (_, ctx) => {
        for (const spent of junk) ctx.cost(spent as Spend)
        ctx.cost({ tokens: 1 })
      },
    })
    const { task } = await until(app.run({ type: 'x' }))
    expect(task.attempts[0]?.cost).toEqual({ tokens: 1 })
  })

  it('is told by claims of an agent that polls, too', async () => {
    const { app, until } = await startApp()
    app.agent('poller', { accepts: ['x'] })
    const task = await until(app.submit({ type: 'x' }))
    const [claim] = await until(app.claimTasks('poller'))
    claim?.cost({ usd: 1.5 })
    claim?.cost({ usd: 1.5 })
    claim?.cost('much' as Spend)
    await until(claim?.complete() ?? Promise.reject())
    expect((await until(task.snapshot())).attempts[0]?.cost).toEqual({ usd: 3 })
  })
})

describe('a budget', () => {
  it('of an agent: charged after, and nothing starts while it is used up', async () => {
    const { app, until, clock } = await startApp()
    const starts: number[] = []
    const from = clock.now()
    app.agent('any', {
      budget: { tokens: 100, perMs: 60_000 },
      handler: (_, ctx) => {
        starts.push(clock.now() - from)
        ctx.cost({ tokens: 40 })
      },
    })
    const handles = await until(Promise.all([1, 2, 3, 4, 5].map(() => app.submit({ type: 'x' }))))
    await clock.advance(1_000)
    expect(starts).toEqual([0, 0, 0])
    const explanation = await until(handles[4]?.explain() ?? Promise.reject())
    expect(explanation.pending).toEqual([{ kind: 'over_budget', until: new Date(from + 60_000), agents: 1 }])
    expect(String(explanation)).toContain(`budget that is used up until ${new Date(from + 60_000).toISOString()}`)
    await until(Promise.all(handles.map((handle) => handle.result())), 120_000)
    expect(starts).toEqual([0, 0, 0, 60_000, 60_000])
  })

  it('of a definition: what it estimates is reserved before, and what was reported counts after', async () => {
    const { app, until, clock } = await startApp()
    const asked = defineTask('asked', {
      budget: { usd: 1, perMs: 60_000 },
      estimate: (input: unknown) => ({ usd: Number(input) }),
    })
    const starts: unknown[] = []
    const done = gate()
    app.agent('any', {
      maxConcurrentTasks: 9,
      handlers: [
        asked.handler(async (input, ctx) => {
          starts.push(input)
          await done.opened
          ctx.cost({ usd: 0.1 })
        }),
      ],
      handler: () => 'free',
    })
    const submit = (usd: number) => until(app.submit(asked, usd as never))
    const tasks = [await submit(0.6), await submit(0.6), await submit(0.2)]
    await clock.advance(100)
    // In their order: the third would fit, but it is not its turn.
    expect(starts).toEqual([0.6])
    expect((await until(tasks[2]?.explain() ?? Promise.reject())).pending).toEqual([
      { kind: 'over_budget', taskType: 'asked' },
    ])
    // It is in nobody else's way.
    await until(app.run({ type: 'other' }), 100)
    done.open()
    await clock.advance(100)
    // 0.1 was spent of the 0.6 that were reserved, so both others fit: 0.1 + 0.6 + 0.2.
    expect(starts).toEqual([0.6, 0.6, 0.2])
  })

  it('counts the estimate of what was not reported, and nothing of what never started', async () => {
    const { app, until, clock } = await startApp()
    const silent = defineTask('silent', {
      budget: { tokens: 10, perMs: 60_000 },
      estimate: () => ({ tokens: 10 }),
      retry: { maxRetries: 1, minDelayMs: 10, maxDelayMs: 10 },
    })
    const starts: number[] = []
    const from = clock.now()
    app.agent('any', {
      handlers: [
        silent.handler((_, ctx) => {
          starts.push(clock.now() - from)
          if (ctx.attempt === 1) throw new Error('who knows what that has cost')
        }),
      ],
    })
    await until(app.run(silent, undefined as never), 200_000)
    // The retry reserves for itself; what the first attempt cost is not reserved once more.
    expect(starts).toEqual([0, 60_000])
  })

  it('is waited for by another agent’s tasks alone: others take the rest', async () => {
    const { app, until } = await startApp()
    const dear = defineTask('dear', { estimate: () => ({ usd: 5 }) })
    app.agent('poor', { budget: { usd: 1, perMs: 3_600_000 }, handlers: [dear.handler((_, ctx) => ctx.agent.id)] })
    app.agent('rich', { budget: { usd: 100, perMs: 3_600_000 }, handlers: [dear.handler((_, ctx) => ctx.agent.id)] })
    // An estimate above the whole budget needs all of it: once.
    const outputs = []
    for (let i = 0; i < 6; i++) outputs.push((await until(app.run(dear, undefined as never), 1_000)).output)
    expect(outputs.filter((id) => id === 'poor').length).toBe(1)
  })

  it('counts an estimate that throws, or is no cost, as nothing', async () => {
    const { app, until } = await startApp()
    for (const [type, estimate] of Object.entries({
      throwing: () => {
        throw new Error('no')
      },
      junk: () => ({ usd: Number.NaN }),
      promised: async () => ({ usd: 1 }),
    })) {
      const odd = defineTask(type, { budget: { usd: 1, perMs: 60_000 }, estimate: estimate as () => Cost })
      app.agent(type, { handlers: [odd.handler(() => 'done')] })
      expect((await until(app.run(odd, undefined as never))).output).toBe('done')
    }
  })

  it('is never exceeded in any window as long as estimates are not too low, and is used as far as it goes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          perMs: fc.integer({ min: 50, max: 2_000 }),
          callers: fc.constantFrom(1, 5, 50),
          costs: fc.array(
            fc.record({ estimate: fc.integer({ min: 1, max: 40 }), part: fc.nat(100), workMs: fc.nat(300) }),
            {
              minLength: 20,
              maxLength: 60,
            },
          ),
          of: fc.constantFrom('agent' as const, 'type' as const),
        }),
        async ({ perMs, callers, costs, of }) => {
          const { app, until, clock } = await startApp()
          const budget = { tokens: 100, perMs }
          const spent: { at: number; amount: number }[] = []
          const task = defineTask('task', {
            estimate: (input: unknown) => ({ tokens: costs[Number(input)]?.estimate ?? 0 }),
            retry: { maxRetries: 2, minDelayMs: 1, maxDelayMs: 1 },
            ...(of === 'type' ? { budget } : undefined),
          })
          const work = async (input: unknown, ctx: TaskContext<unknown>) => {
            const { estimate = 0, part = 0, workMs = 0 } = costs[Number(input)] ?? {}
            await new Promise<void>((resolve) => clock.setTimer(resolve, workMs))
            const tokens = Math.floor((estimate * part) / 100)
            spent.push({ at: clock.now(), amount: tokens })
            ctx.cost({ tokens })
            await new Promise<void>((resolve) => clock.setTimer(resolve, workMs))
            if (part % 4 === 0 && ctx.attempt < 3) throw new Error('now and then')
          }
          app.agent('any', {
            maxConcurrentTasks: 60,
            ...(of === 'agent' ? { budget } : undefined),
            handlers: [task.handler(work as never)],
          })
          let next = 0
          const caller = async () => {
            while (next < costs.length) await app.run(task, next++ as never)
          }
          await until(Promise.all(Array.from({ length: callers }, caller)))
          expect(mostIn(perMs, spent)).toBeLessThanOrEqual(100)
          await until(app.shutdown({ graceMs: 0 }))
        },
      ),
      { numRuns: 25 },
    )
  }, 60_000)
})

describe('the window of a budget', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('hold' as const), tokens: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ do: fc.constant('settle' as const), part: fc.nat(100) }),
    fc.record({
      do: fc.constant('pass' as const),
      ms: fc.oneof(fc.nat(600), fc.double({ min: 0, max: 600, noNaN: true })),
    }),
  )

  it('holds no more than the budget, forgets exactly, and names a time at which there really is room', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 300, size: 'max' }),
        fc.constantFrom(10, 1_000, 50_000),
        (steps, perMs) => {
          const window = new SpendWindow({ tokens: 50, perMs })
          const spent: { at: number; amount: number }[] = []
          const held: { tokens: number; nanoUsd: number }[] = []
          let now = 0
          for (const one of steps) {
            if (one.do === 'pass') now += one.ms
            else if (one.do === 'settle') {
              const what = held.shift()
              if (what === undefined) continue
              const amount = Math.floor((what.tokens * one.part) / 100)
              window.settle(what, { tokens: amount, nanoUsd: 0 }, now)
              spent.push({ at: now, amount })
            } else {
              const need = { tokens: one.tokens, nanoUsd: 0 }
              const opensAt = window.opensAt(now, need)
              const used = spent.filter(({ at }) => now - at < perMs).reduce((sum, { amount }) => sum + amount, 0)
              const reserved = held.reduce((sum, { tokens }) => sum + tokens, 0)
              if (opensAt <= now) {
                expect(used + reserved + one.tokens).toBeLessThanOrEqual(50)
                window.hold(need)
                held.push(need)
              } else if (Number.isFinite(opensAt)) {
                expect(opensAt).toBeGreaterThan(now)
                // There and then, but for what the sum was rounded by.
                now = opensAt + 1e-6
                expect(window.opensAt(now, need)).toBe(now)
              } else expect(reserved + one.tokens).toBeGreaterThan(50)
            }
          }
          while (held.length > 0)
            window.settle(held.shift() ?? { tokens: 0, nanoUsd: 0 }, { tokens: 0, nanoUsd: 0 }, now)
          now += perMs + 1e-6
          expect(window.opensAt(now, { tokens: 50, nanoUsd: 0 })).toBe(now)
          expect(mostIn(perMs, spent)).toBeLessThanOrEqual(50)
        },
      ),
    )
  })
})
