import type { RateLimit } from '../../task/limits.js'
import type { Rate } from './rate.js'

/** This moment, unless it was rounded down to now, or below: then the next one that can be told from now. */
export function momentAfter(now: number, at: number): number {
  return at > now ? at : now * (1 + Number.EPSILON)
}

/**
 * How often something started of late: a ring of start times, at most as many as may start in one window. A permit is taken
 * before its start and comes free `perMs` after it, so no window of any alignment ever holds more starts than the limit.
 * O(1) per start. All times are monotonic milliseconds.
 */
export class StartWindow implements Rate {
  readonly isShared = false
  readonly #limit: number
  readonly #perMs: number
  readonly #starts: number[] = []
  #oldest = 0
  #count = 0
  /** Permits taken for what has not started yet. */
  #pending = 0

  constructor({ limit, perMs }: RateLimit) {
    this.#limit = limit
    this.#perMs = perMs
  }

  /** Takes a permit; only after {@link StartWindow.opensAt} said so. */
  take(): void {
    this.#pending++
  }

  /** What a permit was taken for starts now. */
  started(now: number): void {
    this.#pending--
    if (this.#count === 0) this.#oldest = 0
    this.#starts[(this.#oldest + this.#count++) % this.#limit] = now
  }

  mayStart(): boolean {
    return true
  }

  stop(): void {}

  /** What a permit was taken for never started. */
  untake(): void {
    this.#pending--
  }

  /** When one more may start: `now` if at once, Infinity if something that was taken must first start or end. */
  opensAt(now: number): number {
    // Subtracted, as a reader of the starts would do it: the sum could round the other way.
    while (this.#count > 0 && now - this.#first >= this.#perMs) {
      this.#oldest = (this.#oldest + 1) % this.#limit
      this.#count--
    }
    if (this.#count + this.#pending < this.#limit) return now
    if (this.#count === 0) return Number.POSITIVE_INFINITY
    return momentAfter(now, this.#first + this.#perMs)
  }

  get #first(): number {
    return this.#starts[this.#oldest] as number
  }
}
