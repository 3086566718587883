import { describe, expect, it } from 'vitest'
import type { BatutaError } from '../../src/errors/base-error.js'
import { seededRandom } from '../../src/internal/random.js'
import { Roster } from '../../src/router/roster.js'
import { Router } from '../../src/router/router.js'
import type { Candidate, RoutableTask, RoutingContext, RoutingStrategy } from '../../src/router/routing-strategy.js'
import { balanced } from '../../src/router/strategies/balanced.js'
import { capabilityMatch } from '../../src/router/strategies/capability-match.js'
import { roundRobin } from '../../src/router/strategies/round-robin.js'
import { STRATEGY_NAMES } from '../../src/router/strategies/strategy-by-name.js'

const TASK: RoutableTask = {
  id: 't-1',
  type: 'quote',
  requires: [],
  tenant: 'default',
  priority: 'normal',
  attempts: 0,
}

function team(agents: number, capacity = 2) {
  const roster = new Roster()
  const pool = roster.pool('task:quote:')
  const loads = Array.from({ length: agents }, (_, i) =>
    roster.add({ instanceId: `i${i}`, agentId: `a${i}`, capacity }),
  )
  for (const load of loads) pool.join(load)
  return { roster, pool, loads }
}

describe('route', () => {
  const agents = [
    { id: 'quotes', capabilities: ['price', 'mail'], maxConcurrentTasks: 4, inFlight: 1 },
    { id: 'pricing', capabilities: ['price'], maxConcurrentTasks: 4, inFlight: 3 },
    { id: 'full', capabilities: ['price'], inFlight: 1 },
    { id: 'mailer', capabilities: ['mail'] },
    { id: 'reports', capabilities: ['price'], types: ['report'] },
    { id: 'asleep', capabilities: ['price'], status: 'paused' as const },
  ]
  const task = { id: 't-7', type: 'quote', requires: ['price'] }

  it('takes plain tasks and agents, and says who, why, and who could not', () => {
    const decision = new Router().route(task, agents)
    expect(decision.agent).toBe('quotes')
    expect(decision.strategy).toBe('least_busy')
    expect(decision.score).toBeCloseTo(0.375)
    expect(decision.candidates.map(({ agent }) => agent)).toEqual(['quotes', 'pricing'])
    expect(decision.refusals).toEqual(
      expect.arrayContaining([
        { reason: 'full', count: 1 },
        { reason: 'no_capability', count: 1 },
        { reason: 'wrong_type', count: 1 },
        { reason: 'paused', count: 1 },
      ]),
    )
    expect(decision.refusals.length).toBe(4)
  })

  it('uses the strategy that is named', () => {
    const router = new Router({ strategy: 'balanced' })
    expect(router.route(task, agents).strategy).toBe('balanced')
    expect(router.route(task, agents, { strategy: 'capability_match' }).agent).toBe('pricing')
  })

  it('says when nobody can', () => {
    const decision = new Router().route({ requires: ['fly'] }, agents)
    expect([decision.agent, decision.score, decision.able]).toEqual([undefined, undefined, 0])
    expect(String(decision)).toContain('Nobody could take it.')
  })

  it.each(['round_robin', 'least_busy', 'balanced', 'capability_match'] as const)(
    'goes round equals with %s',
    (strategy) => {
      const router = new Router({ strategy })
      const equals = ['a', 'b', 'c'].map((id) => ({ id }))
      const chosen = Array.from({ length: 6 }, () => router.route({}, equals).agent)
      expect(new Set(chosen.slice(0, 3)).size).toBe(3)
      expect(chosen.slice(3)).toEqual(chosen.slice(0, 3))
    },
  )

  it.each([
    { id: '' },
    { id: 'a', inFlight: -1 },
    { id: 'a', inFlight: 0.5 },
    { id: 'a', maxConcurrentTasks: 0 },
    { id: 'a', successRate: 0 },
    { id: 'a', successRate: 1.2 },
    { id: 'a', latencyMs: Number.NaN },
    { id: 'a', cost: -1 },
    { id: 'a', weight: 0 },
  ])('refuses impossible agents: %o', (agent) => {
    expect(() => new Router().route({}, [agent])).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
  })

  it('refuses one agent listed twice, unless on two owners', () => {
    expect(() => new Router().route({}, [{ id: 'a' }, { id: 'a' }])).toThrow('listed twice')
    const twice = [
      { id: 'a', ownerId: 'n1', inFlight: 1, maxConcurrentTasks: 2 },
      { id: 'a', ownerId: 'n2', maxConcurrentTasks: 2 },
    ]
    expect(new Router().route({}, twice).instance).toBe('a@n2')
  })
})

