const BITS = 32

/**
 * A set of small whole numbers that finds the next one at or after a position quickly: 32 numbers per word, and above
 * each level of words a level that says which of them are not empty. O(log32 n).
 */
export class SlotSet {
  /** `#levels[0]` holds the numbers themselves. */
  readonly #levels: Int32Array[] = [new Int32Array(1)]

  add(slot: number): void {
    this.#reach(slot)
    let at = slot
    for (const words of this.#levels) {
      const word = at >>> 5
      words[word] = (words[word] as number) | (1 << (at & 31))
      at = word
    }
  }

  delete(slot: number): void {
    let at = slot
    for (const words of this.#levels) {
      const word = at >>> 5
      if (word >= words.length) return
      const left = (words[word] as number) & ~(1 << (at & 31))
      words[word] = left
      if (left !== 0) return
      at = word
    }
  }

  /** The least number in the set that is not below `from`; -1 when there is none. */
  next(from: number): number {
    let at = from
    for (let level = 0; level < this.#levels.length; level++) {
      const words = this.#levels[level] as Int32Array
      const word = at >>> 5
      if (word >= words.length) return -1
      const rest = (words[word] as number) & (-1 << (at & 31))
      if (rest !== 0) return this.#descend(level, word * BITS + lowestBit(rest))
      at = word + 1
    }
    return -1
  }

  /** The least number under a bit of a level. */
  #descend(level: number, bit: number): number {
    let at = bit
    for (let below = level - 1; below >= 0; below--) {
      const words = this.#levels[below] as Int32Array
      at = at * BITS + lowestBit(words[at] as number)
    }
    return at
  }

  /** Grows the levels until `slot` has a bit and the topmost level is one word. */
  #reach(slot: number): void {
    let needed = (slot >>> 5) + 1
    for (let level = 0; ; level++) {
      let words = this.#levels[level]
      if (words === undefined) {
        words = new Int32Array(needed)
        this.#levels[level] = words
        const below = this.#levels[level - 1] as Int32Array
        for (let i = 0; i < below.length; i++)
          if (below[i] !== 0) words[i >>> 5] = (words[i >>> 5] as number) | (1 << (i & 31))
      } else if (words.length < needed) {
        const grown = new Int32Array(Math.max(needed, words.length * 2))
        grown.set(words)
        this.#levels[level] = grown
        words = grown
      }
      if (words.length === 1) return
      needed = ((words.length - 1) >>> 5) + 1
    }
  }
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word)
}
