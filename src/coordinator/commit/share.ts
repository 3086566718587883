import { MAX_BYTES, MAX_SETS, type Waiting } from './commit-queue.js'

/** Before as much as was too much is tried again: at first, and at most. */
const FIRST_CAUTION_MS = 1_000
const LONGEST_CAUTION_MS = 60_000

/**
 * How much of a full commit is sent at once: half as much after each that was not answered in time. What is answered lets it
 * grow again, but to what was too much after an answer only now and then: each time costs as long as a commit may take, with
 * the heartbeats that wait behind it.
 */
export class Share {
  value = 1
  /** It may grow up to this at once. */
  #tooMuch = 1
  #cautionMs = 0
  /** Monotonic time from which on it may grow beyond. */
  #growAt = 0
  #wasAnswered = true

  /** A commit was not answered in time. */
  timedOut(now: number): void {
    if (this.#wasAnswered) {
      this.#tooMuch = this.value
      this.#cautionMs = Math.min(Math.max(FIRST_CAUTION_MS, 2 * this.#cautionMs), LONGEST_CAUTION_MS)
    }
    this.#wasAnswered = false
    this.#growAt = now + this.#cautionMs
    // One set at least.
    this.value = Math.max(this.value / 2, 1 / MAX_SETS)
  }

  /** A commit of these was answered. What is much smaller than it might have been says nothing. */
  answered(batch: readonly Waiting[], now: number): void {
    this.#wasAnswered = true
    if (this.#cautionMs === 0 || sizeOf(batch) < this.value / 2) return
    if (this.value === 1) this.#cautionMs = 0
    else if (2 * this.value < this.#tooMuch || now >= this.#growAt) this.value *= 2
  }
}

/** Of a full commit. */
function sizeOf(batch: readonly Waiting[]): number {
  const bytes = batch.reduce((sum, waiting) => sum + waiting.bytes, 0)
  return Math.max(batch.length / MAX_SETS, bytes / MAX_BYTES)
}