describe('options', () => {
  it('say what was probably meant', () => {
    expect(() => new Router({ strategy: 'least_bussy' as never })).toThrow(
      expect.objectContaining({ code: 'STRATEGY_UNKNOWN', data: { name: 'least_bussy', didYouMean: 'least_busy' } }),
    )
    for (const [strategy, meant] of [
      ['least_bussy', 'Did you mean "least_busy"? '],
      ['fastest', ''],
    ]) {
      expect(() => new Router({ strategy: strategy as never })).toThrow(
        `There is no strategy "${strategy}". ${meant}Use one of ${STRATEGY_NAMES.join(', ')}. [STRATEGY_UNKNOWN]`,
      )
    }
    expect(() => new Router({ strategy: 'toString' as never })).toThrow('There is no strategy "toString"')
  })

  it.each([
    { strategy: {} as never },
    { strategy: { name: 'x' } as never },
    { strategy: { name: '', select: () => undefined } as never },
    { keepDecisions: -1 },
    { keepDecisions: 1.5 },
  ])('are checked: %o', (options) => {
    expect(() => new Router(options)).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
  })

  it.each([{ load: -1 }, { cost: Number.NaN }, { latency: Number.POSITIVE_INFINITY }, { speed: 1 } as never])(
    'of balanced are checked: %o',
    (weights) => {
      expect(() => balanced(weights)).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
    },
  )
})

describe('a broken strategy', () => {
  const faults: Record<string, { readonly code: string; readonly select: (context: RoutingContext) => unknown }> = {
    throws: {
      code: 'STRATEGY_BROKEN',
      select: () => {
        throw new Error('boom')
      },
    },
    'answers with a promise': { code: 'STRATEGY_ASYNC', select: async ({ candidates }) => candidates[0] },
    'answers with a promise that rejects': { code: 'STRATEGY_ASYNC', select: () => Promise.reject(new Error('later')) },
    'answers with an id': { code: 'STRATEGY_BROKEN', select: ({ candidates }) => candidates[0]?.agentId },
    'answers with null': { code: 'STRATEGY_BROKEN', select: () => null },
    'answers with a copy': { code: 'STRATEGY_BROKEN', select: ({ candidates }) => ({ ...candidates[0] }) },
    'changes the list': { code: 'STRATEGY_BROKEN', select: ({ candidates }) => (candidates as Candidate[]).pop() },
    'changes the task': {
      code: 'STRATEGY_BROKEN',
      select: ({ task, candidates }) => Object.assign(task, { type: 'x' }) && candidates[0],
    },
    'changes requirements': {
      code: 'STRATEGY_BROKEN',
      select: ({ task, candidates }) => (task.requires as string[]).push('x') && candidates[0],
    },
    'changes the context': {
      code: 'STRATEGY_BROKEN',
      select: (context) => Object.assign(context, { pool: undefined }) && context.candidates[0],
    },
    'changes a candidate': {
      code: 'STRATEGY_BROKEN',
      select: ({ candidates }) => Object.assign(candidates[0] as object, { inFlight: 0 }),
    },
  }

  it.each(Object.entries(faults))('that %s is replaced by round_robin, and reported', (_, { code, select }) => {
    const errors: BatutaError[] = []
    const strategy = { name: 'mine', select } as RoutingStrategy
    const router = new Router({ strategy, onError: (error) => errors.push(error) })
    const { pool, loads } = team(3)
    const chosen = Array.from({ length: 3 }, () => router.decide(TASK, pool))
    expect(new Set(chosen.map(({ candidate }) => candidate)).size).toBe(3)
    expect(errors.map((error) => [error.code, error.data])).toEqual(Array(3).fill([code, { strategy: 'mine' }]))
    expect(chosen[0]?.decision.strategy).toBe('round_robin')
    expect(chosen[0]?.decision.fallbackFor).toBe('mine')
    expect(String(chosen[0]?.decision)).toContain('The strategy mine is broken; round_robin took its place.')
    expect(loads.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0])
    expect(TASK.type).toBe('quote')
  })

  it('harms nobody by failing to explain, to remember or to be told', () => {
    const errors: string[] = []
    const onError = (error: BatutaError) => {
      errors.push(error.code)
      throw new Error('onError is broken too')
    }
    const fail = () => {
      throw new Error('boom')
    }
    const { pool } = team(2)
    const mine: RoutingStrategy = {
      name: 'mine',
      select: ({ candidates }) => candidates[0],
      terms: fail,
      onResult: fail,
    }
    const router = new Router({ strategy: mine, onError })
    const { decision } = router.decide(TASK, pool)
    expect([decision.strategy, decision.score, errors]).toEqual(['mine', undefined, []])
    expect(String(decision)).toContain('mine chose a0, one of 2')
    router.settled(decision, 'success', 5)
    expect(errors).toEqual(['STRATEGY_BROKEN'])
    const forgetful = new Router({ strategy: { ...mine, memo: fail }, onError })
    expect(forgetful.decide(TASK, pool).decision.strategy).toBe('round_robin')
  })

  it('is frozen out of live numbers even inside capability_match', () => {
    const vandal: RoutingStrategy = {
      name: 'vandal',
      select: (context) => Object.assign(context, { now: 0 }) && context.candidates[0],
    }
    const router = new Router({ strategy: capabilityMatch({ then: vandal }) })
    expect(router.decide(TASK, team(2).pool).decision.fallbackFor).toBe('capability_match')
  })

  it('may choose nobody', () => {
    const router = new Router({ strategy: { name: 'shy', select: () => undefined } })
    const { candidate, decision } = router.decide(TASK, team(2).pool)
    expect([candidate, decision.agent, decision.able]).toEqual([undefined, undefined, 2])
    expect(String(decision)).toContain('shy chose none of the 2 who could take it.')
  })
})

