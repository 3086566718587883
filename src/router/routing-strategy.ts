import type { Random } from '../internal/random.js'

/**
 * The strategy port: among the agent instances that could take a task now, which one?
 */

/**
 * One agent instance as routing sees it. Live: its numbers move as work starts and ends. Read only. The same instance is
 * the same object for as long as it lives, so a strategy may keep notes about it in a `WeakMap`.
 */
export interface Candidate {
  /** Unique among the instances of this node. */
  readonly instanceId: string
  readonly agentId: string
  /** Sorted, without repeats. */
  readonly capabilities: readonly string[]
  /** Slots taken: running handlers, waiting to start, and stuck ones. Counted here, never reported from afar. */
  readonly inFlight: number
  /** Slots in all (`maxConcurrentTasks`). */
  readonly capacity: number
  /** The share of its capacity that it should get, above 0; 1 unless somebody lowered it (a slow start) or raised it. */
  readonly weight: number
  /** Moving average of successes, in (0, 1]; 1 for an instance that has not worked yet. */
  readonly successRate: number
  /** Estimated milliseconds that this instance takes for tasks of this type; `undefined` before its first success. */
  latencyMs(taskType: string): number | undefined
  /** Cost of one task as declared by the agent, in the application's unit; 0 when not declared. */
  readonly cost: number
  /** Grows by one with each assignment on this node; 0 for never. Lower means least recently assigned. */
  readonly lastAssigned: number
  /** What the agent's definition says about it: region, tier, model. Empty when it says nothing. */
  readonly metadata: Readonly<Record<string, unknown>>
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
  /** Longest duration of one attempt, in milliseconds, where the caller knows it. */
  readonly timeoutMs?: number | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/**
 * The candidates of a lane: everybody who could take the task now. Membership changes as slots fill and free, so a
 * strategy asks instead of keeping copies. What it asked about is what the decision shows as compared.
 */
export interface CandidatePool {
  /** Names the pool for strategies that keep a cursor per pool; the same lane has the same id. */
  readonly id: string
  readonly size: number
  /** The candidate at an index in [0, size), in no particular order; the order changes when membership does. O(1). */
  at(index: number): Candidate | undefined
  /** The candidate with this instance id, if it could take the task now. O(1). */
  get(instanceId: string): Candidate | undefined
  /**
   * The candidate with the lowest score, ties to the least recently assigned. The pool keeps an index per `key`, brought
   * up to date only where a candidate's numbers changed or it was just chosen: O(log n). `score` must be the same
   * function for the same key, and depend on nothing but the candidate's own numbers and what the strategy itself
   * changes for the one it chooses. Use a symbol, or a string that begins with the strategy's name. The pool keeps the
   * 8 indexes used last.
   */
  lowest(key: string | symbol, score: (candidate: Candidate) => number): Candidate | undefined
  /**
   * The candidates with the lowest rank, as a pool of their own, whatever strategy then chooses among them. `rank` is
   * asked once for each instance, so it must depend only on what does not change about one: its capabilities, cost,
   * capacity or metadata. O(different ranks): meant for a few. `key` as for `lowest`.
   */
  narrow(key: string | symbol, rank: (candidate: Candidate) => number): CandidatePool
  /**
   * A candidate by lot, with chances in proportion to `weight`: `undefined` when nobody weighs anything. The pool keeps
   * sums per `key` as it keeps the orders of `lowest`: O(log n). A weight is finite and not negative, the same function
   * for the same key, and depends on nothing but the candidate's own numbers.
   * @param except - who does not take part in the draw: to draw a second one.
   */
  draw(
    key: string | symbol,
    weight: (candidate: Candidate) => number,
    random: Random,
    except?: Candidate,
  ): Candidate | undefined
  /** What all candidates weigh together. Of the sums that `draw` keeps: O(log n). */
  total(key: string | symbol, weight: (candidate: Candidate) => number): number
  /** Whether an instance of the lane is no candidate only because all its slots are taken. O(1). */
  isBusy(instanceId: string): boolean
  /**
   * Places in the circle on which every instance of the lane, able to take work now or not, keeps its place for as long
   * as it stays. Some may be empty.
   */
  readonly circle: number
  /**
   * The first candidate at or after a position of the circle, and the position after it. Any whole number from 0 is a
   * position: it wraps. O(log n).
   */
  nextInCircle(position: number): { readonly candidate: Candidate; readonly next: number } | undefined
}

/** What a strategy is asked with. Frozen for strategies that are not built in. */
export interface RoutingContext {
  readonly task: RoutableTask
  /** Everybody who could take the task now; never empty. A frozen list, made when first read: O(n). `pool` is quicker. */
  readonly candidates: readonly Candidate[]
  readonly pool: CandidatePool
  readonly random: Random
  /** Wall-clock milliseconds. They may jump: good for what may be off once, such as ageing. */
  readonly now: number
}

/** The parts that a score is made of, by name. They sum to the score. */
export type ScoreTerms = Readonly<Record<string, number>>

/** How an attempt went, told to the strategy that chose its agent. */
export interface RoutingFeedback {
  readonly task: RoutableTask
  readonly instanceId: string
  readonly agentId: string
  /** `neutral`: neither the agent's merit nor its fault (cancelled, lost, released, not retryable). */
  readonly outcome: 'success' | 'failure' | 'neutral'
  readonly durationMs: number
  /** Wall-clock milliseconds at its end, by the clock of {@link RoutingContext.now}. */
  readonly now: number
}

/** Chooses. Synchronous: a promise is refused. */
export interface RoutingStrategy {
  readonly name: string
  /** One of `context.candidates`, or `undefined` for "none of them now". */
  select(context: RoutingContext): Candidate | undefined
  /**
   * What, besides the candidates' numbers, the scores of the choice just made depended on (a median, a budget), as a
   * value that never changes. Asked right after `select`, and handed to `terms` when somebody wants the explanation.
   */
  memo?(context: RoutingContext): unknown
  /**
   * What this strategy makes of a candidate: terms that sum to its score; lower is better, and nobody it compared has
   * less than the one it chose. Asked for at most 16 candidates, with their numbers as they were when it chose, and only
   * when somebody wants the explanation. Without it decisions show no scores.
   */
  terms?(task: RoutableTask, candidate: Candidate, memo: unknown): ScoreTerms
  onResult?(feedback: RoutingFeedback): void
  /**
   * Asked right after `select` wanted none of the candidates: after how many milliseconds to ask again about this task.
   * It is asked earlier whenever a slot is freed. Without it: whenever a slot is freed, and every poll interval.
   */
  askAgainMs?(context: RoutingContext): number | undefined
  /**
   * All that it remembers (turns, pins, estimates), as plain JSON, for recordings. A new strategy with the same options
   * that restores it makes the same choices. O(what it remembers). Absent: it remembers nothing.
   */
  snapshot?(): unknown
  /** Takes over what `snapshot` gave, instead of what it remembers. @throws when it is nothing of the kind. */
  restore?(state: unknown): void
}
