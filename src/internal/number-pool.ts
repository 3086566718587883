/** The numbers below a limit, each free or taken: a free one is drawn in O(1), however few are left and however many there are. */
export class NumberPool {
  /** All numbers in a row, of which the first `size` are taken: by place, without those that stand at their own. */
  readonly #moved = new Map<number, number>()
  /** Where each of those that are not at their own place stands. */
  readonly #places = new Map<number, number>()
  #size = 0

  constructor(readonly limit: number) {}

  /** How many are taken. */
  get size(): number {
    return this.#size
  }

  /** Takes one of the free ones; `undefined` when there is none. @param lot - from 0 to below 1: which. */
  draw(lot: number): number | undefined {
    if (this.#size >= this.limit) return undefined
    const n = this.#at(this.#size + Math.floor(lot * (this.limit - this.#size)))
    this.#swap(n, this.#size++)
    return n
  }

  /** Takes this one; nothing happens when it is taken, or no number of this pool. */
  take(n: number): void {
    if (this.#has(n) && this.#placeOf(n) >= this.#size) this.#swap(n, this.#size++)
  }

  /** Gives this one back; nothing happens when it is free, or no number of this pool. */
  free(n: number): void {
    if (this.#has(n) && this.#placeOf(n) < this.#size) this.#swap(n, --this.#size)
  }

  /** Those that are taken, in no particular order. */
  taken(): readonly number[] {
    return Array.from({ length: this.#size }, (_, place) => this.#at(place))
  }

  #has(n: number): boolean {
    return n >= 0 && n < this.limit
  }

  #at(place: number): number {
    return this.#moved.get(place) ?? place
  }

  #placeOf(n: number): number {
    return this.#places.get(n) ?? n
  }

  #swap(n: number, place: number): void {
    const other = this.#at(place)
    this.#put(other, this.#placeOf(n))
    this.#put(n, place)
  }

  #put(n: number, place: number): void {
    if (n === place) {
      this.#moved.delete(place)
      this.#places.delete(n)
    } else {
      this.#moved.set(place, n)
      this.#places.set(n, place)
    }
  }
}
