/** When and how often a failed attempt is repeated. */
export interface RetryPolicy {
  /** Retries after the first attempt: 3 means at most 4 attempts. Default 3. */
  readonly maxRetries: number
  /** The backoff before the first retry, in milliseconds, before jitter. Default 1,000. */
  readonly minDelayMs: number
  /** No backoff is longer than this, in milliseconds. Default 60,000. */
  readonly maxDelayMs: number
  /** Each backoff is this many times the one before. Default 2. */
  readonly factor: number
}

/** What a definition gets that says nothing: 3 retries, after at most 1, 2 and 4 seconds. */
export const DEFAULT_RETRY: RetryPolicy = { maxRetries: 3, minDelayMs: 1_000, maxDelayMs: 60_000, factor: 2 }

/** No retry at all. */
export const NO_RETRY: RetryPolicy = { ...DEFAULT_RETRY, maxRetries: 0 }

/**
 * The backoff before a retry: exponential with full jitter, a number drawn evenly from [0, cap] where cap =
 * min(maxDelayMs, minDelayMs * factor^(retry - 1)). Full jitter spreads callers best (M. Brooker, "Exponential Backoff
 * And Jitter", AWS Architecture Blog, 2015).
 * @param retry - which retry this is, from 1.
 * @param draw - a random number in [0, 1).
 * @returns whole milliseconds.
 */
export function backoffMs(policy: RetryPolicy, retry: number, draw: number): number {
  // A factor may grow beyond all numbers; of nothing that still is nothing, and not NaN.
  const grown = policy.minDelayMs === 0 ? 0 : policy.minDelayMs * policy.factor ** (retry - 1)
  const cap = Math.min(policy.maxDelayMs, grown)
  return Math.round(draw * cap)
}
