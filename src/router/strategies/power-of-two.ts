import { builtIn } from '../built-in.js'
import type { Candidate, RoutingStrategy } from '../routing-strategy.js'
import { checkNames, type NoOptions } from './around.js'
import { contenders, loadScore, loadTerms, lowestOf } from './load-score.js'

/** Pools up to this size are compared one by one: with two or three agents, two choices are no choice. */
const SCAN_LIMIT = 8

/**
 * Two candidates drawn by lot, the less busy of them: nearly as even as {@link leastBusy}, and no herd when several nodes
 * decide by the same numbers. The chance to be drawn is in proportion to slots and weight, and the score is that of
 * `least_busy`, success rate included. In pools of at most 8 everybody is compared.
 *
 * M. Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 1996.
 * @throws OPTIONS_INVALID for options: it has none.
 */
export function powerOfTwo(options: NoOptions = {}): RoutingStrategy {
  checkNames('power_of_two', options)
  const drawn: Candidate[] = []
  return builtIn({
    name: 'power_of_two',
    select({ pool, random }) {
      contenders(pool, random, SCAN_LIMIT, drawn)
      return lowestOf(drawn, loadScore)
    },
    terms: (_task, candidate) => loadTerms(candidate),
  })
}
