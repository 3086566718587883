import { BatutaError } from '../../errors/base-error.js'
import { suggest } from '../../internal/did-you-mean.js'
import type { RoutingStrategy } from '../routing-strategy.js'
import { balanced } from './balanced.js'
import { capabilityMatch } from './capability-match.js'
import { leastBusy } from './least-busy.js'
import { roundRobin } from './round-robin.js'

/** A strategy that can be asked for by name, with its default options. */
export type StrategyName = 'round_robin' | 'least_busy' | 'balanced' | 'capability_match'

const BUILT_IN: Readonly<Record<StrategyName, () => RoutingStrategy>> = {
  round_robin: () => roundRobin(),
  least_busy: () => leastBusy(),
  balanced: () => balanced(),
  capability_match: () => capabilityMatch(),
}

/** Every name. */
export const STRATEGY_NAMES = Object.freeze(Object.keys(BUILT_IN)) as readonly StrategyName[]

/**
 * A new strategy of this name.
 * @throws STRATEGY_UNKNOWN, with the name that was probably meant.
 */
export function strategyByName(name: string): RoutingStrategy {
  if (Object.hasOwn(BUILT_IN, name)) return BUILT_IN[name as StrategyName]()
  const meant = suggest(name, STRATEGY_NAMES)
  throw new BatutaError('STRATEGY_UNKNOWN', `There is no strategy "${name}".`, {
    data: { name, ...(meant !== undefined && { didYouMean: meant }) },
    fix: meant === undefined ? `Use one of ${STRATEGY_NAMES.join(', ')}.` : `Did you mean "${meant}"?`,
  })
}
