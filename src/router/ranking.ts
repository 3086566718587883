import type { InstanceLoad } from './instance-load.js'
import type { Candidate } from './routing-strategy.js'
import { SlotHeap } from './slot-heap.js'

/** Gives a candidate a score or a rank. */
export type Score = (candidate: Candidate) => number

/** Who stands in a slot and can take work. */
export interface Slots {
  ableIn(slot: number): InstanceLoad | undefined
}

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

  /** Scores what was marked. If `score` throws, its slot and those not reached stay marked. */
  refresh(slots: Slots, score: Score): void {
    const stale = this.#stale
    while (stale.length > 0) {
      const slot = stale[stale.length - 1] as number
      const load = slots.ableIn(slot)
      if (load === undefined) this.heap.delete(slot)
      else this.heap.set(slot, score(load.view), load.lastAssigned)
      stale.pop()
      this.#isStale[slot] = 0
    }
  }
}
