import { describe, expect, it } from 'vitest'
import { roundRobin } from '../../../src/router/strategies/round-robin.js'
import { sticky } from '../../../src/router/strategies/sticky.js'
import { counts, Team } from './pool.js'

const MINUTE_MS = 60_000
const four = (capacity = 100) => ({ a: { capacity }, b: { capacity }, c: { capacity }, d: { capacity } })
const session = (sessionId: string) => ({ sessionId })

/** Stops an agent from being a candidate, so that whoever had it has to look elsewhere. */
const pause = (team: Team, agent: string | undefined) => team.load(agent ?? '').stand('paused')
const resume = (team: Team, agent: string | undefined) => team.load(agent ?? '').stand('available')

describe('a session', () => {
  it('stays with its agent, also when others are less busy', () => {
    const team = new Team(sticky(), four())
    const agent = team.take(session('s'))
    expect(counts(Array.from({ length: 20 }, () => team.take(session('s'))))).toEqual({ [String(agent)]: 20 })
  })

  it('has nothing to do with other sessions, nor with tasks without one', () => {
    const team = new Team(sticky(), four())
    expect(counts(['s1', 's2', 's3', 's4'].map((id) => team.take(session(id))))).toEqual({ a: 1, b: 1, c: 1, d: 1 })
    expect(counts(Array.from({ length: 4 }, () => team.take()))).toEqual({ a: 1, b: 1, c: 1, d: 1 })
  })

  it('moves when its agent has gone, is full or failed this task, and stays with the new one', () => {
    const ways: ((team: Team, agent: string) => void)[] = [
      (team, agent) => team.leave(agent),
      (team, agent) => team.load(agent).restore({ inFlight: 100 }),
      (team, agent) => pause(team, agent),
    ]
    for (const lose of ways) {
      const team = new Team(sticky(), four())
      const before = String(team.take(session('s')))
      lose(team, before)
      const after = team.take(session('s'))
      expect(after).not.toBe(before)
      expect(team.take(session('s'))).toBe(after)
    }
  })

  it('knows the agents that it had before: the last one first', () => {
    const team = new Team(sticky(), four())
    const first = team.take(session('s'))
    pause(team, first)
    const second = team.take(session('s'))
    resume(team, first)
    expect(team.take(session('s'))).toBe(second)
    pause(team, second)
    expect(team.take(session('s'))).toBe(first)
  })

  it('keeps its agent for ttlMs after its last task', () => {
    const team = new Team(sticky({ ttlMs: MINUTE_MS, then: roundRobin() }), four())
    const agent = team.take(session('s'))
    for (let i = 0; i < 3; i++) {
      team.now += MINUTE_MS
      expect(team.take(session('s'))).toBe(agent)
    }
    team.now += MINUTE_MS + 1
    expect(team.take(session('s'))).not.toBe(agent)
  })

  it('remembers the three it had last, in a snapshot too', () => {
    const strategy = sticky()
    const team = new Team(strategy, four())
    const had: (string | undefined)[] = []
    for (let i = 0; i < 4; i++) {
      had.unshift(team.take(session('s')))
      pause(team, had[0])
    }
    const ids = (agents: typeof had) => agents.map((agent) => team.load(String(agent)).instanceId)
    expect(strategy.snapshot?.()).toMatchObject({ pins: { s: { instances: ids(had.slice(0, 3)) } } })
    strategy.restore?.(JSON.parse(JSON.stringify(strategy.snapshot?.())))
    for (const agent of had) resume(team, agent)
    pause(team, had[0])
    expect(team.take(session('s'))).toBe(had[1])
    expect(strategy.snapshot?.()).toMatchObject({
      pins: { s: { instances: ids([had[1], had[0], had[2]]) } },
    })
  })

  it('is forgotten after ttlMs, though nobody asks for it: when the next one gets an agent', () => {
    const strategy = sticky({ ttlMs: MINUTE_MS })
    const team = new Team(strategy, four())
    const pinned = () => Object.keys(((strategy.snapshot?.() ?? {}) as { pins: object }).pins)
    for (const id of ['a', 'b']) {
      team.take(session(id))
      team.now += MINUTE_MS / 2
    }
    team.take(session('c'))
    expect(pinned()).toEqual(['a', 'b', 'c'])
    team.now += 1
    team.take(session('d'))
    expect(pinned()).toEqual(['b', 'c', 'd'])
    strategy.restore?.(strategy.snapshot?.())
    team.now += MINUTE_MS + 1
    team.take(session('e'))
    expect(pinned()).toEqual(['e'])
  })

  it('is forgotten when more than maxPins are known: the one used longest ago first', () => {
    const strategy = sticky({ maxPins: 2, then: roundRobin() })
    const team = new Team(strategy, four())
    team.take(session('old'))
    const agent = team.take(session('used'))
    for (let i = 0; i < 40; i++) {
      team.take(session(`new-${i}`))
      expect(team.take(session('used'))).toBe(agent)
    }
    expect(strategy.snapshot?.()).toMatchObject({ pins: { 'new-39': {}, used: {} } })
    expect(strategy.snapshot?.()).not.toMatchObject({ pins: { old: {} } })
  })
})

