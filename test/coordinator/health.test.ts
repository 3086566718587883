import { defineTask, type HealthOptions, NonRetryableError, type RoutingStrategy } from 'batuta'
import { describe, expect, it } from 'vitest'
import { timeText } from '../../src/internal/columns.js'
import { gate, startApp } from '../support/app.js'

const fails = () => {
  throw new Error('no')
}
const work = defineTask('work', { retry: false })
const NO_EJECTION: HealthOptions = { ejection: false, slowStartMs: 0 }

type World = Awaited<ReturnType<typeof startApp>>

/** Makes an agent fail tasks of a type so often that its breaker opens. */
async function trip({ app, until }: World, type = 'work', times = 20) {
  for (let i = 0; i < times; i++) await until(app.run({ type }).catch(() => undefined))
}

const breakerEvents = ({ events }: World) =>
  events.flatMap((event) => (event.type === 'agent:breaker' ? [event.state] : []))

describe('a breaker', () => {
  it('keeps tasks of the type from the agent, says until when, and lets one try', async () => {
    const world = await startApp(NO_EJECTION)
    const { app, until, clock } = world
    let isDown = true
    let open = gate()
    const started: string[] = []
    app.agent('a', {
      maxConcurrentTasks: 9,
      capabilities: ['x', 'y'],
      handlers: [
        work.handler(async (_, ctx) => {
          if (isDown) fails()
          started.push(ctx.task.id)
          await open.opened
        }),
      ],
    })
    await trip(world)
    const openUntil = new Date(clock.now() + 10_000)
    expect(breakerEvents(world)).toEqual(['open'])
    expect(app.agents()[0]?.health.breakers).toEqual([
      { taskType: 'work', state: 'open', calls: 20, failures: 20, until: openUntil },
    ])
    const options = [['x'], ['y'], []].map((requires) => ({ type: 'work', requires }))
    const tasks = await until(Promise.all(options.map((option) => app.submit(option))))
    const [first] = tasks
    const pending = await until(tasks[1]?.explain() ?? Promise.reject())
    expect(pending.pending).toEqual([{ kind: 'breaker_open', agents: 1, until: openUntil }])
    expect(String(pending)).toContain(`Breaker open until ${timeText(openUntil)}: an agent that can take it failed`)
    expect((await until(app.status())).lanes.map(({ healthy }) => healthy)).toEqual([0, 0, 0])

    isDown = false
    await clock.advance(9_999)
    expect(started).toEqual([])
    await clock.advance(1)
    await clock.advance(5_000)
    // Three lanes want to try; only one may.
    expect(started).toEqual([first?.id])
    const waiting = await until(tasks[1]?.explain() ?? Promise.reject())
    expect(waiting.pending).toEqual([{ kind: 'breaker_open', agents: 1 }])
    expect(String(waiting)).toContain('Breaker half open')

    // Cancelled, it says nothing about the agent: the next one tries.
    const stale = open
    open = gate()
    await until(first?.cancel() ?? Promise.reject())
    stale.open()
    await clock.advance(5_000)
    expect(started).toHaveLength(2)
    open.open()
    await clock.advance(10)
    expect(started).toHaveLength(3)
    expect(breakerEvents(world)).toEqual(['open', 'half_open', 'closed'])
    expect(app.agents()[0]?.health.breakers).toEqual([])
  })

  it('opens again when the one that tries fails, and is given again when its node lets it go', async () => {
    const world = await startApp(NO_EJECTION)
    const { app, until, clock } = world
    app.agent('a', { handlers: [work.handler(fails)] })
    await trip(world)
    const task = await until(app.submit(work, undefined))
    await clock.advance(10_000)
    await until(task.result().catch(() => undefined))
    expect(breakerEvents(world)).toEqual(['open', 'half_open', 'open'])
    app.restore('a')
    expect(breakerEvents(world)).toEqual(['open', 'half_open', 'open', 'closed'])
    expect(app.agents()[0]?.successRate).toBe(1)
  })

  it('is of one type: others go on', async () => {
    const world = await startApp(NO_EJECTION)
    const { app, until } = world
    app.agent('a', { handlers: [work.handler(fails)], handler: () => 'fine' })
    await trip(world)
    expect(breakerEvents(world)).toEqual(['open'])
    expect((await until(app.run({ type: 'good' }))).output).toBe('fine')
  })

  it('counts neither what was not retryable nor what was cancelled, but timeouts and wrong shapes', async () => {
    const number = {
      '~standard': {
        version: 1,
        vendor: 't',
        validate: (value: unknown) =>
          typeof value === 'number' ? { value } : { issues: [{ message: 'must be a number' }] },
      },
    } as const
    const shaped = defineTask('shaped', { retry: false, output: number as never })
    const slow = defineTask('slow', { retry: false, timeoutMs: 100 })
    const final = defineTask('final', { retry: false })
    const world = await startApp({ ...NO_EJECTION, breaker: { minCalls: 3 } })
    const { app, until } = world
    app.agent('a', {
      handlers: [
        shaped.handler((() => 'text') as never),
        slow.handler((_, ctx) => new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', reject))),
        final.handler(() => {
          throw new NonRetryableError('your fault')
        }),
      ],
    })
    for (const type of ['shaped', 'slow', 'final'])
      for (let i = 0; i < 3; i++) await until(app.run({ type }).catch(() => undefined))
    const opened = world.events.flatMap((event) => (event.type === 'agent:breaker' ? [event.taskType] : []))
    expect(opened).toEqual(['shaped', 'slow'])
    expect(app.agents()[0]).toMatchObject({ failed: 6, health: { failuresInARow: 6 } })
  })

  it('counts what agents report that poll, and learns how long it took', async () => {
    const world = await startApp({ ...NO_EJECTION, breaker: { minCalls: 2 } })
    const { app, until, clock } = world
    app.agent('poller', { accepts: [work, 'quick'] })
    const claim = async () => (await until(app.claimTasks('poller', { waitMs: 1_000 })))[0]
    const good = await until(app.submit({ type: 'quick' }))
    const one = await claim()
    await clock.advance(250)
    await until(one?.complete(1) ?? Promise.reject())
    await until(good.result())
    for (let i = 0; i < 2; i++) {
      await until(app.submit(work, undefined))
      await until((await claim())?.fail(new Error('no')) ?? Promise.reject())
    }
    expect(breakerEvents(world)).toEqual(['open'])
    expect(app.agents()[0]).toMatchObject({ completed: 1, failed: 2 })
    await until(app.submit({ type: 'quick' }))
    await claim()
    expect(app.decisions({ agent: 'poller' })[0]?.candidates[0]?.latencyMs).toBe(250)
  })

  it('holds for fallback attempts too, and not for those of other types in their lane', async () => {
    const world = await startApp({ ...NO_EJECTION, breaker: { minCalls: 4, openMs: 60_000 } })
    const { app, until, clock } = world
    let isDown = true
    const others = ['work', 'other'].map((type) => defineTask(type, { retry: false }))
    app.agent('main', { capabilities: ['main'], handlers: others.map((task) => task.handler(fails)) })
    app.agent('rescue', { handler: (_, ctx) => (isDown && ctx.task.type === 'work' ? fails() : ctx.task.type) })
    app.pause('main')
    await trip(world, 'work', 4)
    app.resume('main')
    expect(app.agents()[1]?.health.breakers).toMatchObject([{ taskType: 'work', state: 'open' }])
    isDown = false
    const options = { fallbackAgents: ['rescue'], requires: ['main'] }
    const held = await until(app.submit({ type: 'work', ...options }))
    expect((await until(app.run({ type: 'other', ...options }))).output).toBe('other')
    const { pending } = await until(held.explain())
    expect(pending).toMatchObject([{ kind: 'breaker_open', agents: 1, until: expect.any(Date) }])
    await clock.advance(59_000)
    expect((await until(held.snapshot())).status).toBe('pending')
    await clock.advance(1_000)
    expect(await until(held.result())).toBe('work')
  })
})

/** Two agents with one slot each, that work until the test lets them. */
async function pair() {
  const world = await startApp({ slowStartMs: 0 })
  const done = gate()
  for (const id of ['a', 'b']) world.app.agent(id, { handler: () => done.opened })
  return { ...world, done }
}

describe('ejection', () => {
  it('by hand leaves an agent out until then, says so, and ends by itself', async () => {
    const world = await pair()
    const { app, until, clock, done, names } = world
    app.eject('b', { forMs: 5_000 })
    const until_ = new Date(clock.now() + 5_000)
    expect(app.agents()[1]?.health.ejected).toEqual({ until: until_, by: 'operator', ejections: 0 })
    const [first, second] = await until(Promise.all([app.submit({ type: 'x' }), app.submit({ type: 'x' })]))
    await clock.settle()
    const decided = (await until(first.explain())).decisions[0]
    expect(decided?.refusals).toEqual([{ reason: 'ejected', count: 1, until: until_ }])
    expect(String(decided)).toContain(`Out of the question: 1 ejected until ${timeText(until_)}`)
    const explained = await until(second.explain())
    expect(explained.pending).toEqual([
      { kind: 'ejected', agents: 1, until: until_ },
      { kind: 'all_away', agents: 1, statuses: { full: 1 } },
    ])
    expect(String(explained)).toContain(`Ejected until ${timeText(until_)}: an agent that can take it`)
    await clock.advance(4_999)
    expect((await until(second.snapshot())).status).toBe('pending')
    await clock.advance(1)
    expect((await until(second.snapshot())).attempts[0]?.agentId).toBe('b')
    expect(names('agent:').slice(2)).toEqual(['agent:ejected', 'agent:restored'])
    done.open()
  })

  it('can be ended by hand, and asked for anew', async () => {
    const { app, clock, events } = await pair()
    app.eject('b')
    app.eject('b', { forMs: 1_000 })
    await clock.advance(999)
    expect(app.agents()[1]?.health.ejected).toBeDefined()
    app.restore('b')
    app.restore('b')
    await clock.advance(100_000)
    const restored = events.flatMap((event) => (event.type === 'agent:restored' ? [event.by] : []))
    expect(restored).toEqual(['operator'])
  })

  it('refuses who is not there, and times that are none', async () => {
    const { app } = await pair()
    expect(() => app.eject('c')).toThrow(expect.objectContaining({ code: 'AGENT_NOT_FOUND' }))
    expect(() => app.restore('c')).toThrow(expect.objectContaining({ code: 'AGENT_NOT_FOUND' }))
    for (const forMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e12, '5' as never])
      expect(() => app.eject('a', { forMs })).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
  })

  it('is overridden when too few are healthy: the decision, the lane and an event say so', async () => {
    const { app, until, clock, done, events } = await pair()
    app.eject('a')
    app.eject('b')
    const first = await until(app.submit({ type: 'x' }))
    await clock.settle()
    const [decision] = (await until(first.explain())).decisions
    expect([decision?.inPanic, decision?.able]).toEqual([true, 2])
    expect(String(decision)).toContain('So few agents are healthy that those ejected were asked, too (panic).')
    const facts = { healthy: 0, ejected: 2, inPanic: true, agents: 2 }
    expect((await until(app.status())).lanes).toMatchObject([facts])
    const panics = () => events.filter(({ type }) => type === 'routing:panic')
    expect(panics()).toMatchObject([{ taskType: 'x', requires: [], ...facts }])
    app.restore('a')
    await until(app.submit({ type: 'x' }))
    expect(panics()).toMatchObject([facts, { inPanic: false, healthy: 1, ejected: 1 }])
    done.open()
  })

  it('never lets an open breaker be overridden', async () => {
    const world = await startApp({ slowStartMs: 0, breaker: { minCalls: 5 } })
    const { app, until, clock } = world
    app.agent('a', { handlers: [work.handler(fails)] })
    await trip(world, 'work', 5)
    expect(world.names('agent:').slice(1)).toEqual(['agent:ejected', 'agent:breaker'])
    const task = await until(app.submit(work, undefined))
    await clock.advance(9_000)
    expect((await until(task.explain())).pending).toMatchObject([{ kind: 'breaker_open', agents: 1 }])
    expect((await until(app.status())).lanes).toMatchObject([{ healthy: 0, inPanic: true }])
  })
})

