import type { RoutableTask } from '../routing-strategy.js'

/** Pools with more members are recorded as a sample of so many. */
export const MAX_RECORDED_POOL = 64

/** What does not change about an instance in a {@link DecisionRecording}. */
export interface RecordedInstance {
  readonly instance: string
  readonly agent: string
  readonly capabilities: readonly string[]
  readonly cost: number
  readonly metadata: Readonly<Record<string, unknown>>
}

/** An instance's numbers at one moment, in a {@link DecisionRecording}. */
export interface RecordedNumbers {
  /** Index of the instance. */
  readonly of: number
  readonly inFlight: number
  readonly capacity: number
  readonly weight: number
  readonly successRate: number
  readonly lastAssigned: number
  /** `[task type, ms, task type, ms ...]` */
  readonly latencies: readonly (string | number)[]
}

/** A strategy in a {@link DecisionRecording}. */
export interface RecordedStrategy {
  readonly name: string
  /** What it remembered when it was first asked or told something in this recording; absent when it does not say. */
  readonly state?: unknown
}

/** One decision: what the strategy was asked, and whom it chose. */
export interface RecordedDecision {
  readonly kind: 'decision'
  readonly task: RoutableTask
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  /** Index of the strategy that was asked. */
  readonly asked: number
  /** Index of the one that decided: another one when the first broke. */
  readonly by: number
  /** The lane. */
  readonly pool: string
  readonly circle: number
  /** How many could have taken the task. */
  readonly able: number
  /** Only a sample of the pool is here: it had more than 64 members. */
  readonly sampled?: true
  /** Who could take it: `[index of numbers, place in the circle, ...]`, in the pool's order. */
  readonly candidates: readonly number[]
  /** Who could not for want of a free slot; the same pairs. */
  readonly busy: readonly number[]
  /** Who could not for another reason. */
  readonly away: readonly number[]
  /** The random numbers that were drawn. */
  readonly draws: readonly number[]
  /** Index of the instance that was chosen; absent when none was. */
  readonly chosen?: number
}

/** How an attempt went, when its strategy was told. */
export interface RecordedResult {
  readonly kind: 'result'
  readonly task: RoutableTask
  /** Index among the entries of the decision that led to it; absent when that is not in the recording. */
  readonly decision?: number
  /** Index of the strategy. */
  readonly by: number
  readonly instance: string
  readonly agent: string
  readonly outcome: 'success' | 'failure' | 'neutral'
  readonly durationMs: number
  /** Milliseconds since the Unix epoch. */
  readonly at: number
}

/**
 * Routing decisions with all that they depended on, as plain JSON: write it to a file, read it back, and give it to
 * `replayDecisions` of `batuta/testing`. It holds ids, capabilities and metadata of tasks and agents, never inputs or outputs.
 */
export interface DecisionRecording {
  readonly format: 'batuta.decisions/1'
  readonly instances: readonly RecordedInstance[]
  readonly numbers: readonly RecordedNumbers[]
  readonly strategies: readonly RecordedStrategy[]
  /** Oldest first. */
  readonly entries: readonly (RecordedDecision | RecordedResult)[]
}
