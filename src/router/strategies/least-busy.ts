import { builtIn } from '../built-in.js'
import type { Candidate, RoutingContext, RoutingStrategy, ScoreTerms } from '../routing-strategy.js'

const KEY = Symbol('least_busy')

/**
 * How full an instance would be on average while it takes one more task: `(inFlight + 1/2) / (capacity * weight)`.
 *
 * Dealing each task to the lowest is the method of Webster and Sainte-Lague for sharing seats by votes, the divisor
 * method without bias: large and small agents get work in proportion to their slots. Without the half, every idle agent
 * has the load 0 and nothing multiplied with it can tell a broken one; with a whole one (d'Hondt) small agents get
 * nothing until the large ones are full.
 */
export function loadOf(candidate: Candidate): number {
  return (candidate.inFlight + 0.5) / (candidate.capacity * candidate.weight)
}

function scoreOf(candidate: Candidate): number {
  return loadOf(candidate) / candidate.successRate
}

/**
 * The instance with the smallest fraction of its slots taken, divided by its success rate: a broken agent that fails
 * fast is always idle and would otherwise attract everything. Ties go to the least recently assigned.
 */
export function leastBusy(): RoutingStrategy {
  return builtIn({
    name: 'least_busy',
    select: ({ pool }: RoutingContext): Candidate | undefined => pool.lowest(KEY, scoreOf),
    terms(_task, candidate): ScoreTerms {
      const load = loadOf(candidate)
      return { load, failures: scoreOf(candidate) - load }
    },
  })
}
