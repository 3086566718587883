import type { IndexKey, KeyPart } from '../storage.js'
import type { KeyOrder } from './key-order.js'

/** The most items in one chunk: small enough to move in about 50 ns, large enough to keep the list of chunks short. */
const CHUNK = 512

/** Items, and beside each the part of its key by which most comparisons are decided: numbers lie there unboxed. */
interface Chunk<T> {
  readonly items: T[]
  readonly parts: KeyPart[]
}

/** A place in the list: a chunk and a place in it. May be just past the end. */
export interface Place {
  readonly chunk: number
  readonly at: number
}

/**
 * A sorted list in chunks. Adding at the end and removing at either end are O(1); elsewhere O(log n) to find the place
 * and a move within one chunk. No two items have the same key.
 */
export class SortedList<T> {
  readonly #order: KeyOrder
  readonly #depth: number
  readonly #keyOf: (item: T) => IndexKey
  /** None of them is ever empty. */
  readonly #chunks: Chunk<T>[] = []

  /**
   * @param depth - from which part on the keys differ.
   * @param keyOf - the key of an item that is in the list. It is asked only when that part does not decide.
   */
  constructor(order: KeyOrder, depth: number, keyOf: (item: T) => IndexKey) {
    this.#order = order
    this.#depth = depth
    this.#keyOf = keyOf
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0
  }

  add(item: T, key: IndexKey): void {
    const chunks = this.#chunks
    const part = key[this.#depth] as KeyPart
    const last = chunks[chunks.length - 1]
    if (last === undefined) {
      chunks.push({ items: [item], parts: [part] })
    } else if (this.#isBefore(last, last.items.length - 1, key)) {
      if (last.items.length < CHUNK) {
        last.items.push(item)
        last.parts.push(part)
      } else chunks.push({ items: [item], parts: [part] })
    } else {
      this.#insert(item, key)
    }
  }

  /** Removes an item that is in the list under this key. */
  remove(item: T, key: IndexKey): void {
    const first = this.#chunks[0] as Chunk<T>
    if (first.items[0] === item) {
      first.items.shift()
      first.parts.shift()
      if (first.items.length === 0) this.#chunks.shift()
      return
    }
    const { chunk, at } = this.#placeOf(key)
    const found = this.#chunks[chunk] as Chunk<T>
    if (at === found.items.length - 1) {
      found.items.pop()
      found.parts.pop()
    } else {
      found.items.splice(at, 1)
      found.parts.splice(at, 1)
    }
    this.#shrink(chunk, found)
  }

  /** The place of the first item that is not below; `below` must be true for a (maybe empty) beginning of the list. */
  partition(below: (key: IndexKey) => boolean): Place {
    return this.#search((chunk, at) => below(this.#keyOf(chunk.items[at] as T)))
  }

  /** The place before which the list ends. */
  get end(): Place {
    return { chunk: this.#chunks.length, at: 0 }
  }

  /** The items from one place up to another, in order. */
  *between(from: Place, to: Place): Generator<T, void> {
    for (let chunk = from.chunk; chunk <= to.chunk && chunk < this.#chunks.length; chunk++) {
      const { items } = this.#chunks[chunk] as Chunk<T>
      const end = chunk === to.chunk ? to.at : items.length
      for (let at = chunk === from.chunk ? from.at : 0; at < end; at++) yield items[at] as T
    }
  }

  /** The items from one place up to another, last one first. */
  *backwards(from: Place, to: Place): Generator<T, void> {
    for (let chunk = Math.min(to.chunk, this.#chunks.length - 1); chunk >= from.chunk; chunk--) {
      const { items } = this.#chunks[chunk] as Chunk<T>
      const start = chunk === from.chunk ? from.at : 0
      for (let at = (chunk === to.chunk ? to.at : items.length) - 1; at >= start; at--) yield items[at] as T
    }
  }

  /** How many items there are from one place up to another. */
  countBetween(from: Place, to: Place): number {
    if (from.chunk > to.chunk) return 0
    let count = to.at - from.at
    for (let chunk = from.chunk; chunk < to.chunk; chunk++) count += (this.#chunks[chunk] as Chunk<T>).items.length
    return Math.max(0, count)
  }

  #isBefore(chunk: Chunk<T>, at: number, key: IndexKey): boolean {
    const depth = this.#depth
    const order = this.#order.compareParts(chunk.parts[at] as KeyPart, key[depth] as KeyPart)
    if (order !== 0 || key.length === depth + 1) return order < 0
    return this.#order.compare(this.#keyOf(chunk.items[at] as T), key, depth + 1) < 0
  }

  #placeOf(key: IndexKey): Place {
    return this.#search((chunk, at) => this.#isBefore(chunk, at, key))
  }

  #insert(item: T, key: IndexKey): void {
    const { chunk, at } = this.#placeOf(key)
    const { items, parts } = this.#chunks[chunk] as Chunk<T>
    items.splice(at, 0, item)
    parts.splice(at, 0, key[this.#depth] as KeyPart)
    if (items.length <= CHUNK) return
    const half = CHUNK / 2
    this.#chunks.splice(chunk + 1, 0, { items: items.splice(half), parts: parts.splice(half) })
  }

  /** Keeps a list that is emptied from its middle from becoming many chunks of few items. */
  #shrink(chunk: number, { items, parts }: Chunk<T>): void {
    const next = this.#chunks[chunk + 1]
    if (items.length === 0) this.#chunks.splice(chunk, 1)
    else if (next !== undefined && items.length + next.items.length <= CHUNK / 2) {
      items.push(...next.items)
      parts.push(...next.parts)
      this.#chunks.splice(chunk + 1, 1)
    }
  }

  #search(before: (chunk: Chunk<T>, at: number) => boolean): Place {
    const chunks = this.#chunks
    let low = 0
    let high = chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const chunk = chunks[middle] as Chunk<T>
      if (before(chunk, chunk.items.length - 1)) low = middle + 1
      else high = middle
    }
    const chunk = chunks[low]
    if (chunk === undefined) return { chunk: low, at: 0 }
    let from = 0
    let to = chunk.items.length - 1
    while (from < to) {
      const middle = (from + to) >>> 1
      if (before(chunk, middle)) from = middle + 1
      else to = middle
    }
    return { chunk: low, at: from }
  }
}
