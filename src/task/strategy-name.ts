/** A strategy that can be asked for by name, with its default options. */
export type StrategyName =
  | 'round_robin'
  | 'weighted_round_robin'
  | 'random'
  | 'least_busy'
  | 'power_of_two'
  | 'peak_ewma'
  | 'balanced'
  | 'capability_match'
  | 'sticky'
  | 'consistent_hash'
  | 'priority'
  | 'cost_aware'

/** A record, so that the compiler misses a name that is not in it. */
const NAMES: Readonly<Record<StrategyName, true>> = {
  round_robin: true,
  weighted_round_robin: true,
  random: true,
  least_busy: true,
  power_of_two: true,
  peak_ewma: true,
  balanced: true,
  capability_match: true,
  sticky: true,
  consistent_hash: true,
  priority: true,
  cost_aware: true,
}

/** Every name. */
export const STRATEGY_NAMES = Object.freeze(Object.keys(NAMES)) as readonly StrategyName[]
