import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/internal/random.js'
import type { RoutingStrategy } from '../../../src/router/routing-strategy.js'
import { balanced } from '../../../src/router/strategies/balanced.js'
import { capabilityMatch } from '../../../src/router/strategies/capability-match.js'
import { peakEwma } from '../../../src/router/strategies/peak-ewma.js'
import { priority } from '../../../src/router/strategies/priority.js'
import { roundRobin } from '../../../src/router/strategies/round-robin.js'
import { sticky } from '../../../src/router/strategies/sticky.js'
import { weightedRoundRobin } from '../../../src/router/strategies/weighted-round-robin.js'
import { type Member, Team } from './pool.js'

/** Every strategy that remembers something, and some that hold one. */
const MAKERS: Record<string, () => RoutingStrategy> = {
  round_robin: roundRobin,
  weighted_round_robin: () => weightedRoundRobin({ weights: { a1: 3, a2: 2.5 } }),
  peak_ewma: peakEwma,
  balanced,
  sticky: () => sticky({ then: roundRobin() }),
  'sticky with weighted_round_robin': () => sticky({ then: weightedRoundRobin() }),
  'capability_match with round_robin': () => capabilityMatch({ then: roundRobin() }),
  'priority with peak_ewma': () => priority({ tiers: [['a1', 'a2', 'a3', 'a4']], then: peakEwma() }),
}

const members = () =>
  Object.fromEntries(
    Array.from({ length: 6 }, (_, i): [string, Member] => [`a${i}`, { capacity: 20 + 3 * i, cost: i % 3 }]),
  )

/** Traffic that is the same for whatever strategy decides: tasks `from` to `to`, of two types and a few sessions. */
function work(team: Team, from: number, to: number): (string | undefined)[] {
  const agents: (string | undefined)[] = []
  for (let i = from; i < to; i++) {
    team.now += 700
    agents.push(team.ask({ id: `t${i}`, type: i % 3 === 0 ? 'rare' : 'work', sessionId: `s${(i * 7) % 40}` }).agent)
    team.settle(i % 10 === 0 ? 'failure' : 'success', 200 + 3_000 * seededRandom(i).next())
  }
  return agents
}

describe.each(Object.entries(MAKERS))('%s', (_name, make) => {
  it('goes on where a snapshot of it was taken', () => {
    const strategy = make()
    const original = new Team(strategy, members())
    work(original, 0, 150)
    const state: unknown = JSON.parse(JSON.stringify(strategy.snapshot?.()))

    const restored = make()
    // What it remembers before does not count.
    work(new Team(restored, members(), 5), 0, 37)
    restored.restore?.(state)
    const copy = new Team(restored, members(), 9)
    copy.now = original.now

    expect(restored.snapshot?.()).toEqual(strategy.snapshot?.())
    expect(work(copy, 150, 300)).toEqual(work(original, 150, 300))
    expect(restored.snapshot?.()).toEqual(strategy.snapshot?.())
  })

  it('is a snapshot of a moment: what comes later does not change it', () => {
    const strategy = make()
    const team = new Team(strategy, members())
    work(team, 0, 50)
    const state = strategy.snapshot?.()
    const text = JSON.stringify(state)
    work(team, 50, 100)
    expect(JSON.stringify(state)).toBe(text)
    expect(JSON.stringify(strategy.snapshot?.())).not.toBe(text)
  })

  it('keeps what it remembers when it is given something foreign', () => {
    const strategy = make()
    work(new Team(strategy, members()), 0, 50)
    const before = JSON.stringify(strategy.snapshot?.())
    const noPin = { pins: { s: { instances: [], usedAt: 1 } } }
    for (const state of [null, 7, { pins: { s: {} } }, noPin, { 'task:work:': 'x', pins: 1 }]) {
      expect(() => strategy.restore?.(state)).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
      expect(JSON.stringify(strategy.snapshot?.())).toBe(before)
    }
  })
})
