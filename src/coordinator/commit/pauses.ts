import type { Clock } from '../../internal/clock.js'

/** Waits that end early when their node stops, so that no timer outlives it. */
export class Pauses {
  readonly #ends = new Set<() => void>()
  #isOver = false

  constructor(private readonly clock: Clock) {}

  /** Resolves after `ms`, or when all end. */
  wait(ms: number): Promise<void> {
    if (this.#isOver) return Promise.resolve()
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel()
        this.#ends.delete(end)
        resolve()
      }
      const timer = this.clock.setTimer(end, ms)
      this.#ends.add(end)
    })
  }

  /** Ends those that wait, and all later ones at once. */
  endAll(): void {
    this.#isOver = true
    for (const end of [...this.#ends]) end()
  }
}
