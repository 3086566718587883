import { describe, expect, it } from 'vitest'
import { consistentHash } from '../../../src/router/strategies/consistent-hash.js'
import { counts, type Member, Team } from './pool.js'

const KEYS = Array.from({ length: 3_000 }, (_, i) => `customer-${i}`)

const teamOf = (agents: number, options = {}, of: (index: number) => Member = () => ({})) =>
  new Team(
    consistentHash(options),
    Object.fromEntries(Array.from({ length: agents }, (_, i): [string, Member] => [`a${i}`, of(i)])),
  )

/** Whom each key would go to now. */
const places = (team: Team) => new Map(KEYS.map((sessionId) => [sessionId, team.ask({ sessionId }).agent]))

/** Keys whose agent changed, as `before>after`. */
function moves(before: ReturnType<typeof places>, after: ReturnType<typeof places>) {
  return KEYS.filter((key) => before.get(key) !== after.get(key)).map((key) => [before.get(key), after.get(key)])
}

/** Within five deviations of what chance would give. */
function expectAbout(got: number | undefined, chance: number) {
  const deviation = Math.sqrt(KEYS.length * chance * (1 - chance))
  expect(Math.abs((got ?? 0) - KEYS.length * chance)).toBeLessThan(5 * deviation)
}

describe('places', () => {
  it('are the same for the same key, and after a restart with the same agents', () => {
    const before = places(teamOf(10))
    const team = teamOf(10)
    expect(moves(before, places(team))).toEqual([])
    expect(moves(before, places(team))).toEqual([])
  })

  it('give equal agents equal shares of the keys', () => {
    const got = counts([...places(teamOf(10)).values()])
    for (let i = 0; i < 10; i++) expectAbout(got[`a${i}`], 1 / 10)
  })

  it('of one that leaves go to all others, and no other key moves', () => {
    const team = teamOf(10)
    const before = places(team)
    team.leave('a3')
    const moved = moves(before, places(team))
    expectAbout(moved.length, 1 / 10)
    expect(counts(moved.map(([from]) => from))).toEqual({ a3: moved.length })
    const to = counts(moved.map(([, agent]) => agent))
    expect(Object.keys(to).length).toBe(9)
    for (const got of Object.values(to)) expect(got).toBeLessThan((2.5 * moved.length) / 9)
    // Who joins next takes the place, and the keys.
    team.join('next')
    expect(counts(moves(before, places(team)).map(([from, agent]) => `${from}>${agent}`))).toEqual({
      'a3>next': moved.length,
    })
  })

  it('of one more come evenly from all others, and no other key moves', () => {
    const team = teamOf(9)
    const before = places(team)
    team.join('new')
    const moved = moves(before, places(team))
    expectAbout(moved.length, 1 / 10)
    expect(counts(moved.map(([, agent]) => agent))).toEqual({ new: moved.length })
    expect(new Set(moved.map(([from]) => from)).size).toBe(9)
  })

  it('go elsewhere while an agent is away, and back to it', () => {
    const team = teamOf(10)
    const before = places(team)
    team.load('a3').stand('paused')
    expect(new Set(moves(before, places(team)).map(([from]) => from))).toEqual(new Set(['a3']))
    team.load('a3').stand('available')
    expect(moves(before, places(team))).toEqual([])
  })
})

describe('the key', () => {
  it('is the session, else the id of the task', () => {
    const team = teamOf(10)
    const agents = (task: (index: number) => object) =>
      new Set(Array.from({ length: 50 }, (_, i) => team.ask(task(i)).agent)).size
    expect(agents((i) => ({ id: `t${i}`, sessionId: 's' }))).toBe(1)
    expect(agents((i) => ({ id: `t${i}` }))).toBeGreaterThan(7)
    expect(agents(() => ({ id: 'same' }))).toBe(1)
  })

  it('is what a function says, where it says something', () => {
    const team = teamOf(10, { key: (task: { tenant: string }) => (task.tenant === 'none' ? undefined : task.tenant) })
    const agents = (tenant: string) =>
      new Set(Array.from({ length: 50 }, (_, i) => team.ask({ sessionId: `s${i}`, tenant }).agent)).size
    expect(agents('one')).toBe(1)
    expect(agents('none')).toBeGreaterThan(7)
  })

  it('must be a string: anything else is reported, and round_robin decides', () => {
    const team = teamOf(3, { key: () => 7 as never })
    expect(team.ask().decision.fallbackFor).toBe('consistent_hash')
    expect(team.errors).toEqual([expect.objectContaining({ code: 'STRATEGY_BROKEN' })])
  })
})

describe('bounded loads', () => {
  it.each([0.1, 0.25, 1])('nobody gets more than 1 + %d times the average, even of one key', (epsilon) => {
    const team = teamOf(10, { epsilon }, (i) => ({ capacity: i === 0 ? 200 : 100 }))
    for (let tasks = 1; tasks <= 300; tasks++) {
      const agent = String(team.take({ sessionId: 'hot' }))
      const { capacity, inFlight } = team.load(agent)
      // 1.1 is a little more than 1.1: a bound that is a whole number on paper may be one more.
      expect(inFlight).toBeLessThanOrEqual(Math.ceil((((1 + epsilon) * tasks * capacity) / 1_100) * (1 + 1e-12)))
    }
  })

  it('a key whose agent has its fill comes back to it', () => {
    const team = teamOf(10)
    const home = String(team.ask({ sessionId: 's' }).agent)
    team.load(home).restore({ inFlight: 50 })
    expect(team.ask({ sessionId: 's' }).agent).not.toBe(home)
    team.load(home).restore({ inFlight: 0 })
    expect(team.ask({ sessionId: 's' }).agent).toBe(home)
  })

  it('somebody always takes the task', () => {
    const team = teamOf(5, {}, () => ({ capacity: 4 }))
    expect(Array.from({ length: 20 }, () => team.take({ sessionId: 's' }))).not.toContain(undefined)
    expect(team.take({ sessionId: 's' })).toBeUndefined()
  })
})

it.each([
  { epsilon: 0 },
  { epsilon: -1 },
  { epsilon: Number.NaN },
  { epsilon: Number.POSITIVE_INFINITY },
  { epsilon: '1' as never },
  { key: 'tenant' as never },
])('refuses %o', (options) => {
  expect(() => consistentHash(options)).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
})
