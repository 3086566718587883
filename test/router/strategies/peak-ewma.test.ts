import { describe, expect, it } from 'vitest'
import { peakEwma } from '../../../src/router/strategies/peak-ewma.js'
import { type Member, Team } from './pool.js'

const TAU_MS = 10_000

/** Tells the strategy of one task of this agent. */
function settle(team: Team, agent: string, durationMs: number, outcome: 'success' | 'failure' | 'neutral' = 'success') {
  for (const other of team.roster.instances()) if (other.agentId !== agent) other.stand('paused')
  expect(team.ask().agent).toBe(agent)
  for (const other of team.roster.instances()) other.stand('available')
  team.settle(outcome, durationMs)
}

/** What the strategy takes the latency of an idle agent with one slot for. */
function latencyOf(team: Team, agent: string): number | undefined {
  team.ask()
  return team.scores()[agent]
}

const teamOf = (...members: string[]) =>
  new Team(peakEwma(), Object.fromEntries(members.map((id): [string, Member] => [id, { capacity: 1 }])))

it('scores latency * (inFlight + 1) / (capacity * weight) / successRate', () => {
  const team = new Team(peakEwma(), {
    a: { latencyMs: 300, capacity: 4, inFlight: 2, successRate: 0.5 },
    b: { latencyMs: 100, capacity: 2 },
  })
  team.load('b').weigh(0.25)
  team.ask()
  expect(team.scores()).toEqual({ a: expect.closeTo(450, 9), b: expect.closeTo(200, 9) })
})

describe('the latency', () => {
  it('of an unknown agent is 1 s while nobody has finished anything, then the median', () => {
    const team = teamOf('a', 'b', 'c', 'new')
    expect(latencyOf(team, 'new')).toBe(1_000)
    settle(team, 'a', 100)
    settle(team, 'b', 300)
    settle(team, 'c', 500)
    expect(latencyOf(team, 'new')).toBe(300)
  })

  it('rises at once to a peak', () => {
    const team = teamOf('a', 'b')
    settle(team, 'a', 100)
    settle(team, 'a', 5_000)
    expect(latencyOf(team, 'a')).toBe(5_000)
  })

  it('comes down with the time that passes, by exp(-dt / tau), towards shorter durations', () => {
    const team = teamOf('a', 'b')
    settle(team, 'a', 100)
    settle(team, 'a', 5_000)
    // At the same moment a shorter one says nothing.
    settle(team, 'a', 100)
    expect(latencyOf(team, 'a')).toBe(5_000)
    for (let i = 0; i < 10; i++) settle(team, 'b', 100)
    team.now += TAU_MS
    settle(team, 'a', 100)
    expect(latencyOf(team, 'a')).toBeCloseTo(5_000 * Math.exp(-1) + 100 * (1 - Math.exp(-1)), 6)
  })

  it('comes down towards the median when nobody uses the agent, and never below', () => {
    const team = teamOf('a', 'b')
    for (let i = 0; i < 5; i++) settle(team, 'b', 200)
    settle(team, 'a', 5_000)
    team.now += TAU_MS
    expect(latencyOf(team, 'a')).toBeCloseTo(200 + 4_800 * Math.exp(-1), 6)
    team.now += 100 * TAU_MS
    expect(latencyOf(team, 'a')).toBeCloseTo(200, 6)
    // One that is quicker than the median stays so.
    settle(team, 'a', 50)
    team.now += 100 * TAU_MS
    settle(team, 'a', 50)
    expect(latencyOf(team, 'a')).toBeCloseTo(50, 6)
  })

  it('has a tau of ten times the median for long work', () => {
    const team = teamOf('a', 'b')
    for (let i = 0; i < 5; i++) settle(team, 'b', 60_000)
    settle(team, 'a', 120_000)
    team.now += 600_000
    expect(latencyOf(team, 'a')).toBeCloseTo(60_000 + 60_000 * Math.exp(-1), 6)
  })

  it('does not move when the clock is set back', () => {
    const team = teamOf('a', 'b')
    for (let i = 0; i < 5; i++) settle(team, 'b', 200)
    settle(team, 'a', 5_000)
    team.now -= 3_600_000
    expect(latencyOf(team, 'a')).toBe(5_000)
    settle(team, 'a', 100)
    expect(latencyOf(team, 'a')).toBe(5_000)
  })

  it('is never learnt from failures, nor from what was neither the merit nor the fault of the agent', () => {
    const team = teamOf('a', 'b')
    settle(team, 'a', 400)
    settle(team, 'a', 9_000, 'failure')
    settle(team, 'a', 9_000, 'neutral')
    settle(team, 'b', 1, 'failure')
    expect(latencyOf(team, 'a')).toBe(400)
    expect(latencyOf(team, 'b')).toBe(400)
  })

  it('is another one for each type of task', () => {
    const team = teamOf('a')
    settle(team, 'a', 60_000)
    team.ask({ type: 'chat' })
    expect(team.scores()).toEqual({ a: 1_000 })
  })
})

it('goes where the wait is shortest, busy or not', () => {
  const team = new Team(peakEwma(), { slow: { latencyMs: 1_000 }, quick: { latencyMs: 100, inFlight: 5 } })
  expect(team.ask().agent).toBe('quick')
  team.load('quick').restore({ inFlight: 10 })
  expect(team.ask().agent).toBe('slow')
})

it('compares all of 8, and of more than that two', () => {
  for (const [size, compared] of [
    [8, 8],
    [9, 2],
  ] as const) {
    const team = teamOf(...Array.from({ length: size }, (_, i) => `a${i}`))
    team.ask()
    expect(Object.keys(team.scores()).length).toBe(compared)
  }
})
