import { fnv1a } from '../../internal/hash.js'
import { type Random, seededRandom } from '../../internal/random.js'

/** Choices drawn from a seeded source. */
export class Draw {
  readonly random: Random

  constructor(random: Random) {
    this.random = random
  }

  /** A source of its own for each purpose, so that drawing more for one changes nothing for another. */
  static of(seed: number, purpose: string): Draw {
    return new Draw(seededRandom(fnv1a(`${seed} ${purpose}`)))
  }

  /** True with this chance, from 0 to 1. */
  chance(p: number): boolean {
    return this.random.next() < p
  }

  /** A whole number from `from` to `to`, both included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.random.next() * (to - from + 1))
  }

  /** One of these; there must be at least one. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.int(0, items.length - 1)]
    if (item === undefined) throw new RangeError('Nothing to pick from')
    return item
  }

  /** A duration in whole milliseconds: mostly short, sometimes long, evenly over the orders of magnitude. */
  duration(fromMs: number, toMs: number): number {
    return Math.round(fromMs * (toMs / fromMs) ** this.random.next())
  }
}
