/** Numbers that a sample keeps. */
export const SAMPLE = 64

/** The last 64 numbers. */
export class Sample {
  readonly #values = new Float64Array(SAMPLE)
  #seen = 0

  add(value: number): void {
    this.#values[this.#seen++ % SAMPLE] = value
  }

  /** Oldest first. */
  values(): number[] {
    const count = Math.min(this.#seen, SAMPLE)
    return Array.from({ length: count }, (_, i) => this.#values[(this.#seen - count + i) % SAMPLE] as number)
  }

  /** 0 when there is no number. */
  median(): number {
    const count = Math.min(this.#seen, SAMPLE)
    return this.#values.slice(0, count).sort()[count >> 1] ?? 0
  }
}
