import { MAX_BYTES, MAX_SETS, type Waiting } from './commit-queue.js'

/** What is so small is too much for nobody: a storage that does not take it is away. */
const SMALL = 8 / MAX_SETS
/** Before as much as was too much is tried again: at first, and at most. */
const FIRST_CAUTION_MS = 1_000
const LONGEST_CAUTION_MS = 60_000

/**
 * How much of a full commit is sent at once: half of each that failed and may have been too much. What is answered lets it
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

  /** A commit of these was not answered in time, or given up by the server. */
  failed(batch: readonly Waiting[], now: number): void {
    const size = Math.min(sizeOf(batch), this.value)
    if (batch.length === 1 || size <= SMALL) return
    // Otherwise it is the same trouble still.
    if (now >= this.#growAt) {
      this.#tooMuch = size
      this.#cautionMs = Math.min(2 * this.#cautionMs || FIRST_CAUTION_MS, LONGEST_CAUTION_MS)
    }
    this.#growAt = now + this.#cautionMs
    this.value = size / 2
  }

  /** A commit of these was answered. What is much smaller than it might have been says nothing. */
  answered(batch: readonly Waiting[], now: number): void {
    if (this.#cautionMs === 0 || sizeOf(batch) < this.value / 2) return
    if (this.value === 1) this.#cautionMs = 0
    else if (2 * this.value < this.#tooMuch || now >= this.#growAt) this.value = Math.min(1, 2 * this.value)
  }
}

/** Of a full commit. */
function sizeOf(batch: readonly Waiting[]): number {
  const bytes = batch.reduce((sum, waiting) => sum + waiting.bytes, 0)
  return Math.max(batch.length / MAX_SETS, bytes / MAX_BYTES)
}
