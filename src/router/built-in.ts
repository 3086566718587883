import { InstanceLoad } from './instance-load.js'
import type { Candidate, RoutingStrategy } from './routing-strategy.js'

const BUILT_IN = new WeakSet<RoutingStrategy>()

/**
 * Marks a strategy of ours: it is known to change nothing that it is shown, so nothing is frozen for it, and it is shown the
 * instances themselves. What it shows to a function of a user's goes through {@link viewOf}.
 */
export function builtIn(strategy: RoutingStrategy): RoutingStrategy {
  BUILT_IN.add(strategy)
  return strategy
}

/** Whether a strategy is ours. */
export function isBuiltIn(strategy: RoutingStrategy): boolean {
  return BUILT_IN.has(strategy)
}

/** A candidate as a function of somebody else's is shown it: it can be read, and nothing else. */
export function viewOf(candidate: Candidate): Candidate {
  return candidate instanceof InstanceLoad ? candidate.view : candidate
}
