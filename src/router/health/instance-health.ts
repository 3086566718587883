import { Breaker } from './breaker.js'
import type { HealthSettings } from './health-options.js'

/** What is remembered of an instance's health. Made with its first outcome. */
export class InstanceHealth {
  /** Breakers that are not closed. */
  tripped = 0
  failuresInARow = 0
  /** Until when it is ejected: monotonic milliseconds; 0 when it is not. */
  ejectedUntil = 0
  /** Who ejected it last. */
  ejectedBy: 'failures' | 'operator' = 'failures'
  /** How often it was ejected for its failures, those forgotten that are long past. */
  ejections = 0
  restoredAt = 0
  /** The breaker of the type it learnt first: most instances know one. */
  #only: Breaker | undefined
  #others: Map<string, Breaker> | undefined

  /** The breaker of a type, made when there is none. */
  breakerFor(taskType: string, settings: NonNullable<HealthSettings['breaker']>): Breaker {
    const known = this.breaker(taskType)
    if (known !== undefined) return known
    const made = new Breaker(taskType, settings)
    if (this.#only === undefined) this.#only = made
    else {
      this.#others ??= new Map()
      this.#others.set(taskType, made)
    }
    return made
  }

  breaker(taskType: string): Breaker | undefined {
    return this.#only?.taskType === taskType ? this.#only : this.#others?.get(taskType)
  }

  breakers(): Breaker[] {
    return this.#only === undefined ? [] : [this.#only, ...(this.#others?.values() ?? [])]
  }
}
