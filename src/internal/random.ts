/** Where batuta gets randomness from: ids, jitter, tie-breaks. */
export interface Random {
  /** A number in [0, 1) with 32 bits of randomness. */
  next(): number
}

/** How many numbers are drawn from the operating system at a time: one call costs about as much as 256 numbers. */
const BLOCK = 256

/** Numbers from the operating system's cryptographic source. */
export function cryptoRandom(): Random {
  const block = new Uint32Array(BLOCK)
  let used = BLOCK
  return {
    next() {
      if (used === BLOCK) {
        process.getBuiltinModule('node:crypto').randomFillSync(block)
        used = 0
      }
      return (block[used++] as number) / 2 ** 32
    },
  }
}

/**
 * The same numbers for the same seed (mulberry32, Tommy Ettinger, public domain).
 * @param seed - any integer; only its lower 32 bits count.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0
      let mixed = state
      mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    },
  }
}
