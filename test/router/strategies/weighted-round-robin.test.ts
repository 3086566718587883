import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { weightedRoundRobin } from '../../../src/router/strategies/weighted-round-robin.js'
import { counts, Team } from './pool.js'

const teamOf = (weights: Readonly<Record<string, number>>) =>
  new Team(weightedRoundRobin({ weights }), Object.fromEntries(Object.keys(weights).map((id) => [id, {}])))

describe('the order', () => {
  it('spreads the turns of a heavy one among the others', () => {
    const round = teamOf({ a: 5, b: 1, c: 1 }).run(14)
    expect(counts(round.slice(0, 7))).toEqual({ a: 5, b: 1, c: 1 })
    // Over and over again the same.
    expect(round.slice(7)).toEqual(round.slice(0, 7))
    expect(round.join('')).not.toContain('aaaaa')
  })

  it('has no bursts of one heavy agent among many light ones', () => {
    const light = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`light-${i}`, 1]))
    const turns = teamOf({ heavy: 20, ...light }).run(120)
    let ahead = 0
    for (let seen = 1; seen <= turns.length; seen++) {
      const got = counts(turns.slice(0, seen)).heavy ?? 0
      ahead = Math.max(ahead, Math.abs(got - seen / 2))
    }
    expect(ahead).toBeLessThan(5)
  })

  it('alternates equals', () => {
    expect(teamOf({ a: 1, b: 1 }).run(6).join('')).toMatch(/^(ab){3}$|^(ba){3}$/)
  })

  it('gives everybody its exact share of a round, and little more or less within it', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(weights, (list) => {
        const named = Object.fromEntries(list.map((weight, i) => [`a${i}`, weight]))
        const sum = list.reduce((a, b) => a + b, 0)
        const turns = teamOf(named).run(2 * sum)
        expect(counts(turns.slice(0, sum))).toEqual(named)
        for (let seen = 1; seen <= turns.length; seen++) {
          const got = counts(turns.slice(0, seen))
          for (const [id, weight] of Object.entries(named)) {
            const share = weight / sum
            expect(Math.abs((got[id] ?? 0) - seen * share)).toBeLessThan(1 + list.length * share)
          }
        }
      }),
      { numRuns: 40 },
    )
  })
})

describe('weights', () => {
  it('are the slots when nothing is said, 1 for those that a list does not name, or what a function says', () => {
    const slots = new Team(weightedRoundRobin(), { a: { capacity: 3 }, b: { capacity: 1 } })
    expect(counts(slots.run(8))).toEqual({ a: 6, b: 2 })
    const named = new Team(weightedRoundRobin({ weights: { a: 3 } }), { a: {}, b: { capacity: 50 } })
    expect(counts(named.run(8))).toEqual({ a: 6, b: 2 })
    const byCost = weightedRoundRobin({ weights: ({ cost }) => 1 / cost })
    expect(counts(new Team(byCost, { a: { cost: 1 }, b: { cost: 3 } }).run(8))).toEqual({ a: 6, b: 2 })
  })

  it('may name agents that are not there, or not yet', () => {
    const team = new Team(weightedRoundRobin({ weights: { ghost: 9, late: 3 } }), { a: {} })
    expect(team.run(3)).toEqual(['a', 'a', 'a'])
    team.join('late')
    expect(counts(team.run(8))).toEqual({ a: 2, late: 6 })
  })

  it('count as far as a slow start lets them', () => {
    const team = teamOf({ a: 4, b: 4 })
    team.load('a').weigh(0.25)
    expect(counts(team.run(10))).toEqual({ a: 2, b: 8 })
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '2', null])('refuses %o', (weight) => {
    expect(() => weightedRoundRobin({ weights: { a: weight as number } })).toThrow(/weights\.a.*finite number above 0/)
    // Those that a function gives are known when it is asked: the strategy breaks, and the router says so.
    const team = new Team(weightedRoundRobin({ weights: () => weight as number }), { a: {} })
    expect(team.ask().decision).toMatchObject({ strategy: 'round_robin', fallbackFor: 'weighted_round_robin' })
    expect(team.errors).toEqual([expect.objectContaining({ code: 'STRATEGY_BROKEN' })])
  })

  it.each([7, 'a', null])('refuses %o for all of them', (weights) => {
    expect(() => weightedRoundRobin({ weights: weights as never })).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    )
  })
})

describe('churn', () => {
  it('neither floods nor starves a newcomer, however late it comes', () => {
    const team = teamOf({ a: 1, b: 1, late: 2 })
    team.leave('late')
    team.run(1_000)
    team.join('late')
    const after = team.run(40)
    for (let end = 4; end <= 40; end += 4) {
      const { late = 0 } = counts(after.slice(0, end))
      expect(Math.abs(late - end / 2)).toBeLessThanOrEqual(1)
    }
  })

  it('does not let who was full catch up', () => {
    const team = teamOf({ a: 1, b: 1 })
    team.run(2)
    team.load('a').stand('paused')
    expect(counts(team.run(100))).toEqual({ b: 100 })
    team.load('a').stand('available')
    expect(counts(team.run(10))).toEqual({ a: 5, b: 5 })
  })

  it('gives the time left to a turn anew when a weight changes, not a whole turn', () => {
    const team = teamOf({ a: 1, b: 1 })
    team.run(20)
    team.load('a').weigh(3)
    expect(counts(team.run(40))).toEqual({ a: 30, b: 10 })
  })
})

it('keeps turns apart by pool', () => {
  const team = teamOf({ a: 1, b: 1 })
  const other = team.roster.pool('task:other:')
  for (const id of ['a', 'b']) other.join(team.load(id))
  const task = { type: 'other', requires: [], tenant: 'default', priority: 'normal', attempts: 0 }
  const seen: string[] = []
  for (let i = 0; i < 10; i++) {
    team.run(1)
    seen.push(team.router.decide({ id: `o${i}`, ...task }, other).candidate?.agentId ?? 'nobody')
  }
  expect(counts(seen)).toEqual({ a: 5, b: 5 })
})
