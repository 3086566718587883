import type { RefusalReason } from './instance-load.js'

/** How many instances can't take work, by reason. */
export class RefusalCounts {
  readonly #counts = new Map<RefusalReason, number>()
  #pairs: readonly (RefusalReason | number)[] | undefined = []

  add(reason: RefusalReason, change: number): void {
    this.set(reason, (this.#counts.get(reason) ?? 0) + change)
  }

  set(reason: RefusalReason, count: number): void {
    this.#counts.set(reason, count)
    this.#pairs = undefined
  }

  /** `[reason, count, reason, count ...]`: a value, the same until a count changes. */
  pairs(): readonly (RefusalReason | number)[] {
    if (this.#pairs !== undefined) return this.#pairs
    const pairs: (RefusalReason | number)[] = []
    for (const [reason, count] of this.#counts) if (count > 0) pairs.push(reason, count)
    this.#pairs = pairs
    return pairs
  }
}
