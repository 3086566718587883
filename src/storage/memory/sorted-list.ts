/** The most items in one chunk: small enough to move in about 50 ns, large enough to keep the list of chunks short. */
const CHUNK = 512

/** A place in the list: a chunk and a place in it. May be just past the end. */
export interface Place {
  readonly chunk: number
  readonly at: number
}

/**
 * A sorted list in chunks. Adding at the end and removing at either end are O(1); elsewhere O(log n) to find the place
 * and a move within one chunk. No two items compare as equal.
 */
export class SortedList<T> {
  readonly #compare: (a: T, b: T) => number
  /** None of them is ever empty. */
  readonly #chunks: T[][] = []

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0
  }

  add(item: T): void {
    const chunks = this.#chunks
    const last = chunks[chunks.length - 1]
    if (last === undefined) {
      chunks.push([item])
    } else if (this.#compare(last[last.length - 1] as T, item) < 0) {
      if (last.length < CHUNK) last.push(item)
      else chunks.push([item])
    } else {
      const { chunk, at } = this.partition((other) => this.#compare(other, item) < 0)
      const items = chunks[chunk] as T[]
      items.splice(at, 0, item)
      if (items.length > CHUNK) chunks.splice(chunk + 1, 0, items.splice(CHUNK / 2))
    }
  }

  /** Removes an item that is in the list. */
  remove(item: T): void {
    const chunks = this.#chunks
    const first = chunks[0] as T[]
    if (first[0] === item) {
      if (first.length === 1) chunks.shift()
      else first.shift()
      return
    }
    const last = chunks[chunks.length - 1] as T[]
    if (last[last.length - 1] === item) {
      if (last.length === 1) chunks.pop()
      else last.pop()
      return
    }
    const { chunk, at } = this.partition((other) => this.#compare(other, item) < 0)
    const items = chunks[chunk] as T[]
    items.splice(at, 1)
    this.#shrink(chunk, items)
  }

  /** Keeps a list that is emptied from its middle from becoming many chunks of few items. */
  #shrink(chunk: number, items: T[]): void {
    const next = this.#chunks[chunk + 1]
    if (items.length === 0) this.#chunks.splice(chunk, 1)
    else if (next !== undefined && items.length + next.length <= CHUNK / 2) {
      items.push(...next)
      this.#chunks.splice(chunk + 1, 1)
    }
  }

  /** The place of the first item that is not below; `below` must be true for a (maybe empty) beginning of the list. */
  partition(below: (item: T) => boolean): Place {
    const chunks = this.#chunks
    let low = 0
    let high = chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const items = chunks[middle] as T[]
      if (below(items[items.length - 1] as T)) low = middle + 1
      else high = middle
    }
    const items = chunks[low]
    if (items === undefined) return { chunk: low, at: 0 }
    let from = 0
    let to = items.length - 1
    while (from < to) {
      const middle = (from + to) >>> 1
      if (below(items[middle] as T)) from = middle + 1
      else to = middle
    }
    return { chunk: low, at: from }
  }

  /** The items from a place on, in order. */
  *upFrom(place: Place): Generator<T, void> {
    let at = place.at
    for (let chunk = place.chunk; chunk < this.#chunks.length; chunk++) {
      const items = this.#chunks[chunk] as T[]
      for (; at < items.length; at++) yield items[at] as T
      at = 0
    }
  }

  /** The items before a place, last one first. */
  *downFrom(place: Place): Generator<T, void> {
    let at = place.at - 1
    for (let chunk = Math.min(place.chunk, this.#chunks.length); chunk >= 0; chunk--) {
      const items = this.#chunks[chunk]
      if (items !== undefined) for (; at >= 0; at--) yield items[at] as T
      at = (this.#chunks[chunk - 1]?.length ?? 0) - 1
    }
  }

  /** How many items there are from one place up to another. */
  countBetween(from: Place, to: Place): number {
    let count = to.at - from.at
    for (let chunk = from.chunk; chunk < to.chunk; chunk++) count += (this.#chunks[chunk] as T[]).length
    return Math.max(0, count)
  }
}
