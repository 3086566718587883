import { describe, expect, it } from 'vitest'
import { leastBusy } from '../../../src/router/strategies/least-busy.js'
import { powerOfTwo } from '../../../src/router/strategies/power-of-two.js'
import { random } from '../../../src/router/strategies/random.js'
import { counts, type Member, Team } from './pool.js'

const members = (count: number, of: (index: number) => Member = () => ({})) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, of(i)]))

/** Within five deviations of what a draw with this chance gives: no seed of a right draw is near it. */
function expectShare(got: number | undefined, draws: number, chance: number) {
  const deviation = Math.sqrt(draws * chance * (1 - chance))
  expect(Math.abs((got ?? 0) - draws * chance)).toBeLessThan(5 * deviation)
}

describe('random', () => {
  it('draws in proportion to slots times weight, whatever the load', () => {
    const team = new Team(random(), { a: { capacity: 1 }, b: { capacity: 3 }, c: { capacity: 12, inFlight: 11 } })
    team.load('c').weigh(0.5)
    const got = counts(team.run(10_000))
    expectShare(got.a, 10_000, 0.1)
    expectShare(got.b, 10_000, 0.3)
    expectShare(got.c, 10_000, 0.6)
  })

  it('draws the same for the same seed', () => {
    const draws = (seed: number) => new Team(random(), members(5), seed).run(50).join()
    expect(draws(7)).toBe(draws(7))
    expect(draws(7)).not.toBe(draws(8))
  })

  it('draws none who can take nothing', () => {
    const team = new Team(random(), { a: { capacity: 1 }, full: { capacity: 50, inFlight: 50 } })
    expect(counts(team.run(50))).toEqual({ a: 50 })
  })
})

describe.each([
  ['least_busy', leastBusy],
  ['power_of_two, of a few', powerOfTwo],
])('%s', (_name, make) => {
  it('scores (inFlight + 1/2) / (capacity * weight) / successRate', () => {
    const team = new Team(make(), {
      a: { capacity: 10, inFlight: 4 },
      b: { capacity: 2, inFlight: 1 },
      c: { capacity: 10, inFlight: 4, successRate: 0.5 },
    })
    team.load('b').weigh(0.5)
    expect(team.ask().agent).toBe('a')
    const { a, b, c } = team.scores()
    expect([a, b, c]).toEqual([0.45, 1.5, 0.9].map((score) => expect.closeTo(score, 12)))
  })

  it('goes by the fraction of slots that is taken, not by their number', () => {
    expect(new Team(make(), { small: { capacity: 2, inFlight: 1 }, big: { inFlight: 20 } }).ask().agent).toBe('big')
  })

  it('gives ties to the least recently assigned', () => {
    const turns = new Team(make(), members(5)).run(15)
    expect(new Set(turns.slice(0, 5)).size).toBe(5)
    expect(turns.slice(5)).toEqual([...turns.slice(0, 5), ...turns.slice(0, 5)])
  })

  it('fills agents in proportion to their slots', () => {
    const team = new Team(make(), { a: { capacity: 4 }, b: { capacity: 8 }, c: { capacity: 20 } })
    expect(counts(Array.from({ length: 16 }, () => team.take()))).toEqual({ a: 2, b: 4, c: 10 })
    expect(counts(Array.from({ length: 17 }, () => team.take())).undefined).toBe(1)
  })

  it('is not drawn to a broken agent for being idle', () => {
    const team = new Team(make(), { broken: { successRate: 0.01 }, a: { inFlight: 40 }, b: { inFlight: 45 } })
    expect(team.ask().agent).toBe('a')
  })
})

describe('power_of_two', () => {
  it('compares everybody of 8, and two of 9', () => {
    const eight = new Team(powerOfTwo(), members(8))
    eight.ask()
    expect(Object.keys(eight.scores()).length).toBe(8)
    const nine = new Team(powerOfTwo(), members(9))
    for (let i = 0; i < 50; i++) {
      nine.ask()
      expect(Object.keys(nine.scores()).length).toBe(2)
    }
  })

  it('takes the less busy of the two, so never the busiest', () => {
    const team = new Team(
      powerOfTwo(),
      members(20, (i) => ({ inFlight: i })),
    )
    const got = counts(Array.from({ length: 2_000 }, () => team.ask().agent))
    expect(got.a19).toBeUndefined()
    // The least busy one whenever it is drawn: as the first, or as the second after another.
    expectShare(got.a0, 2_000, 2 / 20)
  })

  it('draws in proportion to slots', () => {
    const team = new Team(
      powerOfTwo(),
      members(10, (i) => ({ capacity: i === 0 ? 90 : 10 })),
    )
    let drawn = 0
    for (let i = 0; i < 2_000; i++) {
      team.ask()
      if ('a0' in team.scores()) drawn++
    }
    // First with 1/2; else second, of the 170 slots that the first one leaves.
    expectShare(drawn, 2_000, 1 / 2 + (1 / 2) * (90 / 170))
  })
})

it('least_busy finds the least busy of any number', () => {
  const team = new Team(
    leastBusy(),
    members(500, (i) => ({ inFlight: i === 321 ? 3 : 4 + (i % 9) })),
  )
  expect(team.ask().agent).toBe('a321')
})
