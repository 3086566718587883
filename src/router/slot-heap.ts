/**
 * A binary heap of slots: the lowest score first, then who was assigned least recently, then the lowest slot. Each slot can be moved or taken out where it stands. Every operation is O(log n).
 */
export class SlotHeap {
  readonly slots: number[] = []
  #score = new Float64Array(16)
  #lastAssigned = new Float64Array(16)
  /** Where a slot stands in `slots`, plus one; 0 when it is not in the heap. */
  #place = new Int32Array(16)

  has(slot: number): boolean {
    return slot < this.#place.length && this.#place[slot] !== 0
  }

  /** Puts a slot in, or moves it to where it now belongs. A score that is no number counts as the highest. */
  set(slot: number, score: number, lastAssigned: number): void {
    if (slot >= this.#place.length) this.#grow(slot)
    this.#score[slot] = Number.isNaN(score) ? Number.POSITIVE_INFINITY : score
    this.#lastAssigned[slot] = lastAssigned
    let at = (this.#place[slot] as number) - 1
    if (at < 0) at = this.slots.push(slot) - 1
    this.#down(this.#up(at, slot), slot)
  }

  delete(slot: number): void {
    if (!this.has(slot)) return
    const at = (this.#place[slot] as number) - 1
    this.#place[slot] = 0
    const last = this.slots.pop() as number
    if (last !== slot) this.#down(this.#up(at, last), last)
  }

  #before(a: number, b: number): boolean {
    const scoreA = this.#score[a] as number
    const scoreB = this.#score[b] as number
    if (scoreA !== scoreB) return scoreA < scoreB
    const lastA = this.#lastAssigned[a] as number
    const lastB = this.#lastAssigned[b] as number
    return lastA !== lastB ? lastA < lastB : a < b
  }

  /** Moves a slot towards the root from a place that is free for it; returns the place it may take. */
  #up(from: number, slot: number): number {
    const { slots } = this
    const place = this.#place
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = slots[parent] as number
      if (!this.#before(slot, above)) break
      slots[at] = above
      place[above] = at + 1
      at = parent
    }
    return at
  }

  /** Moves a slot away from the root, and puts it down. */
  #down(from: number, slot: number): void {
    const { slots } = this
    const place = this.#place
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= slots.length) break
      if (child + 1 < slots.length && this.#before(slots[child + 1] as number, slots[child] as number)) child++
      const below = slots[child] as number
      if (!this.#before(below, slot)) break
      slots[at] = below
      place[below] = at + 1
      at = child
    }
    slots[at] = slot
    place[slot] = at + 1
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
