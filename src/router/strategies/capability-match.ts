import { builtIn, isBuiltIn } from '../built-in.js'
import { PoolContext } from '../routing-context.js'
import type { Candidate, RoutingContext, RoutingStrategy, ScoreTerms } from '../routing-strategy.js'
import { leastBusy } from './least-busy.js'

const KEY = Symbol('capability_match')

const capabilityCount = (candidate: Candidate) => candidate.capabilities.length

/** The specialists: of those who can do the task, the ones with the fewest capabilities. */
function specialists(context: RoutingContext): RoutingContext {
  return PoolContext.narrowed(context, context.pool.narrow(KEY, capabilityCount))
}

/** Options of {@link capabilityMatch}. */
export interface CapabilityMatchOptions {
  /** Chooses among equally specialised agents. Default `leastBusy()`. */
  readonly then?: RoutingStrategy | undefined
}

/**
 * The most specialised agent: the one with the fewest capabilities beyond those that the task requires, so that
 * generalists stay free for what only they can do. Among equals another strategy chooses.
 */
export function capabilityMatch(options: CapabilityMatchOptions = {}): RoutingStrategy {
  const inner = options.then ?? leastBusy()
  const { terms } = inner
  const strategy: RoutingStrategy = {
    name: 'capability_match',
    select: (context) => inner.select(specialists(context)),
    memo: (context) => inner.memo?.(specialists(context)),
    ...(terms !== undefined && {
      terms: (task, candidate, memo): ScoreTerms => ({
        extraCapabilities: candidate.capabilities.length - new Set(task.requires).size,
        ...terms.call(inner, task, candidate, memo),
      }),
    }),
    onResult: (feedback) => inner.onResult?.(feedback),
  }
  return isBuiltIn(inner) ? builtIn(strategy) : strategy
}