/** Two agents with one slot each: `a` fails at once, `b` takes 400 ms. The strategy prefers whom the test says. */
async function uneven() {
  let preferred = 'b'
  const strategy: RoutingStrategy = {
    name: 'preferred',
    select: ({ candidates }) => candidates.find(({ agentId }) => agentId === preferred) ?? candidates[0],
  }
  const world = await startApp({ ejection: false, breaker: false, router: strategy })
  const { app, until, clock } = world
  const started: string[] = []
  let isDown = true
  const serve = (id: string) =>
    work.handler(() => {
      started.push(id)
      if (id === 'a' && isDown) fails()
      return new Promise<void>((resolve) => clock.setTimer(resolve, 400))
    })
  for (const id of ['a', 'b']) app.agent(id, { handlers: [serve(id)] })
  await until(app.run(work, undefined))
  preferred = 'a'
  const fail = () => until(app.run(work, undefined).catch(() => undefined))
  return { ...world, fail, started, repair: () => (isDown = false), a: () => app.agents()[0] }
}

describe('a slot freed by a failure', () => {
  it('counts as taken as long as a success would have taken, while somebody else is free', async () => {
    const { app, until, clock, fail, a } = await uneven()
    await fail()
    expect(a()).toMatchObject({ cooling: 1, inFlight: 1, status: 'idle', failed: 1 })
    const { explain } = await until(app.run(work, undefined))
    const [decision] = (await until(explain())).decisions
    expect([decision?.agent, decision?.refusals]).toEqual(['b', [{ reason: 'full', count: 1 }]])
    expect(a()).toMatchObject({ cooling: 0, inFlight: 0 })
    await fail()
    await clock.advance(399)
    expect(a()?.cooling).toBe(1)
    await clock.advance(1)
    expect(a()?.cooling).toBe(0)
  })

  it('is let go when nobody else is free', async () => {
    const { app, until, clock, fail, started, repair, a } = await uneven()
    await fail()
    repair()
    await until(app.submit(work, undefined))
    await clock.settle()
    expect([started, a()?.cooling]).toEqual([['b', 'a', 'b'], 1])
    await until(app.submit(work, undefined))
    await clock.settle()
    expect([started, a()?.cooling]).toEqual([['b', 'a', 'b', 'a'], 0])
  })

  it('keeps no drain and no shutdown waiting', async () => {
    const { app, until, clock, fail, a } = await uneven()
    await fail()
    const before = clock.now()
    await until(app.drain('a'))
    expect([a()?.cooling, clock.now() - before]).toEqual([0, 0])
  })
})