describe('exclusions', () => {
  const router = new Router({ strategy: 'round_robin', random: seededRandom(1) })
  const chosenFrom = (pool: ReturnType<typeof team>['pool'], exclude: object) =>
    new Set(Array.from({ length: 12 }, () => router.decide(TASK, pool, { exclude }).candidate?.instanceId))

  it('prefer agents that did not fail, then other instances of theirs, then anybody', () => {
    const roster = new Roster()
    const pool = roster.pool('task:quote:')
    const add = (instanceId: string, agentId: string) => {
      const load = roster.add({ instanceId, agentId })
      pool.join(load)
      return load
    }
    add('a1', 'a')
    const a2 = add('a2', 'a')
    const b1 = add('b1', 'b')
    const exclude = { instances: ['a1'], agents: ['a'] }
    expect(chosenFrom(pool, exclude)).toEqual(new Set(['b1']))
    b1.stand('offline')
    expect(chosenFrom(pool, exclude)).toEqual(new Set(['a2']))
    expect(router.decide(TASK, pool, { exclude }).decision.exclusionsLifted).toBe(true)
    a2.stand('paused')
    expect(chosenFrom(pool, exclude)).toEqual(new Set(['a1']))
    a2.stand('available')
    b1.stand('available')
    expect(chosenFrom(pool, {})).toEqual(new Set(['a1', 'a2', 'b1']))
  })

  it('are counted among the refusals, and hold for narrowed pools', () => {
    const { pool } = team(3)
    const exclude = { agents: ['a0', 'a1', 'gone'], instances: ['i0', 'lost'] }
    const { candidate, decision } = router.decide(TASK, pool, { exclude, strategy: 'capability_match' })
    expect([candidate?.agentId, decision.able]).toEqual(['a2', 1])
    expect(decision.refusals).toEqual([{ reason: 'excluded', count: 2 }])
    expect(router.decide(TASK, pool).decision.refusals).toEqual([])
  })

  it('leave other causes alone, also those of who is excluded', () => {
    const { pool, loads } = team(3)
    pool.bar(loads[0] as never, 'breaker_open', 3_000)
    expect(chosenFrom(pool, { agents: ['a0', 'a1'] })).toEqual(new Set(['i2']))
    expect(pool.refusals()).toEqual(['breaker_open', 1, 3_000])
    expect(chosenFrom(pool, { agents: ['a0', 'a1', 'a2'] })).toEqual(new Set(['i1', 'i2']))
  })
})

