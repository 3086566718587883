import { builtIn } from '../built-in.js'
import type { Candidate, RoutingContext, RoutingStrategy } from '../routing-strategy.js'
import { checkNames, type NoOptions } from './around.js'
import { loadScore, loadTerms } from './load-score.js'

const KEY = Symbol('least_busy')

/**
 * The instance with the smallest fraction of its slots taken, divided by its success rate: a broken agent that fails
 * fast is always idle and would otherwise attract everything. Ties go to the least recently assigned. Exact: all
 * candidates are in the order. The score is `(inFlight + 1/2) / (capacity * weight) / successRate`.
 * @throws OPTIONS_INVALID for options: it has none.
 */
export function leastBusy(options: NoOptions = {}): RoutingStrategy {
  checkNames('least_busy', options)
  return builtIn({
    name: 'least_busy',
    select: ({ pool }: RoutingContext): Candidate | undefined => pool.lowest(KEY, loadScore),
    terms: (_task, candidate) => loadTerms(candidate),
  })
}
