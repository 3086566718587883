/** Decides who may still ask. */
export interface RateLimit {
  /** Counts one request. @returns milliseconds to wait, 0 when it may go ahead. */
  take(key: string): number
}

/** What a limit allows. */
export interface RateLimitOptions {
  /** Requests of one key in any `perMs`. */
  readonly limit: number
  readonly perMs: number
  /** Milliseconds since some fixed moment. */
  readonly now: () => number
  /** Keys remembered; the one that was quiet longest is forgotten first. Default 10,000. */
  readonly maxKeys?: number | undefined
}

/** A sliding window for each key: at most `limit` requests in any `perMs`. */
export function rateLimit({ limit, perMs, now, maxKeys = 10_000 }: RateLimitOptions): RateLimit {
  const taken = new Map<string, number[]>()
  return {
    take(key) {
      const at = now()
      const recent = (taken.get(key) ?? []).filter((each) => each > at - perMs)
      const [oldest] = recent
      // Set again even when refused, so that the map keeps its keys by last use.
      taken.delete(key)
      taken.set(key, recent)
      if (recent.length >= limit && oldest !== undefined) return oldest + perMs - at
      recent.push(at)
      if (taken.size > maxKeys) taken.delete(taken.keys().next().value ?? key)
      return 0
    },
  }
}
