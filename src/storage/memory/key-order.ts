import type { IndexKey, KeyPart } from '../storage.js'
import { compareText } from '../text-order.js'

/** The first UTF-16 unit from which the order of units and the order of UTF-8 bytes may differ. */
const HIGH_UNIT = /[\ud800-\uffff]/

/**
 * Compares index keys. JavaScript's `<` is exact for texts without high units, which is nearly all, and much faster
 * than a loop; so texts are looked at once when they come in, and the loop is used only after one with high units has
 * been seen. Both orders agree on everything that was sorted before, so nothing has to be sorted again.
 */
export class KeyOrder {
  #high = false

  /** Must see every text before it is part of a stored key. */
  note(text: string): void {
    if (!this.#high && HIGH_UNIT.test(text)) this.#high = true
  }

  /** Compares two parts of the same field. */
  compareParts(a: KeyPart, b: KeyPart): number {
    if (a === b) return 0
    if (this.#high && typeof a === 'string') return compareText(a, b as string)
    return a < b ? -1 : 1
  }

  /** Compares from part `from` to the end of the shorter key; 0 when they agree so far. */
  compare(a: IndexKey, b: IndexKey, from: number): number {
    const length = Math.min(a.length, b.length)
    for (let i = from; i < length; i++) {
      const order = this.compareParts(a[i] as KeyPart, b[i] as KeyPart)
      if (order !== 0) return order
    }
    return 0
  }
}
