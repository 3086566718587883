import { describe, expect, it } from 'vitest'
import type { Candidate, RoutingContext } from '../../src/router/routing-strategy.js'
import { leastBusy } from '../../src/router/strategies/least-busy.js'
import { roundRobin } from '../../src/router/strategies/round-robin.js'
import { STRATEGY_NAMES, strategyByName } from '../../src/router/strategies/strategy-by-name.js'
import {
  type MakeStrategy,
  type StrategyCase,
  strategyConformance,
} from '../../src/testing/strategy-conformance/index.js'

describe.each(STRATEGY_NAMES)('%s', (name) => {
  for (const { topic, name: what, run } of strategyConformance())
    it(`${topic}: ${what}`, () => run(() => strategyByName(name)))
})

/** Strategies with one fault each, and the topic in which it must be found. */
const BROKEN: Record<string, { readonly topic: StrategyCase['topic']; readonly make: MakeStrategy }> = {
  'always the first': {
    topic: 'shares',
    make: () => ({
      name: 'first',
      select: ({ pool }) => pool.lowest('first', (candidate) => Number(candidate.agentId.slice(6))),
    }),
  },
  'remembers whom it chose first': {
    topic: 'choice',
    make: () => {
      let first: Candidate | undefined
      return {
        name: 'loyal',
        select: ({ candidates }) => {
          first ??= candidates[0]
          return first
        },
      }
    },
  },
  'makes candidates up': {
    topic: 'choice',
    make: () => ({ name: 'forger', select: ({ candidates }) => ({ ...candidates[0] }) as Candidate }),
  },
  'never chooses': { topic: 'choice', make: () => ({ name: 'undecided', select: () => undefined }) },
  'throws now and then': {
    topic: 'choice',
    make: () => {
      let asked = 0
      return {
        name: 'moody',
        select: ({ candidates }) => {
          if (++asked % 20 === 0) throw new Error('not today')
          return candidates[0]
        },
      }
    },
  },
  'answers with a promise': {
    topic: 'choice',
    make: () => ({ name: 'later', select: (async ({ candidates }: RoutingContext) => candidates[0]) as never }),
  },
  'sorts the candidates in place': {
    topic: 'choice',
    make: () => ({
      name: 'sorter',
      select: ({ candidates }) => (candidates as Candidate[]).sort((a, b) => a.inFlight - b.inFlight)[0],
    }),
  },
  'rolls its own dice': {
    topic: 'determinism',
    make: () => ({
      name: 'gambler',
      select: ({ pool }) => pool.at(Math.floor(Math.random() * pool.size)),
    }),
  },
  'says other than it does': {
    topic: 'explanation',
    make: () => ({
      ...roundRobin(),
      name: 'liar',
      select: ({ candidates }) => candidates[candidates.length - 1],
      terms: (_task, candidate) => ({ load: candidate.inFlight / candidate.capacity }),
    }),
  },
  'gives terms that are no numbers': {
    topic: 'explanation',
    make: () => ({ ...leastBusy(), name: 'vague', terms: () => ({ load: Number.NaN }) }),
  },
  'explains by what is true now': {
    topic: 'explanation',
    make: () => {
      let decisions = 0
      const inner = leastBusy()
      return {
        name: 'hindsight',
        select: (context) => {
          decisions++
          return inner.select(context)
        },
        terms: () => ({ load: decisions }),
      }
    },
  },
  'trips over results': {
    topic: 'feedback',
    make: () => {
      const inner = leastBusy()
      return {
        name: 'fragile',
        select: (context) => inner.select(context),
        onResult: ({ outcome }) => {
          if (outcome === 'failure') throw new Error('failure is no option')
        },
      }
    },
  },
  'forgets nothing': {
    topic: 'memory',
    make: () => {
      const met = new Set<Candidate>()
      return {
        name: 'hoarder',
        select: ({ candidates }) => {
          for (const candidate of candidates) met.add(candidate)
          return candidates[0]
        },
      }
    },
  },
}

describe('the kit finds a strategy that', () => {
  it.each(Object.entries(BROKEN))('%s', async (_, { topic, make }) => {
    const complaints: string[] = []
    for (const one of strategyConformance().filter((candidate) => candidate.topic === topic)) {
      try {
        await one.run(make)
      } catch (error) {
        complaints.push(`${one.name}: ${(error as Error).message}`)
      }
    }
    expect(complaints).not.toEqual([])
  })
})

it('leaves out even shares for strategies that do not promise them', () => {
  expect(strategyConformance({ evenShares: false }).some(({ topic }) => topic === 'shares')).toBe(false)
})
