import type { Priority } from './priority.js'
import type { StrategyName } from './strategy-name.js'

/** What happens to a task whose ordering key or session is busy. */
export type WhenBusy = 'enqueue' | 'reject' | 'interrupt'

/** Options of one task. Each may be left out or undefined; then the definition's `defaults` count, then the definition. */
export interface SubmitOptions {
  /** How urgent it is. Default: the definition's, else `normal`. */
  readonly priority?: Priority | undefined
  /** Not before this moment; a moment that has passed means now. Not together with `delayMs`. */
  readonly runAt?: Date | number | undefined
  /** Not before so many milliseconds from now. From 0. */
  readonly delayMs?: number | undefined
  /**
   * Makes this submit safe to repeat: the same key for the same tenant and type gives the first task's handle, and
   * with another input IDEMPOTENCY_CONFLICT. Kept as long as the task is.
   */
  readonly idempotencyKey?: string | undefined
  /** Tasks of one key (and tenant) run one at a time, in the order in which they were submitted. */
  readonly orderingKey?: string | undefined
  /**
   * When another task of the ordering key or session is unfinished: `enqueue` behind it (the default), `reject` this
   * one (ORDERING_BUSY, SESSION_BUSY), or `interrupt`, which cancels the earlier ones. The last two not with a delay.
   */
  readonly whenBusy?: WhenBusy | undefined
  /** The conversation that it joins, and is ordered in. Not together with `orderingKey`. */
  readonly sessionId?: string | undefined
  /** Whose task it is: tenants are served in turn, and don't share keys. Default `default`. */
  readonly tenant?: string | undefined
  /** Longest duration of one attempt, in milliseconds. Default: the definition's, else the application's `taskTimeoutMs`. */
  readonly timeoutMs?: number | undefined
  /** Not started by this moment: failed with TASK_EXPIRED. */
  readonly expiresAt?: Date | number | undefined
  /** Agents that get one extra attempt each, in this order, when the retries are used up. */
  readonly fallbackAgents?: readonly string[] | undefined
  /** The name of the strategy that routes it. Default: the definition's, else the router's. */
  readonly strategy?: StrategyName | undefined
  /** Kept with the task and given back; batuta doesn't look into it. JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/** How long a caller waits for a result. When it stops waiting, the task goes on. */
export interface WaitOptions {
  /** Longest wait in milliseconds; then WAIT_TIMEOUT. Default: no limit. */
  readonly waitMs?: number | undefined
  /** Ends the wait with WAIT_TIMEOUT when it aborts. */
  readonly signal?: AbortSignal | undefined
}

/** A task without a definition: untyped, for any agent that has what it requires. */
export interface AdHocTask extends SubmitOptions {
  /** The type of task. Left out: any agent with a catch-all `handler`. */
  readonly type?: string | undefined
  /** Capabilities that an agent must have, all of them. Default none. */
  readonly requires?: readonly string[] | undefined
  /** JSON. */
  readonly input?: unknown
  /** Keeps definitions out: they go first, with the input second. */
  readonly handler?: never
}
