import type { Clock } from '../../internal/clock.js'

/** Seconds of the floor that may be saved up. */
const SAVED_SECONDS = 10

/** How much of the work may be retries. */
export interface RetryBudgetOptions {
  /** Tokens that each new task brings. */
  readonly ratio: number
  /** Tokens that each second brings. */
  readonly floorPerSecond: number
}

/**
 * Keeps retries from multiplying an outage: a token bucket that every new task fills by `ratio`, and time by
 * `floorPerSecond`. (Finagle's RetryBudget; its defaults are 20 % and 10 a second.)
 */
export class RetryBudget {
  #tokens: number
  #filledAt: number
  /** When the next token that is not spoken for is expected; monotonic. */
  #nextAt = 0

  constructor(
    private readonly clock: Clock,
    private readonly options: RetryBudgetOptions,
  ) {
    this.#tokens = this.#limit
    this.#filledAt = clock.monotonic()
  }

  /** A task was tried for the first time. */
  deposit(): void {
    this.#tokens = Math.min(this.#limit, this.#tokens + this.options.ratio)
  }

  /** Takes a token: 0. Or says in how many milliseconds one is expected; each caller is given a time of its own. */
  take(): number {
    const now = this.clock.monotonic()
    const { floorPerSecond } = this.options
    this.#tokens = Math.min(this.#limit, this.#tokens + ((now - this.#filledAt) / 1_000) * floorPerSecond)
    this.#filledAt = now
    if (this.#tokens >= 1) {
      this.#tokens--
      return 0
    }
    const everyMs = floorPerSecond > 0 ? 1_000 / floorPerSecond : 1_000
    this.#nextAt = Math.max(this.#nextAt, now) + everyMs
    return Math.ceil(this.#nextAt - now)
  }

  get #limit(): number {
    return Math.max(1, this.options.floorPerSecond * SAVED_SECONDS)
  }
}
