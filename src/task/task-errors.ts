import { BatutaError, isBatutaError, withoutLink } from '../errors/base-error.js'
import type { StoredError } from '../errors/codes.js'
import type { Task, TaskAttempt } from './task.js'

/**
 * Thrown by `result()` and `run()` when every attempt failed and no fallback helped. `instanceof` works across copies
 * of the package: these three classes are told apart by their code.
 */
export class TaskFailedError extends BatutaError<'TASK_FAILED'> {
  override readonly name: string = 'TaskFailedError'
  /** Every try, oldest first, each with why it failed. */
  readonly attempts: readonly TaskAttempt[]
  readonly task: Task

  constructor(task: Task) {
    super('TASK_FAILED', messageOf(task), { data: { taskId: task.id }, cause: causeOf(task) })
    this.attempts = task.attempts
    this.task = task
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBatutaError(value, 'TASK_FAILED')
  }
}

/** Thrown by `result()` and `run()` when the task was cancelled. */
export class TaskCancelledError extends BatutaError<'TASK_CANCELLED'> {
  override readonly name: string = 'TaskCancelledError'
  readonly attempts: readonly TaskAttempt[]
  readonly task: Task

  constructor(task: Task) {
    const reason = task.cancelReason
    super(
      'TASK_CANCELLED',
      `Task ${task.id} (${task.type}) was cancelled${reason === undefined ? '' : `: ${reason}`}.`,
      {
        data: reason === undefined ? { taskId: task.id } : { taskId: task.id, reason },
      },
    )
    this.attempts = task.attempts
    this.task = task
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBatutaError(value, 'TASK_CANCELLED')
  }
}

/** Thrown by `result()` and `run()` when the caller's patience ended first. The task goes on. */
export class WaitTimeoutError extends BatutaError<'WAIT_TIMEOUT'> {
  override readonly name: string = 'WaitTimeoutError'

  /** @param waitMs - what the caller allowed; left out when its signal ended the wait. */
  constructor(taskId: string, waitMs?: number, cause?: unknown) {
    const why = waitMs === undefined ? 'the signal of its caller was aborted' : `${waitMs} ms have passed`
    super('WAIT_TIMEOUT', `Stopped waiting for task ${taskId}: ${why}. The task goes on.`, {
      data: waitMs === undefined ? { taskId } : { taskId, waitMs },
      fix: `Ask again with getTask('${taskId}'), or cancel it.`,
      cause,
    })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBatutaError(value, 'WAIT_TIMEOUT')
  }
}

function messageOf(task: Task): string {
  const tries = task.attempts.length
  const error = task.error ?? task.attempts.at(-1)?.error
  const after = tries === 0 ? 'before its first attempt' : `after ${tries} ${tries === 1 ? 'attempt' : 'attempts'}`
  const why = error === undefined ? '' : `: ${said(error)}`
  return `Task ${task.id} (${task.type}) failed ${after}${/[.?!]$/.test(why) ? why : `${why}.`}`
}

/** What an attempt's error said. Errors of ours go by their code, and the link is that of the task's own. */
function said({ name, code, message }: StoredError): string {
  return name === 'BatutaError' && code !== undefined
    ? `${code}: ${withoutLink({ code, message })}`
    : `${name}: ${message}`
}

/** The last attempt's error as an error again, so that loggers print its stack. */
function causeOf(task: Task): Error | undefined {
  const stored = task.error ?? task.attempts.at(-1)?.error
  if (stored === undefined) return undefined
  const error = new Error(stored.message)
  error.name = stored.name
  if (stored.stack === undefined) delete error.stack
  else error.stack = stored.stack
  return stored.code === undefined ? error : Object.assign(error, { code: stored.code })
}
