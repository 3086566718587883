import { defineTask, type OrchestratorOptions } from 'batuta'
import { VirtualClock } from 'batuta/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/internal/random.js'
import { gate, startApp } from '../../support/app.js'
import { mostIn } from './windows.js'

type World = Awaited<ReturnType<typeof startApp>>

const sleepOn = (clock: VirtualClock, ms: number) => new Promise<void>((resolve) => clock.setTimer(resolve, ms))

/** An application with a type whose handlers write down when they start. */
async function recording(options: OrchestratorOptions & { readonly clock?: VirtualClock } = {}) {
  const world = await startApp(options)
  const starts: { at: number; input: unknown }[] = []
  const handler = (workMs: (input: unknown) => number) => async (input: unknown) => {
    starts.push({ at: world.clock.now(), input })
    const ms = workMs(input)
    if (ms > 0) await sleepOn(world.clock, ms)
  }
  return { ...world, starts, handler }
}

const submitMany = ({ app, until }: World, type: string, count: number) =>
  until(Promise.all(Array.from({ length: count }, (_, i) => app.submit({ type, input: i }))))

describe('rateLimit of an agent', () => {
  it('is never exceeded in any window, and the next permit is used the moment it is due', async () => {
    const world = await recording()
    const { app, clock, starts, handler } = world
    app.agent('any', { maxConcurrentTasks: 10, rateLimit: { limit: 3, perMs: 1_000 }, handler: handler(() => 0) })
    await submitMany(world, 'x', 10)
    const from = starts[0]?.at ?? 0
    await clock.advance(5_000)
    expect(starts.map(({ at }) => at - from)).toEqual([0, 0, 0, 1_000, 1_000, 1_000, 2_000, 2_000, 2_000, 3_000])
    expect(starts.map(({ input }) => input)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('leaves the work to others, and the agent its other lanes', async () => {
    const world = await recording()
    const { app, starts, handler, until } = world
    app.agent('limited', { rateLimit: { limit: 1, perMs: 60_000 }, handler: handler(() => 0) })
    app.agent('other', { handler: handler(() => 0) })
    const handles = await submitMany(world, 'x', 20)
    await until(Promise.all(handles.map((handle) => handle.result())), 1_000)
    expect(starts).toHaveLength(20)
    expect(app.agents().map(({ completed }) => completed)).toEqual([1, 19])
  })

  it('counts from the start of the handler, not from its dispatch or its end', async () => {
    const world = await recording()
    const { app, clock, starts, handler } = world
    app.agent('any', { maxConcurrentTasks: 5, rateLimit: { limit: 1, perMs: 100 }, handler: handler(() => 5_000) })
    await submitMany(world, 'x', 3)
    await clock.advance(1_000)
    expect(starts.map(({ at }) => at - (starts[0]?.at ?? 0))).toEqual([0, 100, 200])
  })

  it('gives the permit back when the handler never starts', async () => {
    const world = await recording()
    const { app, clock, until, starts, handler } = world
    const broken = defineTask('broken', {
      retry: false,
      input: {
        '~standard': {
          version: 1,
          vendor: 'test',
          validate: (value) => (runs++ < 1 ? { value } : { issues: [{ message: 'no longer fits' }] }),
        },
      },
    })
    let runs = 0
    app.agent('any', { rateLimit: { limit: 1, perMs: 60_000 }, handlers: [broken.handler(handler(() => 0))] })
    app.agent('same', { rateLimit: { limit: 1, perMs: 60_000 }, handler: handler(() => 0) })
    app.pause('same')
    await until(app.submit(broken, 1))
    await clock.advance(10)
    expect(starts).toHaveLength(0)
    expect((await until((await until(app.submit({ type: 'y' }))).explain())).pending).toMatchObject([
      { kind: 'all_away', agents: 1 },
    ])
    runs = -2
    await until(app.run(broken, 2), 1_000)
    expect(starts).toHaveLength(1)
  })

  it('holds for claims of an agent that polls, too', async () => {
    const { app, clock, until } = await startApp()
    app.agent('poller', { maxConcurrentTasks: 9, accepts: ['x'], rateLimit: { limit: 2, perMs: 1_000 } })
    await until(Promise.all(Array.from({ length: 5 }, () => app.submit({ type: 'x' }))))
    const got: number[] = []
    const from = clock.now()
    for (let i = 0; i < 3; i++) {
      const claims = await until(app.claimTasks('poller', { waitMs: 5_000 }))
      for (const claim of claims) {
        got.push(clock.now() - from)
        await until(claim.complete())
      }
    }
    expect(got).toEqual([0, 0, 1_000, 1_000, 2_000])
  })
})

describe('rateLimit of a definition', () => {
  it('holds over all agents, and in nobody else’s way', async () => {
    const world = await recording()
    const { app, clock, until, starts, handler } = world
    const limited = defineTask('limited', { rateLimit: { limit: 2, perMs: 1_000 } })
    for (const id of ['a', 'b']) {
      app.agent(id, { maxConcurrentTasks: 5, handlers: [limited.handler(handler(() => 0))], handler: handler(() => 0) })
    }
    await submitMany(world, 'limited', 50)
    const other = await submitMany(world, 'other', 20)
    await until(Promise.all(other.map((handle) => handle.result())), 100)
    expect(starts).toHaveLength(22)
    await clock.advance(4_000)
    expect(starts).toHaveLength(30)
  })

  it('starts a new task of another type at once, whatever waits behind the limit', async () => {
    const world = await recording()
    const { app, until, handler } = world
    const limited = defineTask('limited', { rateLimit: { limit: 1, perMs: 1_000 } })
    app.agent('a', {
      maxConcurrentTasks: 5,
      handlers: [limited.handler(handler(() => 0))],
      handler: handler(() => 500),
    })
    await submitMany(world, 'limited', 5)
    const task = await until(app.submit({ type: 'other' }))
    // Stored running: two writes in its life instead of three.
    expect((await until(task.snapshot())).status).toBe('running')
  })

  it('holds for fallback agents, whose lanes hold other types too', async () => {
    const world = await recording()
    const { app, clock, until, starts, handler } = world
    const limited = defineTask('limited', { rateLimit: { limit: 2, perMs: 1_000 }, retry: false, requires: ['main'] })
    app.agent('main', {
      capabilities: ['main'],
      maxConcurrentTasks: 5,
      handlers: [
        limited.handler(async (input) => {
          await handler(() => 0)(input)
          throw new Error('no')
        }),
      ],
    })
    app.agent('rescue', { maxConcurrentTasks: 5, handler: handler(() => 0) })
    const handles = await until(app.submitMany(limited, [1, 2, 3, 4] as never[], { fallbackAgents: ['rescue'] }))
    await clock.advance(10)
    expect((await until(handles[0]?.explain() ?? Promise.reject())).pending[0]).toMatchObject({
      kind: 'rate_limited',
      taskType: 'limited',
    })
    await until(Promise.all(handles.map((handle) => handle.result())))
    expect(starts).toHaveLength(8)
    expect(mostIn(1_000, starts)).toBe(2)
  })

  it('leaves no timer after shutdown', async () => {
    const clock = new VirtualClock()
    const world = await recording({ clock })
    const { app, until, handler } = world
    const limited = defineTask('limited', { rateLimit: { limit: 1, perMs: 3_600_000 } })
    const rateLimit = { limit: 1, perMs: 3_600_000 }
    app.agent('a', { maxConcurrentTasks: 5, rateLimit, handlers: [limited.handler(handler(() => 0))] })
    await submitMany(world, 'limited', 3)
    await clock.advance(100)
    await until(app.shutdown({ graceMs: 0 }))
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('explain() of a task that a limit holds back', () => {
  it('rate_limited: its type, until when', async () => {
    const world = await recording()
    const { app, clock, until, handler } = world
    const limited = defineTask('limited', { rateLimit: { limit: 1, perMs: 5_000 } })
    app.agent('a', { maxConcurrentTasks: 5, handlers: [limited.handler(handler(() => 0))] })
    const from = clock.now()
    const [, second] = await submitMany(world, 'limited', 2)
    await clock.advance(1_000)
    const explanation = await until(second?.explain() ?? Promise.reject())
    expect(explanation.pending).toEqual([{ kind: 'rate_limited', until: new Date(from + 5_000), taskType: 'limited' }])
    expect(String(explanation)).toContain(`"limited" are rate limited until ${new Date(from + 5_000).toISOString()}`)
  })

  it('rate_limited: the agents that could take it, until the first of them may', async () => {
    const world = await recording()
    const { app, clock, until, handler } = world
    const from = clock.now()
    const done = gate()
    app.agent('a', { rateLimit: { limit: 1, perMs: 9_000 }, handler: handler(() => 0) })
    app.agent('b', { rateLimit: { limit: 1, perMs: 5_000 }, handler: handler(() => 0) })
    const handles = await submitMany(world, 'x', 3)
    await clock.advance(1_000)
    const pending = async () => (await until(handles[2]?.explain() ?? Promise.reject())).pending
    expect(await pending()).toEqual([{ kind: 'rate_limited', until: new Date(from + 5_000), agents: 2 }])
    app.agent('c', { handler: () => done.opened })
    app.pause('c')
    expect(await pending()).toEqual([
      { kind: 'rate_limited', until: new Date(from + 5_000), agents: 2 },
      { kind: 'all_away', agents: 1, statuses: { paused: 1 } },
    ])
    done.open()
  })
})

describe('status()', () => {
  it('shows what limits hold back, and until when: agents and types', async () => {
    const world = await recording()
    const { app, clock, until, handler } = world
    const limited = defineTask('limited', { rateLimit: { limit: 1, perMs: 5_000 } })
    app.agent('a', { handlers: [limited.handler(handler(() => 0))] })
    app.agent('b', { rateLimit: { limit: 1, perMs: 9_000 }, handler: handler(() => 0) })
    const view = async () => {
      const { agents, limited } = await until(app.status())
      return { agents: agents.map((agent) => agent.limited), limited }
    }
    expect(await view()).toEqual({ agents: [undefined, undefined], limited: [] })
    app.pause('b')
    const from = clock.now()
    await until(app.run(limited, undefined as never))
    app.resume('b')
    await until(app.run({ type: 'x' }))
    expect(await view()).toEqual({
      agents: [undefined, { reason: 'rate_limited', until: new Date(from + 9_000) }],
      limited: [{ taskType: 'limited', reason: 'rate_limited', until: new Date(from + 5_000) }],
    })
    await clock.advance(9_000)
    expect(await view()).toEqual({ agents: [undefined, undefined], limited: [] })
  })
})

describe('a rate limit', () => {
  it.each([1, 5, 50])(
    'holds strictly with %i concurrent callers, at 0.95 of its rate or more under backlog',
    async (callers) => {
      await fc.assert(
        fc.asyncProperty(
          fc.record({
            limit: fc.integer({ min: 1, max: 20 }),
            perMs: fc.integer({ min: 10, max: 2_000 }),
            slots: fc.integer({ min: 20, max: 40 }),
            of: fc.constantFrom('agent' as const, 'type' as const, 'both' as const),
            seed: fc.nat(),
          }),
          async ({ limit, perMs, slots, of, seed }) => {
            const world = await recording()
            const { app, clock, until, starts, handler } = world
            const rateLimit = { limit, perMs }
            const random = seededRandom(seed)
            const draw = (max: number) => Math.floor(random.next() * max)
            const limited = defineTask('limited', {
              ...(of === 'agent' ? undefined : { rateLimit }),
              retry: { maxRetries: 1, minDelayMs: 1, maxDelayMs: 1 },
            })
            // Never longer than half a window, or the slots and not the limit would decide.
            const work = handler(() => draw(Math.ceil(perMs / 2)))
            app.agent('a', {
              maxConcurrentTasks: slots,
              ...(of === 'type' ? undefined : { rateLimit }),
              handlers: [
                limited.handler(async (input) => {
                  await work(input)
                  if (draw(10) === 0) throw new Error('now and then')
                }),
              ],
            })
            // Callers that come at odd moments, give up now and then, and keep a backlog all the time.
            let isOver = false
            const caller = async () => {
              while (!isOver) {
                const tasks = await Promise.all(
                  Array.from({ length: Math.ceil((2 * limit) / callers) + 1 }, () => app.submit({ type: 'limited' })),
                )
                await sleepOn(clock, draw(perMs))
                if (draw(5) === 0) await tasks[draw(tasks.length)]?.cancel()
              }
            }
            const all = Promise.all(Array.from({ length: callers }, caller))
            const windows = 10
            const from = clock.now()
            await clock.advance(windows * perMs)
            const count = starts.filter(({ at }) => at < from + windows * perMs).length
            isOver = true
            await until(all)
            expect(mostIn(perMs, starts)).toBeLessThanOrEqual(limit)
            expect(count).toBeGreaterThanOrEqual(0.95 * windows * limit)
            await until(app.shutdown({ graceMs: 0 }))
          },
        ),
        { numRuns: 6 },
      )
    },
    60_000,
  )
})

describe('bad limits', () => {
  it.each([
    [{ rateLimit: { limit: 0, perMs: 1 } }, 'rateLimit.limit'],
    [{ rateLimit: { limit: -1, perMs: 1 } }, 'rateLimit.limit'],
    [{ rateLimit: { limit: 1.5, perMs: 1 } }, 'rateLimit.limit'],
    [{ rateLimit: { limit: Number.NaN, perMs: 1 } }, 'rateLimit.limit'],
    [{ rateLimit: { limit: 1e9, perMs: 1 } }, 'rateLimit.limit'],
    [{ rateLimit: { limit: 1 } }, 'rateLimit.perMs'],
    [{ rateLimit: { limit: 1, perMs: 0 } }, 'rateLimit.perMs'],
    [{ rateLimit: { limit: 1, perMs: Number.POSITIVE_INFINITY } }, 'rateLimit.perMs'],
    [{ rateLimit: { limit: 1, perSec: 1, perMs: 1 } }, 'rateLimit.perSec'],
    [{ rateLimit: 5 }, 'rateLimit'],
    [{ budget: { perMs: 1 } }, 'budget'],
    [{ budget: { usd: 0, perMs: 1 } }, 'budget.usd'],
    [{ budget: { tokens: -1, perMs: 1 } }, 'budget.tokens'],
    [{ budget: { tokens: Number.NaN, perMs: 1 } }, 'budget.tokens'],
    [{ budget: { tokens: 1 } }, 'budget.perMs'],
  ])('%j is refused for agents and definitions alike', async (options, path) => {
    const { app, failure } = await startApp()
    const add = async () => app.agent('a', { ...(options as object), handler: () => 1 })
    const define = async () => app.submit(defineTask('t', options as object), undefined)
    for (const call of [add, define]) {
      const { code, data } = await failure(call())
      expect(code).toBe('OPTIONS_INVALID')
      const { issues } = data as { issues: { path: string[] }[] }
      expect(issues.map((issue) => issue.path.join('.'))).toEqual([path])
    }
  })
})
