import type { WaitOptions } from '../../task/submit-options.js'
import type { Task } from '../../task/task.js'
import type { Explanation } from '../views/explain-types.js'

/** A part that a handler wrote. */
export interface StreamPart<out TPart = unknown> {
  readonly data: TPart
  /** Which attempt wrote it, from 1: when it changes, a retry began anew. */
  readonly attempt: number
}

/** Holds on to a task, here or on any node. Keeps nothing but the id: everything is asked when it is asked for. */
export interface TaskHandle<out TOutput = unknown, out TPart = unknown> {
  readonly id: string
  readonly type: string
  /**
   * Waits for the task to end, and gives what the handler returned, parsed by the output schema.
   * @throws TaskFailedError, TaskCancelledError, WaitTimeoutError; OUTPUT_INVALID when what is stored no longer parses.
   */
  result(options?: WaitOptions): Promise<TOutput>
  /** The task as it stands. @throws TASK_NOT_FOUND when retention has removed it. */
  snapshot(): Promise<Task>
  /** Why it went where it went; or why it is pending. */
  explain(): Promise<Explanation>
  /**
   * What the handler writes: first what the current attempt wrote so far (bounded), then as it comes. Live, not
   * durable. Ends when the task completes, and throws what `result()` throws.
   */
  stream(options?: WaitOptions): AsyncIterable<StreamPart<TPart>>
  /** Cancels it in any unfinished state. Answers whether it did: `false` when the task had ended before. */
  cancel(reason?: string): Promise<boolean>
}

/** What `run` gives. */
export interface RunResult<out TOutput = unknown> {
  readonly output: TOutput
  readonly task: Task
  /** Why it went where it went. */
  explain(): Promise<Explanation>
}

/** What is known of a task without a definition. */
// biome-ignore lint/suspicious/noExplicitAny: untyped on purpose: the caller knows what it sent.
export type AnyOutput = any
