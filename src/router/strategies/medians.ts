import { SAMPLE, Sample } from '../../internal/sample.js'
import type { Candidate } from '../routing-strategy.js'
import { isNumbers } from './snapshot-state.js'

/** What is normal in a pool: a value, never changed. */
export interface Medians {
  /** 0 while no latency is known. */
  readonly latencyMs: number
  readonly cost: number
}

/** Before anything is known. */
export const NO_MEDIANS: Medians = { latencyMs: 0, cost: 0 }

/** All that {@link PoolMedians} remembers. */
export interface MediansState {
  readonly taskType: string
  readonly latencies: readonly number[]
  readonly costs: readonly number[]
  readonly decisions: number
  readonly left: number
  readonly current: readonly number[]
}

/** Whether a value is such a state. */
export function isMediansState(value: unknown): value is MediansState {
  if (typeof value !== 'object' || value === null) return false
  const { taskType, latencies, costs, decisions, left, current } = value as Partial<MediansState>
  const numbers = [latencies, costs, [decisions, left]].every((list) => isNumbers(list)) && isNumbers(current, 2)
  return typeof taskType === 'string' && numbers
}

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
  current: Medians = NO_MEDIANS

  constructor(
    readonly taskType: string,
    state?: MediansState,
  ) {
    if (state === undefined) return
    for (const value of state.latencies) this.#latencies.add(value)
    for (const value of state.costs) this.#costs.add(value)
    this.#decisions = state.decisions
    this.#left = state.left
    const [latencyMs = 0, cost = 0] = state.current
    this.current = { latencyMs, cost }
  }

  snapshot(): MediansState {
    const { latencyMs, cost } = this.current
    return {
      taskType: this.taskType,
      latencies: this.#latencies.values(),
      costs: this.#costs.values(),
      decisions: this.#decisions,
      left: this.#left,
      current: [latencyMs, cost],
    }
  }

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
