/** A binary heap: the least item first, by the order given at construction. Insert and take are O(log n). */
export class Heap<T> {
  readonly #items: T[] = []
  readonly #before: (a: T, b: T) => boolean

  /** @param before - true when `a` must come out before `b`. */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before
  }

  get size(): number {
    return this.#items.length
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    const items = this.#items
    let at = items.push(item) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#before(item, items[parent] as T)) break
      items[at] = items[parent] as T
      at = parent
    }
    items[at] = item
  }

  pop(): T | undefined {
    const least = this.#items[0]
    if (least !== undefined) this.#takeOut(0)
    return least
  }

  /** Takes an item out, wherever it is: O(n). @returns whether it was there. */
  remove(item: T): boolean {
    const at = this.#items.indexOf(item)
    if (at < 0) return false
    this.#takeOut(at)
    return true
  }

  /** The items in order, as far as they are asked for: the n-th costs O(log n), and nothing is moved. */
  *inOrder(): Generator<T, void, undefined> {
    const items = this.#items
    const next = new Heap<number>((a, b) => this.#before(items[a] as T, items[b] as T))
    if (items.length > 0) next.push(0)
    for (let at = next.pop(); at !== undefined; at = next.pop()) {
      yield items[at] as T
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < items.length) next.push(child)
    }
  }

  #takeOut(from: number): void {
    const items = this.#items
    const last = items.pop() as T
    if (from === items.length) return
    let at = from
    // What comes from the end of another branch may belong further up.
    for (; at > 0; at = (at - 1) >> 1) {
      const parent = (at - 1) >> 1
      if (!this.#before(last, items[parent] as T)) break
      items[at] = items[parent] as T
    }
    for (;;) {
      let child = 2 * at + 1
      if (child >= items.length) break
      if (child + 1 < items.length && this.#before(items[child + 1] as T, items[child] as T)) child++
      if (!this.#before(items[child] as T, last)) break
      items[at] = items[child] as T
      at = child
    }
    items[at] = last
  }

  /** Every item, in no particular order. */
  values(): IterableIterator<T> {
    return this.#items.values()
  }
}
