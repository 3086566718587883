import { CHOICE_CASES } from './choice-cases.js'
import { EXPLANATION_CASES } from './explanation-cases.js'
import { FEEDBACK_CASES, MEMORY_CASES, SHARE_CASES } from './load-cases.js'
import type { StrategyCase, StrategyTraits } from './strategy-case.js'

export type { MakeStrategy, StrategyCase, StrategyTraits } from './strategy-case.js'

/**
 * What every routing strategy must do, as named cases for any test runner:
 * `for (const { topic, name, run } of strategyConformance()) it(topic + ': ' + name, () => run(() => myStrategy()))`.
 */
export function strategyConformance(traits: StrategyTraits = {}): readonly StrategyCase[] {
  const shares = traits.evenShares === false ? [] : SHARE_CASES
  return [...CHOICE_CASES, ...EXPLANATION_CASES, ...FEEDBACK_CASES, ...shares, ...MEMORY_CASES]
}
