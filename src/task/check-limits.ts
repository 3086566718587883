import type { OptionCheck } from './option-check.js'

const RATE_KEYS: ReadonlySet<string> = new Set(['limit', 'perMs', 'scope'])
const BUDGET_KEYS: ReadonlySet<string> = new Set(['tokens', 'usd', 'perMs'])

/** Each start in the window is remembered: eight bytes. */
const MAX_LIMIT = 1_000_000
const MAX_PER_MS = 31 * 86_400_000
/** What can be counted exactly in billionths. */
const MAX_USD = 9_000_000

/** Checks `rateLimit` and `budget` of an agent or a definition. */
export function checkLimits(
  check: OptionCheck,
  options: { readonly rateLimit?: unknown; readonly budget?: unknown },
  of: 'agent' | 'definition',
): void {
  const { rateLimit, budget } = options
  if (rateLimit !== undefined && check.object(['rateLimit'], rateLimit)) {
    check.keys(['rateLimit'], rateLimit, RATE_KEYS)
    check.number(['rateLimit', 'limit'], rateLimit.limit ?? null, { min: 1, max: MAX_LIMIT, whole: true })
    const { scope } = rateLimit
    if (scope !== undefined && scope !== 'node' && scope !== 'all')
      check.add(['rateLimit', 'scope'], `must be "node" or "all", not ${JSON.stringify(scope)}`)
    if (scope === 'all' && of === 'agent')
      check.add(
        ['rateLimit', 'scope'],
        'must be "node": an agent instance is on one node; limit the definition over all',
      )
    check.number(['rateLimit', 'perMs'], rateLimit.perMs ?? null, { min: 1, max: MAX_PER_MS })
  }
  if (budget === undefined || !check.object(['budget'], budget)) return
  check.keys(['budget'], budget, BUDGET_KEYS)
  if (budget.tokens === undefined && budget.usd === undefined) check.add(['budget'], 'must name tokens, usd, or both')
  check.number(['budget', 'tokens'], budget.tokens, { min: 1, whole: true })
  check.number(['budget', 'usd'], budget.usd, { min: 1e-9, max: MAX_USD })
  check.number(['budget', 'perMs'], budget.perMs ?? null, { min: 1, max: MAX_PER_MS })
}
