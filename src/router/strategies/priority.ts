import type { Candidate, RoutingContext, RoutingStrategy, ScoreTerms } from '../routing-strategy.js'
import { around, checkNames, checkNumber, innerOf, invalidOption } from './around.js'
import { leastBusy } from './least-busy.js'

/** Options of {@link priority}. */
export interface PriorityOptions {
  /**
   * Agent ids, the first choice first; agents that no list names come last. Or a function that gives a candidate's tier,
   * from what does not change about it: a finite number, lower first. Default: the number `tier` in the agent's
   * `metadata`, 0 when absent.
   */
  readonly tiers?: readonly (readonly string[])[] | ((candidate: Candidate) => number) | undefined
  /** Chooses within a tier. Default `leastBusy()`. */
  readonly then?: RoutingStrategy | undefined
  /**
   * The part of the tasks, from 0 to 1, that goes to the last tier with a free slot instead of the first, so that a
   * standby is known to work before it is needed. Default 0.
   */
  readonly trickle?: number | undefined
}

/**
 * The first tier in which somebody healthy has a free slot; within it another strategy chooses. The next tier gets what
 * the ones before it have no room for.
 * @throws OPTIONS_INVALID for tiers that are empty or name an agent twice.
 */
export function priority(options: PriorityOptions = {}): RoutingStrategy {
  checkNames('priority', options, 'tiers', 'then', 'trickle')
  const { trickle = 0 } = options
  const inner = innerOf('priority', options.then, leastBusy)
  checkNumber('priority', 'trickle', trickle, 0, 1)
  const tierOf = tiersOf(options.tiers)
  const lastFirst = (candidate: Candidate) => -tierOf(candidate)
  // Keys of its own: another one may have other tiers.
  const [first, last] = [Symbol('priority'), Symbol('priority trickle')]
  const { terms } = inner
  return around(
    inner,
    {
      name: 'priority',
      ...(terms && {
        terms: (task, candidate, memo): ScoreTerms => ({
          tier: tierOf(candidate),
          ...terms.call(inner, task, candidate, memo),
        }),
      }),
    },
    ({ pool, random }: RoutingContext) =>
      trickle > 0 && random.next() < trickle ? pool.narrow(last, lastFirst) : pool.narrow(first, tierOf),
  )
}

function tiersOf(tiers: PriorityOptions['tiers']): (candidate: Candidate) => number {
  if (tiers === undefined) return (candidate) => finite(candidate.metadata.tier ?? 0, candidate)
  if (typeof tiers === 'function') return (candidate) => finite(tiers(candidate), candidate)
  if (!Array.isArray(tiers) || tiers.length === 0)
    throw invalidOption('priority', 'tiers', 'must be lists of agent ids')
  const tierOf = new Map<string, number>()
  tiers.forEach((tier: unknown, index) => {
    if (!Array.isArray(tier) || tier.length === 0)
      throw invalidOption('priority', `tiers.${index}`, 'must be a list of agent ids, and not an empty one')
    for (const id of tier) {
      if (typeof id !== 'string' || id === '') throw invalidOption('priority', `tiers.${index}`, 'must hold agent ids')
      if (tierOf.has(id)) throw invalidOption('priority', `tiers.${index}`, `names "${id}" again`)
      tierOf.set(id, index)
    }
  })
  return (candidate) => tierOf.get(candidate.agentId) ?? tiers.length
}

function finite(tier: unknown, { agentId }: Candidate): number {
  if (typeof tier === 'number' && Number.isFinite(tier)) return tier
  throw new RangeError(`The tier of ${agentId} must be a finite number, not ${String(tier)}.`)
}
