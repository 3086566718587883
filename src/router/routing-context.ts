import type { Random } from '../internal/random.js'
import { PoolView } from './pool-view.js'
import type { Candidate, CandidatePool, RoutableTask, RoutingContext } from './routing-strategy.js'

/** What a strategy is asked with; the list of candidates is made when first read. */
export class PoolContext implements RoutingContext {
  constructor(
    readonly task: RoutableTask,
    readonly pool: CandidatePool,
    readonly random: Random,
    readonly now: number,
  ) {}

  get candidates(): readonly Candidate[] {
    return PoolView.listOf(this.pool)
  }

  /** The same question about some of the candidates, for a strategy that asks another one. */
  static narrowed(context: RoutingContext, pool: CandidatePool): RoutingContext {
    const narrowed = new PoolContext(context.task, pool, context.random, context.now)
    return Object.isFrozen(context) ? Object.freeze(narrowed) : narrowed
  }
}
