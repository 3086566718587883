import type { Clock, Timer } from './clock.js'
import { Heap } from './heap.js'

interface Entry {
  readonly at: number
  /** Entries of one moment are done in the order in which they were made. */
  readonly number: number
  readonly fn: () => void
}

/** Things to do at their time, with one timer for all of them, and none while there is nothing to do. */
export class Agenda {
  readonly #entries = new Heap<Entry>((a, b) => a.at < b.at || (a.at === b.at && a.number < b.number))
  #made = 0
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #isStopped = false

  constructor(private readonly clock: Clock) {}

  /** Does `fn` once, not before `at` (monotonic milliseconds); never after {@link Agenda.stop}. */
  add(at: number, fn: () => void): void {
    if (this.#isStopped) return
    this.#entries.push({ at, number: this.#made++, fn })
    this.#arm()
  }

  /** Does nothing any more. No timer is left. */
  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #arm(): void {
    const at = this.#entries.peek()?.at
    if (this.#isStopped || at === undefined || at >= this.#timerAt) return
    this.#timer?.cancel()
    this.#timerAt = at
    this.#timer = this.clock.setTimer(() => this.#doDue(), at - this.clock.monotonic())
  }

  #doDue(): void {
    // What is added meanwhile is looked at in the end.
    this.#timerAt = Number.NEGATIVE_INFINITY
    const now = this.clock.monotonic()
    try {
      while (!this.#isStopped && (this.#entries.peek()?.at ?? Number.POSITIVE_INFINITY) <= now)
        this.#entries.pop()?.fn()
    } finally {
      this.#timerAt = Number.POSITIVE_INFINITY
      this.#arm()
    }
  }
}
