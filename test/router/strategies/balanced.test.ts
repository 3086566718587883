import { describe, expect, it } from 'vitest'
import { balanced } from '../../../src/router/strategies/balanced.js'
import { counts, type Member, Team } from './pool.js'

const of = (team: Team, agent: string) =>
  team.ask().decision.candidates.find((candidate) => candidate.agent === agent)?.terms

describe('the terms', () => {
  const members = {
    a: { capacity: 4, inFlight: 1, latencyMs: 100, cost: 1 },
    b: { capacity: 4, inFlight: 2, latencyMs: 200, cost: 2, successRate: 0.5 },
    c: { capacity: 4, inFlight: 3, latencyMs: 600, cost: 6 },
  }

  it('are load, latency and cost beside the median, and failures per success', () => {
    const team = new Team(balanced(), members)
    expect(of(team, 'a')).toEqual({
      load: expect.closeTo(0.5 / 4),
      latency: expect.closeTo((0.2 * 100) / 300),
      failures: 0,
      cost: expect.closeTo((0.1 * 1) / 3),
    })
    expect(of(team, 'b')).toEqual({
      load: expect.closeTo(0.25),
      latency: expect.closeTo(0.1),
      failures: expect.closeTo(0.2),
      cost: expect.closeTo(0.05),
    })
    // One outlier stays below 1.
    expect(of(team, 'c')?.latency).toBeCloseTo((0.2 * 600) / 800)
  })

  it('count as much as the weights say, and not at all with 0', () => {
    const team = new Team(balanced({ load: 0, latency: 0, failures: 0, cost: 3 }), members)
    expect(of(team, 'b')).toEqual({ load: 0, latency: 0, failures: 0, cost: 1.5 })
    expect(team.ask().agent).toBe('a')
  })

  it('count a slow start as fewer slots', () => {
    const team = new Team(balanced(), members)
    team.load('a').weigh(0.5)
    expect(of(team, 'a')?.load).toBeCloseTo(0.25)
  })

  it('take an unknown latency for the median, and for nothing where none is known', () => {
    const team = new Team(balanced(), { ...members, new: { capacity: 4, inFlight: 3 } })
    expect(of(team, 'new')?.latency).toBeCloseTo(0.1)
    expect(of(new Team(balanced(), { a: {}, b: {} }), 'a')).toEqual({ load: 0, latency: 0, failures: 0, cost: 0 })
  })

  it('make no broken agent attractive for being idle', () => {
    const team = new Team(balanced(), {
      broken: { successRate: 0.01, latencyMs: 1, cost: 0 },
      full: { inFlight: 99, latencyMs: 90_000, cost: 100 },
    })
    expect(team.ask().agent).toBe('full')
  })
})

it('gives ties to the least recently assigned', () => {
  const turns = new Team(balanced(), { a: {}, b: {}, c: {} }).run(9)
  expect(counts(turns)).toEqual({ a: 3, b: 3, c: 3 })
  expect(turns.slice(3, 6)).toEqual(turns.slice(0, 3))
})

it('compares all of 64, and of more than that two', () => {
  const members = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i): [string, Member] => [`a${i}`, { inFlight: i }]))
  const all = new Team(balanced(), members(64))
  expect(all.ask().agent).toBe('a0')
  const two = new Team(balanced(), members(65))
  const got = Array.from({ length: 100 }, () => {
    const { agent, decision } = two.ask()
    expect(decision.candidates.length).toBe(2)
    return agent
  })
  expect(new Set(got).size).toBeGreaterThan(20)
})

it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '1', null])('refuses the weight %o', (weight) => {
  expect(() => balanced({ cost: weight as number })).toThrow(
    expect.objectContaining({ code: 'OPTIONS_INVALID', message: expect.stringContaining('"cost"') }),
  )
})
