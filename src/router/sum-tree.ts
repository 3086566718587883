import type { Random } from '../internal/random.js'
import { StaleSlots } from './stale-slots.js'

/** Slots that are tried by lot before the tree is walked. */
const TRIES = 4

/**
 * Weights by slot, and a draw in proportion to them: a binary tree in which every node is the sum of the two below it. Sums
 * are added anew along the way up, never corrected by differences, so that no error piles up. O(log n).
 *
 * Most draws need no walk: a slot by an even lot is taken with the chance `weight / heaviest`, which gives the same
 * chances and reads one number instead of one per level. A draw that is refused says nothing about the next, so after a few of
 * them the tree may decide. Whole numbers need no tree for their total, either: their differences are exact. So the way up is
 * added only when somebody walks down, or once there was a fraction.
 */
export class SumTree {
  /** Node 1 is the root, node i stands above 2i and 2i + 1, the weights begin at `#leaves`. */
  #nodes = new Float64Array(32)
  #leaves = 16
  /** Slots from here have never had a weight. */
  #used = 0
  /** No weight is above it. One that was may be gone: draws are then refused more often, and as fair. */
  #heaviest = 0
  /** The sum by differences, which is right as long as there were no fractions. */
  #sum = 0
  #isExact = true
  /** Slots above which sums are out of date. */
  readonly #stale = new StaleSlots()

  get total(): number {
    if (this.#isExact) return this.#sum
    this.#addUp()
    return this.#nodes[1] as number
  }

  set(slot: number, weight: number): void {
    if (slot >= this.#leaves) {
      if (weight === 0) return
      this.#grow(slot)
    }
    const leaf = this.#leaves + slot
    const was = this.#nodes[leaf] as number
    if (was === weight) return
    this.#nodes[leaf] = weight
    this.#sum += weight - was
    if (!Number.isSafeInteger(weight)) this.#isExact = false
    if (slot >= this.#used) this.#used = slot + 1
    if (weight > this.#heaviest) this.#heaviest = weight
    this.#stale.mark(slot)
  }

  /** Brings the sums above the weights that changed up to date. */
  #addUp(): void {
    const nodes = this.#nodes
    const stale = this.#stale
    for (let slot = stale.next; slot !== undefined; slot = stale.next) {
      stale.done()
      for (let at = (this.#leaves + slot) >> 1; at > 0; at >>= 1)
        nodes[at] = (nodes[2 * at] as number) + (nodes[2 * at + 1] as number)
    }
  }

  /**
   * A slot by lot; -1 when nothing weighs anything.
   * @param except - a slot that does not take part; -1 for none.
   */
  draw(random: Random, except: number): number {
    for (let tries = 0; tries < TRIES; tries++) {
      const lot = random.next() * this.#used
      const slot = Math.floor(lot)
      const weight = this.#nodes[this.#leaves + slot] as number
      // What the lot has beyond the whole number is a lot of its own. A weight of 0 is never above it.
      if (slot !== except && (lot - slot) * this.#heaviest < weight) return slot
    }
    return this.walk(random.next(), except)
  }

  /**
   * The slot in whose part of the line of all weights a lot falls; -1 when nothing weighs anything.
   * @param lot - a random number in [0, 1).
   * @param except - a slot that does not take part; -1 for none.
   */
  walk(lot: number, except: number): number {
    this.#addUp()
    const nodes = this.#nodes
    // The node on the current level that stands above the slot left out, and what to take off it.
    let barred = except === -1 || except >= this.#leaves ? 0 : this.#leaves + except
    const less = nodes[barred] as number
    let depth = 31 - Math.clz32(this.#leaves)
    const all = (nodes[1] as number) - less
    if (!(all > 0)) return -1
    let rest = lot * all
    let at = 1
    for (barred = less === 0 ? 0 : barred; depth > 0; depth--) {
      const left = 2 * at
      const above = barred >> (depth - 1)
      const low = (nodes[left] as number) - (above === left ? less : 0)
      const high = (nodes[left + 1] as number) - (above === left + 1 ? less : 0)
      // Rounding must not lead into a branch where nothing is.
      if (high <= 0 || (rest < low && low > 0)) at = left
      else {
        at = left + 1
        rest -= low
      }
    }
    return at - this.#leaves
  }

  #grow(slot: number): void {
    const old = this.#nodes.subarray(this.#leaves)
    let leaves = this.#leaves
    while (leaves <= slot) leaves *= 2
    this.#leaves = leaves
    this.#nodes = new Float64Array(2 * leaves)
    this.#nodes.set(old, leaves)
    for (let at = leaves - 1; at > 0; at--)
      this.#nodes[at] = (this.#nodes[2 * at] as number) + (this.#nodes[2 * at + 1] as number)
  }
}
