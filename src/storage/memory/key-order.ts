import type { IndexKey, KeyPart } from '../storage.js'

/** The first UTF-16 unit from which the order of units and the order of UTF-8 bytes may differ. */
const HIGH_UNIT = /[\ud800-\uffff]/

/** A UTF-16 unit, moved so that units sort as the UTF-8 bytes of their text: surrogates after everything else. */
function rankOf(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return rankOf(x) - rankOf(y)
  }
  return a.length - b.length
}

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
    if (this.#high && typeof a === 'string') return compareUtf8(a, b as string)
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
