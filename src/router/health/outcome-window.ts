const FIRST_LENGTH = 8

/** The last outcomes, none older than a time: a ring of a bounded length. Adding one is O(1), all in all. */
export class OutcomeWindow {
  /** When each ended, plus one; negative for a failure. */
  #ends = new Float64Array(FIRST_LENGTH)
  #first = 0
  calls = 0
  failures = 0

  /** @param maxCalls - outcomes that it holds at most. @param windowMs - it holds those that ended less than so long ago. */
  constructor(
    private readonly maxCalls: number,
    private readonly windowMs: number,
  ) {}

  /** @param now - monotonic milliseconds from 0, never less than before. */
  add(isFailure: boolean, now: number): void {
    this.forget(now)
    if (this.calls === this.maxCalls) this.#drop()
    if (this.calls === this.#ends.length) this.#grow()
    this.#ends[(this.#first + this.calls) % this.#ends.length] = isFailure ? -1 - now : now + 1
    this.calls++
    if (isFailure) this.failures++
  }

  /** Drops what is too old by now. */
  forget(now: number): void {
    while (this.calls > 0 && now - Math.abs(this.#ends[this.#first] as number) + 1 >= this.windowMs) this.#drop()
  }

  clear(): void {
    this.#ends = new Float64Array(FIRST_LENGTH)
    this.#first = this.calls = this.failures = 0
  }

  #drop(): void {
    if ((this.#ends[this.#first] as number) < 0) this.failures--
    this.#first = (this.#first + 1) % this.#ends.length
    this.calls--
  }

  #grow(): void {
    const ends = new Float64Array(this.#ends.length * 2)
    for (let i = 0; i < this.calls; i++) ends[i] = this.#ends[(this.#first + i) % this.#ends.length] as number
    this.#ends = ends
    this.#first = 0
  }
}
