import type { RefusalReason } from './instance-load.js'

/**
 * `[reason, count, until, reason, count, until ...]`. `until`: when that ends for the last of them, in wall-clock
 * milliseconds; 0 when nobody knows.
 */
export type Refusals = readonly (RefusalReason | number)[]

/** How many instances can't take work, by reason. */
export class RefusalCounts {
  readonly #counts = new Map<RefusalReason, number>()
  /** The latest end of those counted since the count was 0. */
  readonly #untils = new Map<RefusalReason, number>()
  #list: Refusals | undefined = []

  add(reason: RefusalReason, change: number, until = 0): void {
    this.set(reason, (this.#counts.get(reason) ?? 0) + change)
    if (until > (this.#untils.get(reason) ?? 0)) this.#untils.set(reason, until)
  }

  set(reason: RefusalReason, count: number): void {
    this.#counts.set(reason, count)
    if (count === 0) this.#untils.delete(reason)
    this.#list = undefined
  }

  /** A value: the same until a count changes. */
  list(): Refusals {
    if (this.#list !== undefined) return this.#list
    const list: (RefusalReason | number)[] = []
    for (const [reason, count] of this.#counts) if (count > 0) list.push(reason, count, this.#untils.get(reason) ?? 0)
    this.#list = list
    return list
  }
}
