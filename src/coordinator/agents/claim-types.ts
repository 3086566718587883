import type { TaskDefinition } from '../../task/definition.js'
import type { Cost } from '../../task/limits.js'
import type { Task } from '../../task/task.js'

/** How many claims, and how long to wait for one. */
export interface ClaimOptions {
  /** At most so many, from 1. Default: the agent's free slots. */
  readonly max?: number | undefined
  /** If there is nothing now, waits so long for the first one, in milliseconds. Default 0. */
  readonly waitMs?: number | undefined
  /** Ends the wait; the answer is then empty. */
  readonly signal?: AbortSignal | undefined
}

/** How a failure is to be taken. */
export interface FailOptions {
  /** `false`: trying again can't help. Default: what the error and the definition's `retryIf` say. */
  readonly retryable?: boolean | undefined
}

/**
 * The right to settle one attempt, given to an agent that polls. It ends at `expiresAt` unless extended, and any node
 * will do to settle it. Until `is` has told what it is, its input is unknown and `complete` takes anything.
 */
export interface AnyClaim {
  readonly taskId: string
  readonly type: string
  /** From 1. */
  readonly attempt: number
  /** As a handler would get it: parsed by the definition's schema, where this node knows the definition. */
  readonly input: unknown
  readonly task: Task
  /** The same over all attempts: pass it to payment and mail APIs. */
  readonly idempotencyKey: string
  /** Aborts when the claim is lost: cancelled, expired, or taken over. */
  readonly signal: AbortSignal
  /** When the right ends. Moves with `extend`. */
  readonly expiresAt: Date
  /** Whether the task is of this definition; then `input` and `complete` are typed by it. */
  is<P, R>(definition: TaskDefinition<never, unknown, unknown, P, R, never>): this is Claim<P, R>
  /** Hands in the result. @throws OUTPUT_INVALID, and the claim still stands; CLAIM_LOST. */
  // biome-ignore lint/suspicious/noExplicitAny: not `unknown`, or `is` could not narrow it.
  complete(result?: any): Promise<void>
  /** Says that the attempt failed. @throws CLAIM_LOST. */
  fail(error: unknown, options?: FailOptions): Promise<void>
  /** Moves the end to so many milliseconds from now, and the attempt's deadline with it. @throws CLAIM_LOST. */
  extend(ms: number): Promise<Date>
  /** Says what the attempt has cost, besides what it said before, as `ctx.cost` of a handler does. Never throws. */
  cost(spent: Cost): void
}

/** A claim of which `is` has told what it is. */
export interface Claim<out TParsed = unknown, in TReturn = never> extends AnyClaim {
  readonly input: TParsed
  complete(result: TReturn): Promise<void>
  /** @internal No value: it keeps a claim that `is` refused from being taken for a typed one. */
  readonly '~typed': true
}
