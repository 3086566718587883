import { builtIn } from '../built-in.js'
import type { RoutingStrategy } from '../routing-strategy.js'
import { checkNames, type NoOptions } from './around.js'
import { SHARE, shareOf } from './load-score.js'

/**
 * By lot, with chances in proportion to slots and weight. Blind to load, speed and failures: a yardstick for the others,
 * or for work so short that it does not matter.
 * @throws OPTIONS_INVALID for options: it has none.
 */
export function random(options: NoOptions = {}): RoutingStrategy {
  checkNames('random', options)
  return builtIn({
    name: 'random',
    select: (context) => context.pool.draw(SHARE, shareOf, context.random),
  })
}
