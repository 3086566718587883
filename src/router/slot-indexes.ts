import { type LoadScore, Lots, Ranking, type SlotIndex, type Slots } from './ranking.js'

/** Indexes that a pool keeps, of each kind. */
const MAX_INDEXES = 8

/** The orders and sums that strategies asked a pool for: of each kind the 8 used last. */
export class SlotIndexes {
  readonly #pool: Slots & { readonly circle: number }
  readonly #rankings = new Map<string | symbol, Ranking>()
  readonly #lots = new Map<string | symbol, Lots>()
  /** As lists: the orders, and all. */
  #orders: readonly Ranking[] = []
  #all: readonly SlotIndex[] = []
  #questions = 0

  constructor(pool: Slots & { readonly circle: number }) {
    this.#pool = pool
  }

  ranking(key: string | symbol, score: LoadScore): Ranking {
    return this.#fresh(this.#rankings.get(key) ?? this.#add(this.#rankings, key, new Ranking()), score)
  }

  lots(key: string | symbol, weight: LoadScore): Lots {
    return this.#fresh(this.#lots.get(key) ?? this.#add(this.#lots, key, new Lots()), weight)
  }

  /** A slot's numbers changed. */
  mark(slot: number): void {
    const all = this.#all
    for (let i = 0; i < all.length; i++) (all[i] as SlotIndex).mark(slot)
  }

  /** Who stands in a slot was chosen: a strategy may move whom it chose in its order, by what it remembers itself. */
  chosen(slot: number): void {
    const orders = this.#orders
    for (let i = 0; i < orders.length; i++) (orders[i] as Ranking).mark(slot)
  }

  #add<I extends SlotIndex>(indexes: Map<string | symbol, I>, key: string | symbol, index: I): I {
    makeRoom(indexes)
    indexes.set(key, index)
    this.#orders = [...this.#rankings.values()]
    this.#all = [...this.#orders, ...this.#lots.values()]
    for (let slot = this.#pool.circle - 1; slot >= 0; slot--) index.mark(slot)
    return index
  }

  #fresh<I extends SlotIndex>(index: I, score: LoadScore): I {
    index.usedAt = ++this.#questions
    index.refresh(this.#pool, score)
    return index
  }
}

/** Drops the index that was asked longest ago, if there is no room for one more. */
export function makeRoom(indexes: Map<string | symbol, { readonly usedAt: number }>): void {
  if (indexes.size < MAX_INDEXES) return
  let oldest: string | symbol | undefined
  let least = Number.POSITIVE_INFINITY
  for (const [key, { usedAt }] of indexes) {
    if (usedAt >= least) continue
    least = usedAt
    oldest = key
  }
  if (oldest !== undefined) indexes.delete(oldest)
}
