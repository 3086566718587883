import { describe, expect, it } from 'vitest'
import type { RoutingStrategy } from '../../src/router/routing-strategy.js'
import { balanced } from '../../src/router/strategies/balanced.js'
import { leastBusy } from '../../src/router/strategies/least-busy.js'
import { STRATEGY_NAMES, strategyByName } from '../../src/router/strategies/strategy-by-name.js'
import { type SimulatedAgent, simulate } from './traffic.js'

const SEEDS = [1, 2, 3, 4, 5]
const TASKS = 6_000

/** Those whose score knows how full an agent is: success counts in every one. */
const LOAD_AWARE = [
  'least_busy',
  'power_of_two',
  'peak_ewma',
  'balanced',
  'capability_match',
  'sticky',
  'priority',
  'cost_aware',
] as const

/** What the strategies would be without their guards. */
const UNGUARDED: Record<string, () => RoutingStrategy> = {
  least_busy: () => ({
    name: 'naive',
    select: ({ pool }) => pool.lowest('naive', (candidate) => candidate.inFlight / candidate.capacity),
  }),
  multiplied: () => ({
    name: 'multiplied',
    select: ({ pool }) =>
      pool.lowest('naive', (candidate) => candidate.inFlight / candidate.capacity / candidate.successRate),
  }),
}

describe('an agent that fails every task in 5 ms, among ten at 60 % load', () => {
  const team: readonly SimulatedAgent[] = Array.from({ length: 10 }, (_, i) =>
    i === 3 ? { slots: 4, failsAfterMs: 5 } : { slots: 4 },
  )
  const broken = (strategy: RoutingStrategy, seed: number) =>
    simulate(strategy, team, { seed, load: 0.6, tasks: TASKS })[3] as number

  it.each(LOAD_AWARE)('gets at most 2 % under %s', (name) => {
    for (const seed of SEEDS) expect(broken(strategyByName(name), seed)).toBeLessThanOrEqual(0.02)
  })

  it.each(Object.keys(UNGUARDED))('would swallow most of the work without the guard (%s)', (name) => {
    for (const seed of SEEDS) expect(broken(UNGUARDED[name]?.() as RoutingStrategy, seed)).toBeGreaterThan(0.4)
  })

  it('is tried again from time to time, however long it was broken', () => {
    for (const seed of SEEDS) expect(broken(leastBusy(), seed) * TASKS).toBeGreaterThan(10)
  })
})

describe('agents with 1, 2, 4 and 8 slots', () => {
  const team = [1, 2, 4, 8].map((slots) => ({ slots }))

  it.each([0.5, 0.8])('get work in proportion under least_busy at load %d', (load) => {
    for (const seed of SEEDS) {
      const shares = simulate(leastBusy(), team, { seed, load, tasks: TASKS })
      shares.forEach((share, i) => {
        const fair = (team[i]?.slots ?? 0) / 15
        expect(share / fair).toBeGreaterThan(0.65)
        expect(share / fair).toBeLessThan(1.45)
      })
    }
  })
})

describe('an agent that takes ten times as long', () => {
  it('gets less of the work under balanced than in turn', () => {
    const team = Array.from({ length: 6 }, (_, i) => (i === 0 ? { slots: 4, meanMs: 10_000 } : { slots: 4 }))
    for (const seed of SEEDS) {
      const options = { seed, load: 0.4, tasks: TASKS }
      const [inTurn = 0] = simulate(strategyByName('round_robin'), team, options)
      const [weighed = 0] = simulate(balanced(), team, options)
      expect(weighed).toBeLessThan(inTurn * 0.75)
    }
  })
})

describe('equal agents that are nearly idle', () => {
  it.each(STRATEGY_NAMES.filter((name) => name !== 'balanced' && name !== 'peak_ewma'))(
    'share the work evenly under %s',
    (name) => {
      const team = Array.from({ length: 8 }, () => ({ slots: 4 }))
      for (const seed of SEEDS)
        for (const share of simulate(strategyByName(name), team, { seed, load: 0.02, tasks: 2_000 })) {
          expect(share).toBeGreaterThan(0.1)
          expect(share).toBeLessThan(0.15)
        }
    },
  )
})
