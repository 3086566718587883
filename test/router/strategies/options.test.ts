import { expect, it } from 'vitest'
import { isBatutaError } from '../../../src/errors/base-error.js'
import { InstanceLoad } from '../../../src/router/instance-load.js'
import type { Candidate, RoutingStrategy } from '../../../src/router/routing-strategy.js'
import { balanced } from '../../../src/router/strategies/balanced.js'
import { capabilityMatch } from '../../../src/router/strategies/capability-match.js'
import { consistentHash } from '../../../src/router/strategies/consistent-hash.js'
import { costAware } from '../../../src/router/strategies/cost-aware.js'
import { leastBusy } from '../../../src/router/strategies/least-busy.js'
import { peakEwma } from '../../../src/router/strategies/peak-ewma.js'
import { powerOfTwo } from '../../../src/router/strategies/power-of-two.js'
import { priority } from '../../../src/router/strategies/priority.js'
import { random } from '../../../src/router/strategies/random.js'
import { roundRobin } from '../../../src/router/strategies/round-robin.js'
import { sticky } from '../../../src/router/strategies/sticky.js'
import { STRATEGY_NAMES } from '../../../src/router/strategies/strategy-by-name.js'
import { weightedRoundRobin } from '../../../src/router/strategies/weighted-round-robin.js'
import { Team } from './pool.js'

/** Every factory, and one of its options where it has any. */
const FACTORIES: readonly [(options: never) => RoutingStrategy, string?][] = [
  [roundRobin],
  [weightedRoundRobin, 'weights'],
  [random],
  [leastBusy],
  [powerOfTwo],
  [peakEwma],
  [balanced, 'latency'],
  [capabilityMatch, 'then'],
  [sticky, 'stickyWaitMs'],
  [consistentHash, 'epsilon'],
  [priority, 'trickle'],
  [costAware, 'minSuccessRate'],
]

function errorOf(make: () => unknown) {
  try {
    make()
  } catch (error) {
    if (isBatutaError(error)) return { code: error.code, message: error.message }
    throw error
  }
  return undefined
}

it('knows every factory', () => {
  expect(FACTORIES.map(([factory]) => factory({} as never).name)).toEqual(STRATEGY_NAMES)
})

it.each(FACTORIES)('%o refuses options that it does not have', (factory, known) => {
  const error = errorOf(() => factory({ qqqq: 1 } as never))
  expect(error).toMatchObject({ code: 'OPTIONS_INVALID', message: expect.stringContaining('qqqq') })
  if (known === undefined) return
  // One letter too many.
  const mistyped = errorOf(() => factory({ [`${known}x`]: undefined } as never))
  expect(mistyped).toMatchObject({
    code: 'OPTIONS_INVALID',
    message: expect.stringContaining(`Did you mean "${known}"?`),
  })
})

it.each(FACTORIES)('%o refuses what is no object', (factory) => {
  for (const options of [null, 'fast', ['a'], 7])
    expect(errorOf(() => factory(options as never))?.code).toBe('OPTIONS_INVALID')
})

it.each(FACTORIES)('%o refuses to restore what it did not write', (factory) => {
  const strategy = factory({} as never)
  for (const state of [null, 7, 'state', { 'task:work:': 'what' }])
    if (strategy.restore !== undefined) expect(errorOf(() => strategy.restore?.(state))?.code).toBe('OPTIONS_INVALID')
})

it('functions of users are shown what can only be read, and always the same', () => {
  const shown = new Set<Candidate>()
  const look = (candidate: Candidate) => {
    shown.add(candidate)
    expect([Object.isFrozen(candidate), candidate instanceof InstanceLoad]).toEqual([true, false])
    return 1
  }
  const custom: RoutingStrategy = {
    name: 'custom',
    select({ pool, random, candidates }) {
      for (const candidate of candidates) look(candidate)
      look(pool.draw('custom', look, random) as Candidate)
      expect(pool.total('custom', look)).toBe(candidates.length)
      return pool.narrow('custom', look).lowest('custom', look)
    },
  }
  const all = [weightedRoundRobin({ weights: look }), priority({ tiers: look }), custom, sticky({ then: custom })]
  for (const strategy of all) {
    const team = new Team(strategy, { anna: {}, bela: {} })
    shown.clear()
    for (let i = 0; i < 6; i++) expect(team.take({ sessionId: `s${i}` })).toBeDefined()
    expect([shown.size, team.errors]).toEqual([2, []])
  }
})
