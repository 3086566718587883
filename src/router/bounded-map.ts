/** A map of limited size: whoever was written longest ago is forgotten first. */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: K): V | undefined {
    return this.#entries.get(key)
  }

  delete(key: K): void {
    this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  /** Whoever was written longest ago comes first. */
  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.#entries[Symbol.iterator]()
  }

  set(key: K, value: V): void {
    const entries = this.#entries
    if (!entries.delete(key) && entries.size >= this.#limit) entries.delete(entries.keys().next().value as K)
    entries.set(key, value)
  }
}
