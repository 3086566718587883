/**
 * A binary heap of slots: the lowest score first, then who was assigned least recently, then the lowest slot. Each slot can be
 * moved or taken out where it stands. Every operation is O(log n).
 *
 * What is compared stands where its slot stands, not by slot: on the way down, the two that are compared then lie side by
 * side, and of a hundred thousand each step waits for memory once.
 */
export class SlotHeap {
  readonly slots: number[] = []
  /** By place, as in `slots`. */
  #score = new Float64Array(16)
  #lastAssigned = new Float64Array(16)
  /** Where a slot stands, plus one; 0 when it is not in the heap. */
  #place = new Int32Array(16)

  has(slot: number): boolean {
    return slot < this.#place.length && this.#place[slot] !== 0
  }

  /** Puts a slot in, or moves it to where it now belongs. A score that is no number counts as the highest. */
  set(slot: number, score: number, lastAssigned: number): void {
    if (slot >= this.#place.length) this.#grow(slot)
    let at = (this.#place[slot] as number) - 1
    if (at < 0) at = this.slots.push(slot) - 1
    this.#settle(at, slot, Number.isNaN(score) ? Number.POSITIVE_INFINITY : score, lastAssigned)
  }

  delete(slot: number): void {
    if (!this.has(slot)) return
    const at = (this.#place[slot] as number) - 1
    this.#place[slot] = 0
    const last = this.slots.pop() as number
    const from = this.slots.length
    if (last !== slot) this.#settle(at, last, this.#score[from] as number, this.#lastAssigned[from] as number)
  }

  /** Puts a slot down where it belongs, beginning at a place that is free for it. */
  #settle(from: number, slot: number, score: number, lastAssigned: number): void {
    const { slots } = this
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#isAfter(parent, slot, score, lastAssigned)) break
      this.#move(parent, at)
      at = parent
    }
    // Who has risen stands above what is larger already.
    if (at === from) {
      for (let child = 2 * at + 1; child < slots.length; child = 2 * at + 1) {
        if (child + 1 < slots.length && this.#isAfterNext(child)) child++
        if (this.#isAfter(child, slot, score, lastAssigned)) break
        this.#move(child, at)
        at = child
      }
    }
    slots[at] = slot
    this.#score[at] = score
    this.#lastAssigned[at] = lastAssigned
    this.#place[slot] = at + 1
  }

  /** Whether who stands at a place comes after these. */
  #isAfter(at: number, slot: number, score: number, lastAssigned: number): boolean {
    const theirScore = this.#score[at] as number
    if (theirScore !== score) return theirScore > score
    const theirLast = this.#lastAssigned[at] as number
    return theirLast !== lastAssigned ? theirLast > lastAssigned : (this.slots[at] as number) > slot
  }

  /** Whether who stands at a place comes after who stands at the next. */
  #isAfterNext(at: number): boolean {
    const next = at + 1
    return this.#isAfter(
      at,
      this.slots[next] as number,
      this.#score[next] as number,
      this.#lastAssigned[next] as number,
    )
  }

  #move(from: number, to: number): void {
    const slot = this.slots[from] as number
    this.slots[to] = slot
    this.#score[to] = this.#score[from] as number
    this.#lastAssigned[to] = this.#lastAssigned[from] as number
    this.#place[slot] = to + 1
  }

  #grow(slot: number): void {
    const length = Math.max(slot + 1, this.#place.length * 2)
    this.#score = grown(this.#score, new Float64Array(length))
    this.#lastAssigned = grown(this.#lastAssigned, new Float64Array(length))
    this.#place = grown(this.#place, new Int32Array(length))
  }
}

function grown<T extends Float64Array | Int32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
