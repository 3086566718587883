import type { CandidateSnapshot } from './candidate-snapshot.js'
import type { InstanceLoad } from './instance-load.js'
import type { Slots } from './ranking.js'

/** Candidates that a decision shows at most. */
export const MAX_COMPARED = 16

/** Of an order of more than 16, the winner and those next to it say enough, and every decision pays for them. */
const SHOWN_OF_MANY = 8

/** Candidates that are drawn rather than scanned. */
const FEW = 4

/**
 * Takes note of whom a strategy asked about while it decided. One per lane, used again for each decision: so its lists are
 * never emptied, only counted again.
 */
export class Comparison {
  readonly #asked: InstanceLoad[] = []
  /** Those that the decision will show; used again. */
  readonly #shown: InstanceLoad[] = []
  #count = 0
  /** The order that was asked for its lowest: everybody in it was compared. */
  #pool: Slots | undefined
  #slots: readonly number[] = []

  begin(): void {
    this.#count = 0
    this.#pool = undefined
  }

  asked(load: InstanceLoad): void {
    if (this.#count < MAX_COMPARED) this.#asked[this.#count++] = load
  }

  /** @param slots - the slots of the order, lowest score first and the others roughly so. */
  ordered(pool: Slots, slots: readonly number[]): void {
    this.#pool = pool
    this.#slots = slots
  }

  /** The one that was chosen, then others that were asked about: at most 16, each once, with their numbers of now. */
  capture(chosen: InstanceLoad | undefined): CandidateSnapshot[] {
    const count = this.#choose(chosen)
    const shown = this.#shown
    // Of its final size: a list that grows takes several times the memory, and there is one for every decision.
    const list = new Array<CandidateSnapshot>(count)
    // Two drawn from many will not be drawn again soon; those of a small team will be compared again at once.
    const keep = this.#count > FEW || this.#pool !== undefined
    for (let i = 0; i < count; i++) {
      const load = shown[i] as InstanceLoad
      list[i] = load.snapshot(keep && load !== chosen)
    }
    return list
  }

  /** Whom to show, in `#shown`, each once. @returns how many. */
  #choose(chosen: InstanceLoad | undefined): number {
    const shown = this.#shown
    let count = 0
    if (chosen !== undefined) shown[count++] = chosen
    for (let i = 0; i < this.#count && count < MAX_COMPARED; i++) {
      const load = this.#asked[i] as InstanceLoad
      if (!isAmong(load, shown, count)) shown[count++] = load
    }
    const slots = this.#pool === undefined ? [] : this.#slots
    // An order holds everybody once.
    const others = count
    const limit = slots.length > MAX_COMPARED ? SHOWN_OF_MANY : MAX_COMPARED
    for (let i = 0; i < slots.length && count < limit; i++) {
      const load = this.#pool?.ableIn(slots[i] as number)
      if (load !== undefined && !isAmong(load, shown, others)) shown[count++] = load
    }
    return count
  }
}

/** Whether it is one of the first so many. */
function isAmong(load: InstanceLoad, list: readonly InstanceLoad[], count: number): boolean {
  for (let i = 0; i < count; i++) if (list[i] === load) return true
  return false
}
