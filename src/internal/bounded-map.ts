interface Entry<K, V> {
  readonly key: K
  value: V
  /** Who was written before and after it. */
  older: Entry<K, V> | undefined
  newer: Entry<K, V> | undefined
}

/**
 * A map of limited size: whoever was written longest ago is forgotten first. Everything is O(1). The order is a list of its
 * own: what is deleted from the front of a `Map` leaves a gap there, and looking for its first entry walks over all of them.
 */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, Entry<K, V>>()
  readonly #limit: number
  #oldest: Entry<K, V> | undefined
  #newest: Entry<K, V> | undefined

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#entries.size
  }

  /** Who was written longest ago. */
  get oldest(): { readonly key: K; readonly value: V } | undefined {
    return this.#oldest
  }

  get(key: K): V | undefined {
    return this.#entries.get(key)?.value
  }

  set(key: K, value: V): void {
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      if (this.#entries.size >= this.#limit && this.#oldest !== undefined) this.delete(this.#oldest.key)
      entry = { key, value, older: undefined, newer: undefined }
      this.#entries.set(key, entry)
    } else {
      entry.value = value
      this.#unlink(entry)
    }
    this.#append(entry)
  }

  delete(key: K): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#unlink(entry)
  }

  clear(): void {
    this.#entries.clear()
    this.#oldest = undefined
    this.#newest = undefined
  }

  /** Whoever was written longest ago comes first. */
  *[Symbol.iterator](): Generator<[K, V]> {
    for (let entry = this.#oldest; entry !== undefined; entry = entry.newer) yield [entry.key, entry.value]
  }

  #append(entry: Entry<K, V>): void {
    entry.older = this.#newest
    entry.newer = undefined
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.newer = entry
    this.#newest = entry
  }

  #unlink({ older, newer }: Entry<K, V>): void {
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
  }
}