describe('round_robin', () => {
  it('goes on where it was while others come and go', () => {
    const { roster, pool, loads } = team(4)
    const router = new Router({ strategy: 'round_robin', random: { next: () => 0 } })
    const next = () => router.decide(TASK, pool).candidate?.instanceId
    expect([next(), next()]).toEqual(['i0', 'i1'])
    roster.remove(loads[0] as never)
    loads[2]?.stand('paused')
    expect(next()).toBe('i3')
    pool.join(roster.add({ instanceId: 'new', agentId: 'new' }))
    loads[2]?.stand('available')
    expect([next(), next(), next(), next()]).toEqual(['new', 'i1', 'i2', 'i3'])
  })

  it('goes on where a snapshot of it was', () => {
    const { pool } = team(5)
    const [first, second] = [roundRobin(), roundRobin()]
    const router = new Router({ random: seededRandom(3) })
    const next = (strategy: RoutingStrategy) => router.decide(TASK, pool, { strategy }).candidate?.instanceId
    for (let i = 0; i < 3; i++) next(first)
    second.restore?.(JSON.parse(JSON.stringify(first.snapshot?.())))
    for (let i = 0; i < 12; i++) expect(next(second)).toBe(next(first))
  })

  it.each([undefined, 7, 'x', { lane: -1 }, { lane: '3' }])('restores nothing else: %o', (state) => {
    expect(() => roundRobin().restore?.(state)).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
  })

  it('starts at a random place', () => {
    const first = (seed: number) => {
      const router = new Router({ strategy: 'round_robin', random: seededRandom(seed) })
      return router.decide(TASK, team(10).pool).candidate?.instanceId
    }
    expect(new Set(Array.from({ length: 50 }, (_, seed) => first(seed))).size).toBeGreaterThan(7)
  })
})

describe('capability_match', () => {
  it('takes the specialist while one is free, and the least busy among equals', () => {
    const roster = new Roster()
    const pool = roster.pool('task:quote:a')
    const generalist = roster.add({ instanceId: 'g', agentId: 'g', capabilities: ['a', 'b', 'c'] })
    const specialists = ['s1', 's2'].map((id) => roster.add({ instanceId: id, agentId: id, capabilities: ['a'] }))
    for (const load of [generalist, ...specialists]) pool.join(load)
    const router = new Router({ strategy: 'capability_match' })
    const chosen = Array.from({ length: 3 }, () => {
      const { candidate } = router.decide({ ...TASK, requires: ['a'] }, pool)
      candidate?.assign(roster.nextSequence())
      return candidate?.instanceId
    })
    expect(new Set(chosen.slice(0, 2))).toEqual(new Set(['s1', 's2']))
    expect(chosen[2]).toBe('g')
    generalist.release()
    const { decision } = router.decide({ ...TASK, requires: ['a'] }, pool)
    expect(decision.candidates[0]?.terms).toMatchObject({ extraCapabilities: 2 })
  })
})

describe('a strategy that holds another', () => {
  it('passes on what it does not do itself', () => {
    const told: string[] = []
    const inner: RoutingStrategy = {
      name: 'inner',
      select: () => undefined,
      askAgainMs: () => 40,
      onResult: () => told.push('result'),
      snapshot: () => 'state',
      restore: (state) => told.push(String(state)),
    }
    const outer = capabilityMatch({ then: inner })
    const { pool } = team(2)
    expect(new Router({ strategy: outer }).decide(TASK, pool).askAgainMs).toBe(40)
    outer.onResult?.({ task: TASK, instanceId: 'i', agentId: 'a', outcome: 'success', durationMs: 1, now: 0 })
    outer.restore?.(outer.snapshot?.())
    expect(told).toEqual(['result', 'state'])
    expect(capabilityMatch({ then: { name: 'plain', select: () => undefined } }).snapshot).toBeUndefined()
  })

  it.each([null, 'least_busy', {}, { name: 'x' }])('refuses what is none: %o', (then) => {
    expect(() => capabilityMatch({ then: then as never })).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
  })
})

describe('settled', () => {
  it('tells the strategy that decided', () => {
    const told: unknown[] = []
    const mine: RoutingStrategy = {
      name: 'mine',
      select: ({ candidates }) => candidates[0],
      onResult: (feedback) => told.push(feedback),
    }
    const clock = { now: () => 0, monotonic: () => 0, setTimer: () => ({ cancel: () => undefined }) }
    const router = new Router({ clock })
    const { decision } = router.decide(TASK, team(1).pool, { strategy: mine })
    router.settled(decision, 'failure', 12)
    expect(told).toEqual([{ task: TASK, instanceId: 'i0', agentId: 'a0', outcome: 'failure', durationMs: 12, now: 0 }])
  })
})
