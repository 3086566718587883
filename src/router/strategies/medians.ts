import type { Candidate } from '../routing-strategy.js'

/** What is normal in a pool: a value, never changed. */
export interface Medians {
  /** 0 while no latency is known. */
  readonly latencyMs: number
  readonly cost: number
}

/** Numbers that a median is taken over. */
const SAMPLE = 64

/** Decisions for which a median is kept. */
const KEEP = 256

/**
 * The medians of a pool, taken over the candidates that its strategy looks at anyway: the last 64. They are taken again
 * after 1, 2, 4 ... and then every 256 decisions, so that they cost a decision next to nothing.
 */
export class PoolMedians {
  readonly #latencies = new Sample()
  readonly #costs = new Sample()
  #decisions = 0
  #left = 0
  current: Medians = { latencyMs: 0, cost: 0 }

  constructor(readonly taskType: string) {}

  /** Takes note of the candidates of one decision. @returns the medians for it. */
  note(considered: readonly Candidate[]): Medians {
    this.#decisions++
    if (this.#left-- > 0) {
      // Of a large pool only two are seen at a time; what is seen in between counts too, or two would be all there is.
      if (considered.length === 2 && this.#left < SAMPLE / 2) this.#keep(considered)
      return this.current
    }
    this.#left = Math.min(KEEP, this.#decisions) - 1
    this.#keep(considered)
    this.current = { latencyMs: this.#latencies.median(), cost: this.#costs.median() }
    return this.current
  }

  #keep(considered: readonly Candidate[]): void {
    for (const candidate of considered) {
      const latencyMs = candidate.latencyMs(this.taskType)
      if (latencyMs !== undefined) this.#latencies.add(latencyMs)
      this.#costs.add(candidate.cost)
    }
  }
}

/** The last 64 numbers. */
class Sample {
  readonly #values = new Float64Array(SAMPLE)
  #seen = 0

  add(value: number): void {
    this.#values[this.#seen++ % SAMPLE] = value
  }

  /** 0 when there is no number. */
  median(): number {
    const count = Math.min(this.#seen, SAMPLE)
    return this.#values.slice(0, count).sort()[count >> 1] ?? 0
  }
}