describe('the key', () => {
  it('is what a function says; undefined leaves the choice to the other strategy', () => {
    const key = ({ tenant }: { readonly tenant: string }) => (tenant === 'none' ? undefined : tenant)
    const team = new Team(sticky({ key }), four())
    const agent = team.take({ tenant: 'x', sessionId: 's1' })
    expect(team.take({ tenant: 'x', sessionId: 's2' })).toBe(agent)
    expect(new Set(Array.from({ length: 6 }, () => team.take({ tenant: 'none' }))).size).toBeGreaterThan(2)
  })

  it('must be a string: anything else is reported, and round_robin decides', () => {
    const team = new Team(sticky({ key: () => 7 as never }), four())
    expect(team.ask().decision.fallbackFor).toBe('sticky')
    expect(team.errors).toEqual([expect.objectContaining({ code: 'STRATEGY_BROKEN' })])
  })
})

describe('stickyWaitMs', () => {
  it('holds a task back for an agent that is busy, for so long and no longer', () => {
    const team = new Team(sticky({ stickyWaitMs: 500 }), four(1))
    const agent = team.take(session('s'))
    const held = { id: 'held', ...session('s') }
    expect(team.ask(held)).toMatchObject({ agent: undefined, askAgainMs: 500 })
    team.now += 499
    expect(team.ask(held)).toMatchObject({ agent: undefined, askAgainMs: 1 })
    team.now += 1
    const moved = team.take(held)
    expect(moved).toBeDefined()
    expect(moved).not.toBe(agent)
  })

  it('gives it to the agent as soon as that is free', () => {
    const team = new Team(sticky({ stickyWaitMs: 500 }), four(1))
    const agent = team.take(session('s'))
    const held = { id: 'held', ...session('s') }
    expect(team.ask(held).agent).toBeUndefined()
    team.load(String(agent)).release()
    expect(team.take(held)).toBe(agent)
  })

  it('counts for each task on its own', () => {
    const team = new Team(sticky({ stickyWaitMs: 500 }), four(1))
    team.take(session('s'))
    expect(team.ask({ id: 'one', ...session('s') }).askAgainMs).toBe(500)
    team.now += 400
    expect(team.ask({ id: 'two', ...session('s') }).askAgainMs).toBe(500)
    expect(team.ask({ id: 'one', ...session('s') }).askAgainMs).toBe(100)
  })

  it('holds nothing back for an agent that has gone or is paused', () => {
    const team = new Team(sticky({ stickyWaitMs: 500 }), four(1))
    pause(team, team.take(session('s')))
    expect(team.take(session('s'))).toBeDefined()
    const gone = team.take(session('t'))
    team.leave(String(gone))
    expect(team.take(session('t'))).toBeDefined()
  })

  it('does not lengthen when the clock is set back', () => {
    const team = new Team(sticky({ stickyWaitMs: 500 }), four(1))
    team.take(session('s'))
    const held = { id: 'held', ...session('s') }
    expect(team.ask(held).agent).toBeUndefined()
    team.now -= 3_600_000
    expect(team.ask(held).agent).toBeDefined()
  })

  it('is 0 unless said: the task goes elsewhere at once', () => {
    const team = new Team(sticky(), four(1))
    const agent = team.take(session('s'))
    const { agent: next, askAgainMs } = team.ask(session('s'))
    expect([next === undefined, next === agent, askAgainMs]).toEqual([false, false, undefined])
  })
})

it.each([
  { ttlMs: 0 },
  { ttlMs: Number.NaN },
  { stickyWaitMs: -1 },
  { stickyWaitMs: Number.POSITIVE_INFINITY },
  { maxPins: 0 },
  { maxPins: Number.NaN },
  { key: 'tenant' as never },
  { then: 'least_busy' as never },
])('refuses %o', (options) => {
  expect(() => sticky(options)).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
})
