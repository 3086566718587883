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
 * Takes note of whom a strategy asked about while it decided. One per lane, used again for each decision: so the
 * list `#asked` is never emptied, only counted again.
 */
export class Comparison {
  readonly #asked: InstanceLoad[] = []
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
    const list: CandidateSnapshot[] = chosen === undefined ? [] : [chosen.snapshot(false)]
    const asked = this.#asked
    // Two drawn from many will not be drawn again soon; those of a small team will be compared again at once.
    const keep = this.#count > FEW
    for (let i = 0; i < this.#count && list.length < MAX_COMPARED; i++) {
      const load = asked[i] as InstanceLoad
      if (load !== chosen && asked.indexOf(load) === i) list.push(load.snapshot(keep))
    }
    if (this.#pool !== undefined) this.#captureOrder(this.#pool, chosen, list)
    return list
  }

  #captureOrder(pool: Slots, chosen: InstanceLoad | undefined, list: CandidateSnapshot[]): void {
    const slots = this.#slots
    const limit = slots.length > MAX_COMPARED ? SHOWN_OF_MANY : MAX_COMPARED
    for (let i = 0; i < slots.length && list.length < limit; i++) {
      const load = pool.ableIn(slots[i] as number)
      if (load !== undefined && load !== chosen && !this.#wasAsked(load)) list.push(load.snapshot(true))
    }
  }

  #wasAsked(load: InstanceLoad): boolean {
    for (let i = 0; i < this.#count; i++) if (this.#asked[i] === load) return true
    return false
  }
}
