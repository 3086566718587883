import { describe, expect, it } from 'vitest'
import { priority } from '../../../src/router/strategies/priority.js'
import { roundRobin } from '../../../src/router/strategies/round-robin.js'
import { counts, Team } from './pool.js'

const FOUR = { a: { capacity: 2 }, b: { capacity: 2 }, standby: { capacity: 2 }, stranger: { capacity: 2 } }
const TIERS = [['a', 'b'], ['standby']]

describe('tiers', () => {
  it('are filled one after the other; agents that no list names come last', () => {
    const team = new Team(priority({ tiers: TIERS }), FOUR)
    const taken = Array.from({ length: 9 }, () => team.take())
    expect(counts(taken.slice(0, 4))).toEqual({ a: 2, b: 2 })
    expect(taken.slice(4)).toEqual(['standby', 'standby', 'stranger', 'stranger', undefined])
    team.load('b').release()
    expect(team.take()).toBe('b')
  })

  it('are left when nobody in them can take work, and come back first', () => {
    const team = new Team(priority({ tiers: TIERS }), FOUR)
    for (const id of ['a', 'b']) team.load(id).stand('paused')
    expect(team.ask().agent).toBe('standby')
    team.leave('standby')
    expect(team.ask().agent).toBe('stranger')
    team.load('a').stand('available')
    expect(team.ask().agent).toBe('a')
  })

  it('may come from a function, or from the metadata, 0 when absent', () => {
    const byCost = new Team(priority({ tiers: ({ cost }) => -cost }), { cheap: { cost: 1 }, dear: { cost: 9 } })
    expect(counts(byCost.run(5))).toEqual({ dear: 5 })
    const byMetadata = new Team(priority(), {
      second: { metadata: { tier: 1 }, capacity: 1 },
      usual: { capacity: 1 },
      first: { metadata: { tier: -1 }, capacity: 1 },
    })
    expect(Array.from({ length: 3 }, () => byMetadata.take())).toEqual(['first', 'usual', 'second'])
  })

  it('are shown in the score', () => {
    const { decision } = new Team(priority({ tiers: TIERS }), { standby: {} }).ask()
    expect(decision.candidates[0]?.terms).toMatchObject({ tier: 1, load: 0.005 })
  })

  it('let another strategy choose within', () => {
    const team = new Team(priority({ tiers: TIERS, then: roundRobin() }), FOUR)
    team.load('b').restore({ inFlight: 1 })
    expect(counts(Array.from({ length: 10 }, () => team.ask().agent))).toEqual({ a: 5, b: 5 })
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, '1', null])(
    'that a function gives must be finite numbers: %o is reported, and round_robin decides',
    (tier) => {
      const team = new Team(priority({ tiers: () => tier as number }), FOUR)
      expect(team.ask().decision).toMatchObject({ strategy: 'round_robin', fallbackFor: 'priority' })
      expect(team.errors).toEqual([expect.objectContaining({ code: 'STRATEGY_BROKEN' })])
    },
  )
})

describe('trickle', () => {
  it('is the part of the tasks that goes to the last tier', () => {
    const team = new Team(priority({ tiers: TIERS, trickle: 0.1 }), { a: {}, b: {}, standby: {} })
    const { standby = 0, a, b } = counts(team.run(5_000))
    // Within five deviations of the chance.
    expect(Math.abs(standby - 500)).toBeLessThan(5 * Math.sqrt(5_000 * 0.1 * 0.9))
    expect(a).toBe(b)
  })

  it('of 0 is nothing, of 1 everything', () => {
    const all = (trickle: number) =>
      counts(new Team(priority({ tiers: TIERS, trickle }), { a: {}, standby: {} }).run(50))
    expect([all(0), all(1)]).toEqual([{ a: 50 }, { standby: 50 }])
  })

  it('goes to the last tier that has a free slot', () => {
    const team = new Team(priority({ tiers: TIERS, trickle: 1 }), FOUR)
    team.load('stranger').stand('paused')
    expect(Array.from({ length: 3 }, () => team.take()).slice(0, 2)).toEqual(['standby', 'standby'])
  })
})

it.each([
  { tiers: [] },
  { tiers: [['a'], []] },
  { tiers: [['a'], ['a']] },
  { tiers: [['a', 'a']] },
  { tiers: [['']] },
  { tiers: ['a'] as never },
  { tiers: [[7]] as never },
  { tiers: 'a' as never },
  { tiers: null as never },
  { trickle: -0.1 },
  { trickle: 1.1 },
  { trickle: Number.NaN },
  { then: 'least_busy' as never },
])('refuses %o', (options) => {
  expect(() => priority(options)).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
})
