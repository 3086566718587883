/**
 * A map of limited size: whoever was written longest ago is forgotten first, in O(1). What is deleted from the front of a
 * `Map` leaves a gap there, over which every new iterator walks: so one iterator is kept, which stands behind the oldest. One that
 * does not move keeps every table alive that the map has had since: so it is let go of before these are many.
 */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>()
  readonly #limit: number
  #walk: IterableIterator<[K, V]> | undefined
  /** Writes since the walk last moved. */
  #writes = 0
  /** The last that the walk came upon. All before it are gone, or stand further on. */
  #oldest: readonly [K, V] | undefined

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#entries.size
  }

  /** Who was written longest ago, and what. */
  get oldest(): readonly [K, V] | undefined {
    if (this.#oldest !== undefined || this.#entries.size === 0) return this.#oldest
    this.#writes = 0
    let next = this.#walk?.next()
    // A walk that has come to an end does not go on.
    if (next === undefined || next.done === true) {
      this.#walk = this.#entries.entries()
      next = this.#walk.next()
    }
    this.#oldest = next.value
    return this.#oldest
  }

  get(key: K): V | undefined {
    return this.#entries.get(key)
  }

  set(key: K, value: V): void {
    const wasThere = this.delete(key)
    if (this.#walk !== undefined && ++this.#writes > this.#limit) this.#walk = undefined
    if (!wasThere && this.#entries.size >= this.#limit && this.oldest !== undefined) this.delete(this.oldest[0])
    this.#entries.set(key, value)
  }

  /** @returns whether it was there. */
  delete(key: K): boolean {
    const wasThere = this.#entries.delete(key)
    if (wasThere && this.#oldest?.[0] === key) this.#oldest = undefined
    return wasThere
  }

  clear(): void {
    this.#entries.clear()
    this.#oldest = undefined
    this.#walk = undefined
  }

  /** Whoever was written longest ago comes first. */
  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.#entries[Symbol.iterator]()
  }
}
