import type { Budget } from '../../task/limits.js'
import { type Amount, amountOf } from './amount.js'
import { momentAfter } from './start-window.js'

/** A window is remembered in so many slices; what is spent in one comes free with the last of it. */
const SLICES = 128

interface Slice {
  /** When the last of it was spent. */
  at: number
  tokens: number
  nanoUsd: number
}

/**
 * What was spent of late, and what is reserved for attempts under way. An attempt's cost counts from its dispatch until
 * `perMs` after its end, so whenever in between it was really spent, no window of any alignment holds more than the budget.
 * All times are monotonic milliseconds.
 */
export class SpendWindow {
  readonly #maxTokens: number
  readonly #maxNanoUsd: number
  readonly #perMs: number
  readonly #slices: Slice[] = []
  /** When the last slice began. */
  #beganAt = 0
  #tokens = 0
  #nanoUsd = 0
  #heldTokens = 0
  #heldNanoUsd = 0

  constructor({ tokens, usd, perMs }: Budget) {
    const max = amountOf({ tokens, usd })
    this.#maxTokens = tokens === undefined ? Number.POSITIVE_INFINITY : max.tokens
    this.#maxNanoUsd = usd === undefined ? Number.POSITIVE_INFINITY : max.nanoUsd
    this.#perMs = perMs
  }

  /** Reserves for an attempt. */
  hold({ tokens, nanoUsd }: Amount): void {
    this.#heldTokens += tokens
    this.#heldNanoUsd += nanoUsd
  }

  /** An attempt is over: what was reserved for it makes place for what it cost. */
  settle(held: Amount, cost: Amount, now: number): void {
    this.#heldTokens -= held.tokens
    this.#heldNanoUsd -= held.nanoUsd
    if (cost.tokens === 0 && cost.nanoUsd === 0) return
    this.#tokens += cost.tokens
    this.#nanoUsd += cost.nanoUsd
    const last = this.#slices[this.#slices.length - 1]
    if (last === undefined || now - this.#beganAt >= this.#perMs / SLICES) {
      this.#slices.push({ at: now, ...cost })
      this.#beganAt = now
      return
    }
    last.at = now
    last.tokens += cost.tokens
    last.nanoUsd += cost.nanoUsd
  }

  /**
   * When an attempt that may cost so much may start: `now` if at once, Infinity if one under way must end first. One that
   * may cost more than the whole budget needs all of it.
   */
  opensAt(now: number, need: Amount): number {
    for (let first = this.#slices[0]; first !== undefined && now - first.at >= this.#perMs; first = this.#slices[0]) {
      this.#slices.shift()
      this.#tokens -= first.tokens
      this.#nanoUsd -= first.nanoUsd
    }
    let tokens = this.#tokens + this.#heldTokens + Math.min(Math.max(need.tokens, 1), this.#maxTokens)
    let nanoUsd = this.#nanoUsd + this.#heldNanoUsd + Math.min(Math.max(need.nanoUsd, 1), this.#maxNanoUsd)
    let at = now
    for (const slice of this.#slices) {
      if (tokens <= this.#maxTokens && nanoUsd <= this.#maxNanoUsd) return at
      tokens -= slice.tokens
      nanoUsd -= slice.nanoUsd
      at = momentAfter(now, slice.at + this.#perMs)
    }
    return tokens <= this.#maxTokens && nanoUsd <= this.#maxNanoUsd ? at : Number.POSITIVE_INFINITY
  }
}
