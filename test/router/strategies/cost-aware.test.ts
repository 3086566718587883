import { describe, expect, it } from 'vitest'
import { Router } from '../../../src/router/router.js'
import { costAware } from '../../../src/router/strategies/cost-aware.js'
import { type Member, Team } from './pool.js'

/** A team, and the same among so many expensive agents that it is not compared one by one. */
const both = (members: Readonly<Record<string, Member>>, options = {}): [string, Team][] => {
  const rest = Object.fromEntries(
    Array.from({ length: 70 }, (_, i): [string, Member] => [`z${i}`, { cost: 1_000, latencyMs: 50_000 }]),
  )
  return [
    ['few', new Team(costAware(options), members)],
    ['many', new Team(costAware(options), { ...members, ...rest })],
  ]
}

describe.each(both({ cheap: { cost: 1, inFlight: 90, latencyMs: 4_000 }, dear: { cost: 2, latencyMs: 100 } }))(
  'of %s',
  (_size, team) => {
    it('the cheapest one is taken, however busy', () => {
      expect(team.ask().agent).toBe('cheap')
    })

    it('of those that are usually quick enough for the timeout of the task', () => {
      expect(team.ask({ timeoutMs: 4_000 }).agent).toBe('cheap')
      expect(team.ask({ timeoutMs: 3_999 }).agent).toBe('dear')
      // Nobody has done it yet: everybody counts as able.
      expect(team.ask({ type: 'new', timeoutMs: 1 }).agent).toBe('cheap')
    })

    it('the fastest when nobody is quick enough', () => {
      expect(team.ask({ timeoutMs: 50 }).agent).toBe('dear')
    })
  },
)

describe.each(both({ flaky: { cost: 1, successRate: 0.49 }, sound: { cost: 2, successRate: 0.5 } }))(
  'of %s, an agent below the success rate',
  (_size, team) => {
    it('is not taken while somebody is above it', () => {
      expect(team.ask().agent).toBe('sound')
    })
  },
)

describe.each(
  both({ flaky: { cost: 1, successRate: 0.49 }, sound: { cost: 2, successRate: 0.9 } }, { minSuccessRate: 0 }),
)('of %s, without a least success rate', (_size, team) => {
  it('the cheapest is taken whatever its rate', () => {
    expect(team.ask().agent).toBe('flaky')
  })
})

it('takes the shortest expected time, latency / successRate, when nobody would do', () => {
  const team = new Team(costAware(), {
    quick: { cost: 5, successRate: 0.1, latencyMs: 100 },
    sound: { cost: 9, successRate: 0.4, latencyMs: 300 },
    unknown: { cost: 1, successRate: 0.45 },
  })
  expect(team.ask().agent).toBe('sound')
  expect(team.scores().quick).toBeCloseTo(1e9 + 1_000, 3)
  expect(team.scores().sound).toBeCloseTo(1e9 + 750, 3)
})

describe('costs', () => {
  it('of 0 are the lowest; among equal ones the least busy is taken', () => {
    const team = new Team(costAware(), { a: { inFlight: 2 }, b: { inFlight: 1 }, c: { cost: 1e-6 } })
    expect([team.take(), team.take(), team.take()]).toEqual(['b', 'a', 'b'])
  })

  it('that differ by little decide before any load', () => {
    const team = new Team(costAware(), { a: { cost: 1, inFlight: 99 }, b: { cost: 1.000001 } })
    expect(team.ask().agent).toBe('a')
  })

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('of %d are refused before anybody is asked', (cost) => {
    const router = new Router({ strategy: 'cost_aware' })
    expect(() => router.route({}, [{ id: 'a', cost }])).toThrow(/cost of agent 0 must be from 0/)
  })

  it('show in the score, with next to nothing for the load', () => {
    const { decision } = new Team(costAware(), { a: { cost: 2, inFlight: 10 } }).ask()
    const terms = decision.candidates[0]?.terms
    expect(terms?.cost).toBe(2)
    expect(terms?.load).toBeGreaterThan(0)
    expect(terms?.load).toBeLessThan(1e-9)
  })
})

it.each([-0.1, 1.1, Number.NaN, '0.5', null])('refuses the success rate %o', (minSuccessRate) => {
  expect(() => costAware({ minSuccessRate: minSuccessRate as number })).toThrow(
    expect.objectContaining({ code: 'OPTIONS_INVALID' }),
  )
})
