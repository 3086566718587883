import type { Clock } from '../../internal/clock.js'

/**
 * The storage's time as this node knows it: the last answer's `now`, moved on by our own monotonic clock. Used for the
 * times that are written into records; whether something is due is decided by asking the storage.
 */
export class StorageTime {
  readonly #clock: Clock
  #lastNow: number
  #observedAt: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#lastNow = clock.now()
    this.#observedAt = clock.monotonic()
  }

  /** Milliseconds since the Unix epoch, whole. */
  now(): number {
    return Math.floor(this.#lastNow + (this.#clock.monotonic() - this.#observedAt))
  }

  /** Takes note of an answer. */
  observe(now: number): void {
    this.#lastNow = now
    this.#observedAt = this.#clock.monotonic()
  }
}
