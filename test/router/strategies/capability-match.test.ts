import { expect, it } from 'vitest'
import { capabilityMatch } from '../../../src/router/strategies/capability-match.js'
import { roundRobin } from '../../../src/router/strategies/round-robin.js'
import { counts, Team } from './pool.js'

const MEMBERS = {
  generalist: { capabilities: ['mail', 'price', 'stock'] },
  first: { capabilities: ['price'], capacity: 2 },
  second: { capabilities: ['price'], capacity: 2, inFlight: 1 },
}

it('takes those with the fewest capabilities beyond the required ones, and among them the least busy', () => {
  const team = new Team(capabilityMatch(), MEMBERS)
  expect(Array.from({ length: 3 }, () => team.take({ requires: ['price'] }))).toEqual(['first', 'second', 'first'])
  // The specialists are full: generalists are for that, too.
  expect(team.take({ requires: ['price'] })).toBe('generalist')
  team.load('second').release()
  expect(team.take({ requires: ['price'] })).toBe('second')
})

it('shows how many capabilities were beyond, counting a repeated requirement once', () => {
  const team = new Team(capabilityMatch(), { a: MEMBERS.generalist })
  const { decision } = team.ask({ requires: ['price', 'price'] })
  expect(decision.candidates[0]?.terms).toMatchObject({ extraCapabilities: 2 })
  expect(decision.score).toBeCloseTo(2 + 0.5 / 100)
})

it('lets another strategy choose among equals', () => {
  const team = new Team(capabilityMatch({ then: roundRobin() }), MEMBERS)
  const asked = Array.from({ length: 10 }, () => team.ask({ requires: ['price'] }).agent)
  expect(counts(asked)).toEqual({ first: 5, second: 5 })
})

it('refuses what is no strategy', () => {
  for (const then of ['least_busy', {}, null, roundRobin])
    expect(() => capabilityMatch({ then: then as never })).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
})
