/** Marks the error classes that handlers throw, so that they are known across copies of the package. */
const NON_RETRYABLE: unique symbol = Symbol.for('batuta.nonRetryable') as never
const RETRY_AFTER: unique symbol = Symbol.for('batuta.retryAfter') as never

/** Thrown by a handler: trying again can't help. The attempt counts as failed, and no retry follows. */
export class NonRetryableError extends Error {
  override readonly name: string = 'NonRetryableError'
  readonly [NON_RETRYABLE] = true as const

  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
  }
}

/** Thrown by a handler: try again, but not before this. Instead of the backoff; it uses up a retry like any failure. */
export class RetryAfterError extends Error {
  override readonly name: string = 'RetryAfterError'
  /** Milliseconds to wait, or the moment to wait for. */
  readonly retryAfter: number | Date
  readonly [RETRY_AFTER] = true as const

  /** @param msOrDate - milliseconds from now, or a moment. A `Retry-After` header in seconds must be multiplied. */
  constructor(message: string, msOrDate: number | Date, options?: { readonly cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.retryAfter = msOrDate
  }
}

/** Whether a handler said that trying again can't help. */
export function isNonRetryable(error: unknown): boolean {
  return hasMark(error, NON_RETRYABLE)
}

/**
 * How long a handler asked to wait before the next attempt, in whole milliseconds from `now` and never negative;
 * nothing when it did not ask, or asked for something that is not a time.
 * @param now - what a moment is compared with, in milliseconds since the epoch.
 */
export function retryAfterOf(error: unknown, now: number): number | undefined {
  if (!hasMark(error, RETRY_AFTER)) return undefined
  const { retryAfter } = error as { readonly retryAfter?: unknown }
  const ms = retryAfter instanceof Date ? retryAfter.getTime() - now : retryAfter
  return typeof ms === 'number' && Number.isFinite(ms) ? Math.max(0, Math.ceil(ms)) : undefined
}

/** Reading a property of what was thrown may itself throw. */
function hasMark(error: unknown, mark: symbol): boolean {
  try {
    return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[mark] === true
  } catch {
    return false
  }
}
