import type { InstanceLoad } from './instance-load.js'

/** Candidates that a decision shows at most. */
export const MAX_COMPARED = 16

/** Where the front of an order can be read. */
export interface Ordered {
  /** The instance at a place of the order's heap; `undefined` past its end. */
  placed(index: number): InstanceLoad | undefined
}

/** Takes note of whom a strategy asked about while it decided. One per lane, used again for each decision. */
export class Comparison {
  readonly #asked: InstanceLoad[] = []
  #order: Ordered | undefined
  /** How many it asked about, at least. */
  count = 0

  begin(): void {
    this.#asked.length = 0
    this.#order = undefined
    this.count = 0
  }

  asked(load: InstanceLoad): void {
    this.count++
    if (this.#asked.length < MAX_COMPARED) this.#asked.push(load)
  }

  /** Everybody in an order was compared by it. */
  ordered(order: Ordered, count: number): void {
    this.#order = order
    this.count = Math.max(this.count, count)
  }

  /** The one that was chosen, then others that were asked about: at most 16, each once. */
  compared(chosen: InstanceLoad | undefined): InstanceLoad[] {
    const list: InstanceLoad[] = chosen === undefined ? [] : [chosen]
    for (const load of this.#asked) if (list.length < MAX_COMPARED && !list.includes(load)) list.push(load)
    const unordered = list.length > 1
    for (let i = 0; this.#order !== undefined && list.length < MAX_COMPARED; i++) {
      const load = this.#order.placed(i)
      if (load === undefined) break
      if (load !== chosen && !(unordered && list.includes(load))) list.push(load)
    }
    return list
  }
}
