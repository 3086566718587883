import type { Cost } from '../../task/limits.js'

const NANO = 1e9
/** Of one cost: sums of many of them are still exact. */
const MAX_TOKENS = 1e12
const MAX_USD = 1e6

/** A cost in whole numbers, which add up and cancel out exactly. */
export interface Amount {
  readonly tokens: number
  readonly nanoUsd: number
}

/** No cost. */
export const NOTHING: Amount = Object.freeze({ tokens: 0, nanoUsd: 0 })

/** What is not known counts as `otherwise`. */
export function amountOf({ tokens, usd }: Cost, otherwise: Amount = NOTHING): Amount {
  return {
    tokens: tokens === undefined ? otherwise.tokens : Math.ceil(tokens),
    nanoUsd: usd === undefined ? otherwise.nanoUsd : Math.round(usd * NANO),
  }
}

/** Each part by itself. */
export function larger(a: Amount, b: Amount): Amount {
  return { tokens: Math.max(a.tokens, b.tokens), nanoUsd: Math.max(a.nanoUsd, b.nanoUsd) }
}

/** What it was and this more; of dollars, billionths are kept. */
export function addedUp(total: Cost | undefined, { tokens, usd }: Cost): Cost {
  return {
    ...total,
    ...(tokens === undefined ? undefined : { tokens: (total?.tokens ?? 0) + tokens }),
    ...(usd === undefined ? undefined : { usd: Math.round(((total?.usd ?? 0) + usd) * NANO) / NANO }),
  }
}

/** Whether something is a cost: an object whose tokens and dollars, where given, can be counted. */
export function isCost(value: unknown): value is Cost {
  if (typeof value !== 'object' || value === null) return false
  const { tokens, usd } = value as Cost
  return (tokens ?? usd) !== undefined && isCountable(tokens, MAX_TOKENS) && isCountable(usd, MAX_USD)
}

function isCountable(value: unknown, max: number): boolean {
  return value === undefined || (typeof value === 'number' && value >= 0 && value <= max)
}
