import type { InstanceLoad } from './instance-load.js'
import type { Candidate } from './routing-strategy.js'
import { SlotHeap } from './slot-heap.js'
import { StaleSlots } from './stale-slots.js'
import { SumTree } from './sum-tree.js'

/** Gives a candidate a score, a rank or a weight. */
export type Score = (candidate: Candidate) => number

/** Gives an instance a score or a weight. */
export type LoadScore = (load: InstanceLoad) => number

/** Who stands in a slot and can take work. */
export interface Slots {
  ableIn(slot: number): InstanceLoad | undefined
}

/**
 * Something that a pool knows about all who can take work. Slots whose numbers changed are only marked; they are looked
 * at again when somebody asks, so a strategy that is not used costs nothing.
 */
export abstract class SlotIndex {
  /** When it was last asked, in questions to its pool. */
  usedAt = 0
  readonly #stale = new StaleSlots()

  protected abstract put(slot: number, score: number, load: InstanceLoad): void
  protected abstract drop(slot: number): void

  /** Takes note that the slot must be scored again. */
  mark(slot: number): void {
    this.#stale.mark(slot)
  }

  /** Scores what was marked. If `score` throws, its slot and those not reached stay marked. */
  refresh(slots: Slots, score: LoadScore): void {
    const stale = this.#stale
    for (let slot = stale.next; slot !== undefined; slot = stale.next) {
      const load = slots.ableIn(slot)
      if (load === undefined) this.drop(slot)
      else this.put(slot, score(load), load)
      stale.done()
    }
  }
}

/** A pool's order by one score. */
export class Ranking extends SlotIndex {
  readonly heap = new SlotHeap()

  protected put(slot: number, score: number, load: InstanceLoad): void {
    this.heap.set(slot, score, load.lastAssigned)
  }

  protected drop(slot: number): void {
    this.heap.delete(slot)
  }
}

/** A pool's sums of one weight. */
export class Lots extends SlotIndex {
  readonly sums = new SumTree()

  protected put(slot: number, weight: number, load: InstanceLoad): void {
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY))
      throw new RangeError(`The weight of ${load.agentId} must be a finite number from 0, not ${weight}.`)
    this.sums.set(slot, weight)
  }

  protected drop(slot: number): void {
    this.sums.set(slot, 0)
  }
}
