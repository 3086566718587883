/** Slots whose numbers changed and were not looked at since, each once. */
export class StaleSlots {
  readonly #slots: number[] = []
  #isMarked = new Uint8Array(16)

  /** One of them; `undefined` when there is none. It stays until {@link done}. */
  get next(): number | undefined {
    // Before the start of a list V8 looks for a property with that name, which takes longer than all the rest.
    const { length } = this.#slots
    return length === 0 ? undefined : this.#slots[length - 1]
  }

  mark(slot: number): void {
    if (slot >= this.#isMarked.length) {
      const grown = new Uint8Array(Math.max(slot + 1, this.#isMarked.length * 2))
      grown.set(this.#isMarked)
      this.#isMarked = grown
    }
    if (this.#isMarked[slot] === 1) return
    this.#isMarked[slot] = 1
    this.#slots.push(slot)
  }

  /** The next one was looked at. */
  done(): void {
    this.#isMarked[this.#slots.pop() as number] = 0
  }
}
