import type { Candidate } from '../routing-strategy.js'

/** What is normal in a pool: a value, never changed. */
export interface Medians {
  /** 0 while no latency is known. */
  readonly latencyMs: number
  readonly cost: number
}

/** Candidates that a median is taken over, and decisions for which it is kept. */
const SAMPLE = 64

/**
 * The medians of a pool, taken over the candidates that its strategy looks at anyway: the last 64. They are taken again
 * after 1, 2, 4 ... and then every 64 decisions, so that they cost a decision next to nothing.
 */
export class PoolMedians {
  #latencies: (number | undefined)[] = []
  #costs: number[] = []
  #decisions = 0
  #left = 0
  current: Medians = { latencyMs: 0, cost: 0 }

  constructor(readonly taskType: string) {}

  /** Takes note of the candidates of one decision. @returns the medians for it. */
  note(considered: readonly Candidate[]): Medians {
    this.#decisions++
    if (considered.length <= 2 || this.#left === 0) this.#keep(considered)
    if (this.#left-- > 0) return this.current
    this.#left = Math.min(SAMPLE, this.#decisions) - 1
    this.current = { latencyMs: median(this.#latencies), cost: median(this.#costs) }
    return this.current
  }

  #keep(considered: readonly Candidate[]): void {
    for (const candidate of considered) {
      this.#latencies.push(candidate.latencyMs(this.taskType))
      this.#costs.push(candidate.cost)
    }
    if (this.#costs.length <= 2 * SAMPLE) return
    this.#latencies = this.#latencies.slice(-SAMPLE)
    this.#costs = this.#costs.slice(-SAMPLE)
  }
}

/** The median of the last numbers that are known; 0 when none is. */
function median(values: readonly (number | undefined)[]): number {
  const known = values.slice(-SAMPLE).filter((value) => value !== undefined)
  known.sort((a, b) => a - b)
  return known[known.length >> 1] ?? 0
}
