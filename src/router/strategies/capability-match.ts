import type { Candidate, RoutingStrategy, ScoreTerms } from '../routing-strategy.js'
import { around, checkNames, innerOf } from './around.js'
import { leastBusy } from './least-busy.js'

const KEY = Symbol('capability_match')

const capabilityCount = (candidate: Candidate) => candidate.capabilities.length

/** Options of {@link capabilityMatch}. */
export interface CapabilityMatchOptions {
  /** Chooses among equally specialised agents. Default `leastBusy()`. */
  readonly then?: RoutingStrategy | undefined
}

/**
 * The most specialised agent: the one with the fewest capabilities beyond those that the task requires, so that
 * generalists stay free for what only they can do. Among equals another strategy chooses.
 * @throws OPTIONS_INVALID when `then` is no strategy.
 */
export function capabilityMatch(options: CapabilityMatchOptions = {}): RoutingStrategy {
  checkNames('capability_match', options, 'then')
  const inner = innerOf('capability_match', options.then, leastBusy)
  return around(
    inner,
    {
      name: 'capability_match',
      ...(inner.terms !== undefined && {
        terms: (task, candidate, memo): ScoreTerms => ({
          extraCapabilities: candidate.capabilities.length - new Set(task.requires).size,
          ...inner.terms?.(task, candidate, memo),
        }),
      }),
    },
    // Every candidate has all that the task requires: the fewest of all are the fewest beyond.
    ({ pool }) => pool.narrow(KEY, capabilityCount),
  )
}
