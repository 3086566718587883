import type { RoutingStrategy } from '../../router/routing-strategy.js'

/** Makes a new strategy, without memory of earlier ones. */
export type MakeStrategy = () => RoutingStrategy

/** One thing that every strategy must do. For any test runner: `it(case.name, () => case.run(makeStrategy))`. */
export interface StrategyCase {
  readonly topic: 'choice' | 'determinism' | 'explanation' | 'feedback' | 'shares' | 'memory'
  readonly name: string
  /** Throws, or rejects, saying what is wrong. */
  run(makeStrategy: MakeStrategy): void | Promise<void>
}

/** What a strategy does not promise. */
export interface StrategyTraits {
  /** Equal agents get about equal shares of unrelated tasks. Default true. */
  readonly evenShares?: boolean | undefined
}