it('a new agent gets its share little by little in a team that is warm', async () => {
  const { app, until, clock } = await startApp()
  app.agent('old', { handler: () => 1 })
  expect(app.agents()[0]).toMatchObject({ weight: 1, health: { failuresInARow: 0, breakers: [] } })
  await until(app.run({ type: 'x' }))
  await clock.advance(30_000)
  app.agent('new', { handler: () => 1 })
  const slowUntil = clock.now() + 30_000
  expect(app.agents()[1]).toMatchObject({ weight: 0.1, health: { slowStartUntil: new Date(slowUntil) } })
  await clock.advance(15_000)
  const { explain } = await until(app.run({ type: 'x' }))
  const [decision] = (await until(explain())).decisions
  expect([decision?.agent, decision?.candidates[1]?.weight]).toEqual(['old', 0.5])
  await clock.advance(15_000)
  await until(app.run({ type: 'x' }))
  expect(app.agents()[1]?.weight).toBe(1)
  expect(app.agents()[1]?.health.slowStartUntil).toBeUndefined()
})

it('nothing is left of it after a shutdown', async () => {
  const { app, until, clock, fail } = await uneven()
  await fail()
  app.eject('b', { forMs: 3_600_000 })
  const open = await startApp({ ...NO_EJECTION, clock })
  open.app.agent('a', { handlers: [work.handler(fails)] })
  await trip(open)
  expect(breakerEvents(open)).toEqual(['open'])
  await until(Promise.all([app.shutdown(), open.app.shutdown()]))
  expect(clock.pendingTimers).toBe(0)
})
