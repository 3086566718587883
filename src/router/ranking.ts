import { SlotHeap } from './slot-heap.js'

/**
 * A pool's order by one score. Slots whose numbers changed are only marked; they are scored again when somebody asks
 * for the order, so a strategy that is not used costs nothing.
 */
export class Ranking {
  readonly heap = new SlotHeap()
  /** When it was last asked, in questions to its pool. */
  usedAt = 0
  readonly #stale: number[] = []
  #isStale = new Uint8Array(16)

  /** Takes note that the slot must be scored again. */
  mark(slot: number): void {
    if (slot >= this.#isStale.length) {
      const grown = new Uint8Array(Math.max(slot + 1, this.#isStale.length * 2))
      grown.set(this.#isStale)
      this.#isStale = grown
    }
    if (this.#isStale[slot] === 1) return
    this.#isStale[slot] = 1
    this.#stale.push(slot)
  }

  /**
   * Scores what was marked. If `score` throws, its slot and those after it stay marked.
   * @param score - `undefined` takes the slot out of the order.
   */
  refresh(score: (slot: number) => number | undefined, lastAssigned: (slot: number) => number): void {
    const stale = this.#stale
    while (stale.length > 0) {
      const slot = stale[stale.length - 1] as number
      const value = score(slot)
      stale.pop()
      this.#isStale[slot] = 0
      if (value === undefined) this.heap.delete(slot)
      else this.heap.set(slot, value, lastAssigned(slot))
    }
  }
}
