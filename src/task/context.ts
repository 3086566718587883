import type { Logger } from '../internal/logger.js'
import type { TaskDefinition } from './definition.js'
import type { Cost } from './limits.js'
import type { Priority } from './priority.js'
import type { StrategyName } from './strategy-name.js'
import type { Task } from './task.js'

/** Options of a task that a handler stages: those of `submit` without the ones that a staged task can't honour. */
export interface StagedSubmitOptions {
  readonly priority?: Priority | undefined
  readonly runAt?: Date | number | undefined
  readonly delayMs?: number | undefined
  /** Orders the task by this key alone, instead of in its parent's session. */
  readonly orderingKey?: string | undefined
  readonly timeoutMs?: number | undefined
  readonly expiresAt?: Date | number | undefined
  readonly fallbackAgents?: readonly string[] | undefined
  readonly strategy?: StrategyName | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/** One message of a conversation. */
export interface SessionMessage {
  readonly role: 'user' | 'assistant' | 'system'
  readonly text: string
  readonly at: Date
  readonly messageId?: string
}

/**
 * The conversation that a task belongs to. What a handler changes is staged and committed with its result; a failed
 * attempt leaves nothing.
 */
export interface TaskSession {
  readonly id: string
  /** The conversation as it stood when this attempt began, oldest first. */
  readonly messages: readonly SessionMessage[]
  /** A summary of older messages, where `messages.history.summarise` made one. */
  readonly summary?: string
  /** The value of a context key, as this attempt sees it. */
  get<T = unknown>(key: string): T | undefined
  /** Sets a key. If the key moved since this attempt read the session, the attempt ends with CONTEXT_CONFLICT and is retried. */
  set(key: string, value: unknown): void
  delete(key: string): void
  /** Changes a key by a pure function, which runs again on a newer value if the key moved meanwhile. */
  update<T = unknown>(key: string, fn: (value: T | undefined) => T): void
}

/** What a handler gets besides its input. */
export interface TaskContext<in TWrite = never> {
  /** Aborts on timeout, cancel, lost ownership and shutdown. */
  readonly signal: AbortSignal
  /** From 1. */
  readonly attempt: number
  /** When this attempt times out. */
  readonly deadline: Date
  /** The same over all attempts of this task: pass it to payment and mail APIs. */
  readonly idempotencyKey: string
  readonly task: Task
  readonly agent: { readonly id: string; readonly name: string }
  readonly log: Logger
  /** @throws NO_SESSION when the task belongs to no session. */
  readonly session: TaskSession
  /** Says how far the work is: a fraction of 0 to 1, a note, or neither (a sign of life). Never throws. */
  progress(fraction?: number, note?: string): void
  /** Writes a part to the task's stream. Never throws. */
  write(part: TWrite): void
  /**
   * Says what the attempt has cost: tokens, dollars or both, besides what it said before. Kept with the attempt, and charged to the
   * budgets of its agent and type. Never throws; what is no cost is dropped and logged.
   */
  cost(spent: Cost): void
  /**
   * Stages a follow-on task: it is created in the commit that accepts this attempt's result, so exactly once. Linked
   * as a child, in the same tenant and session. Its id is known at once.
   */
  submit<I>(definition: TaskDefinition<I, unknown, unknown>, input: NoInfer<I>, options?: StagedSubmitOptions): string
  submit(definition: TaskDefinition<undefined>): string
}

/** What a catch-all handler is: its input is whatever was sent. */
// biome-ignore lint/suspicious/noExplicitAny: a catch-all takes any type's input, and only its author knows what that is.
export type CatchAllHandler = (input: any, ctx: TaskContext<unknown>) => unknown
