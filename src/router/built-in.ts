import type { RoutingStrategy } from './routing-strategy.js'

const BUILT_IN = new WeakSet<RoutingStrategy>()

/** Marks a strategy of ours: it is known to change nothing that it is shown, so nothing is frozen for it. */
export function builtIn(strategy: RoutingStrategy): RoutingStrategy {
  BUILT_IN.add(strategy)
  return strategy
}

/** Whether a strategy is ours. */
export function isBuiltIn(strategy: RoutingStrategy): boolean {
  return BUILT_IN.has(strategy)
}
