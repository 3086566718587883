import { BatutaError } from '../../errors/base-error.js'
import { suggest } from '../../internal/did-you-mean.js'
import { STRATEGY_NAMES, type StrategyName } from '../../task/strategy-name.js'
import type { RoutingStrategy } from '../routing-strategy.js'
import { balanced } from './balanced.js'
import { capabilityMatch } from './capability-match.js'
import { consistentHash } from './consistent-hash.js'
import { costAware } from './cost-aware.js'
import { leastBusy } from './least-busy.js'
import { peakEwma } from './peak-ewma.js'
import { powerOfTwo } from './power-of-two.js'
import { priority } from './priority.js'
import { random } from './random.js'
import { roundRobin } from './round-robin.js'
import { sticky } from './sticky.js'
import { weightedRoundRobin } from './weighted-round-robin.js'

const BUILT_IN: Readonly<Record<StrategyName, () => RoutingStrategy>> = {
  round_robin: roundRobin,
  weighted_round_robin: weightedRoundRobin,
  random,
  least_busy: leastBusy,
  power_of_two: powerOfTwo,
  peak_ewma: peakEwma,
  balanced,
  capability_match: capabilityMatch,
  sticky,
  consistent_hash: consistentHash,
  priority,
  cost_aware: costAware,
}

/**
 * A new strategy of this name.
 * @throws STRATEGY_UNKNOWN, with the name that was probably meant.
 */
export function strategyByName(name: string): RoutingStrategy {
  if (Object.hasOwn(BUILT_IN, name)) return BUILT_IN[name as StrategyName]()
  const meant = suggest(name, STRATEGY_NAMES)
  throw new BatutaError('STRATEGY_UNKNOWN', `There is no strategy "${name}".`, {
    data: { name, ...(meant !== undefined && { didYouMean: meant }) },
    fix: `${meant === undefined ? '' : `Did you mean "${meant}"? `}Use one of ${STRATEGY_NAMES.join(', ')}.`,
  })
}

export { STRATEGY_NAMES, type StrategyName }
