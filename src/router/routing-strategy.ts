import type { Random } from '../internal/random.js'

/**
 * The strategy port: among the agent instances that could take a task now, which one?
 */

/** One agent instance as routing sees it. Live: its numbers move as work starts and ends. Read only. */
export interface Candidate {
  /** Unique among the instances of this node. */
  readonly instanceId: string
  readonly agentId: string
  readonly capabilities: readonly string[]
  /** Slots taken: running handlers, waiting to start, and stuck ones. Counted here, never reported from afar. */
  readonly inFlight: number
  /** Slots in all (`maxConcurrentTasks`). */
  readonly capacity: number
  /** Moving average of successes, in (0, 1]; 1 for an instance that has not worked yet. */
  readonly successRate: number
  /** Estimated milliseconds that this instance takes for tasks of this type; `undefined` before its first success. */
  latencyMs(taskType: string): number | undefined
  /** Cost of one task as declared by the agent, in the application's unit; 0 when not declared. */
  readonly cost: number
  /** Grows by one with each assignment on this node; 0 for never. Lower means least recently assigned. */
  readonly lastAssigned: number
}

/** What a strategy may know of the task. */
export interface RoutableTask {
  readonly id: string
  readonly type: string
  readonly requires: readonly string[]
  readonly tenant: string
  readonly priority: string
  readonly sessionId?: string | undefined
  /** Attempts that were made before this one. */
  readonly attempts: number
}

/**
 * The candidates of a lane: everybody who could take the task now. Membership changes as slots fill and free, so a
 * strategy asks instead of keeping copies.
 */
export interface CandidatePool {
  /** Names the pool for strategies that keep a cursor per pool; the same lane has the same id. */
  readonly id: string
  readonly size: number
  /** The candidates in no particular order. Indexing is O(1); the order changes when membership does. */
  readonly candidates: readonly Candidate[]
  /**
   * The candidate with the lowest score, ties to the least recently assigned. The pool keeps an index per `key`, brought
   * up to date only where a candidate's numbers changed: O(log n). `score` must depend on the candidate's own numbers alone.
   */
  lowest(key: string, score: (candidate: Candidate) => number): Candidate | undefined
  /** The first candidate at or after a position of the circle in which instances joined, and the position after it. O(log n). */
  nextInCircle(position: number): { readonly candidate: Candidate; readonly next: number } | undefined
}

/** What a strategy is asked with. */
export interface RoutingContext {
  readonly task: RoutableTask
  /** Everybody who could take the task now; never empty. The same as `pool.candidates`. */
  readonly candidates: readonly Candidate[]
  readonly pool: CandidatePool
  readonly random: Random
  /** Wall-clock milliseconds, for display only. */
  readonly now: number
}

/** The parts that a score is made of, by name. They sum to the score. */
export type ScoreTerms = Readonly<Record<string, number>>

/** How an attempt went, told to the strategy that chose its agent. */
export interface RoutingFeedback {
  readonly task: RoutableTask
  readonly instanceId: string
  readonly agentId: string
  readonly outcome: 'success' | 'failure' | 'neutral'
  readonly durationMs: number
}

/** Chooses. Synchronous: a promise is refused. */
export interface RoutingStrategy {
  readonly name: string
  /** One of `context.candidates`, or `undefined` for "none of them now". */
  select(context: RoutingContext): Candidate | undefined
  /**
   * What this strategy makes of a candidate: terms that sum to its score; lower is better. Asked for at most 16
   * candidates, and only when somebody wants the explanation. Without it decisions show no scores.
   */
  terms?(context: RoutingContext, candidate: Candidate): ScoreTerms
  onResult?(feedback: RoutingFeedback): void
}
