import { describe, expect, it } from 'vitest'
import { BatutaError, isBatutaError } from '../../src/errors/base-error.js'
import type { Task } from '../../src/task/task.js'
import { TaskCancelledError, TaskFailedError, WaitTimeoutError } from '../../src/task/task-errors.js'

const failed: Task = {
  id: 't1',
  type: 'quote',
  tenant: 'default',
  status: 'failed',
  requires: [],
  priority: 'normal',
  createdAt: new Date(0),
  error: { name: 'TypeError', message: 'no price', code: 'E_PRICE', stack: 'TypeError: no price\n    at price.js:1' },
  attempts: [
    {
      number: 1,
      agentId: 'a',
      ownerId: 'o',
      startedAt: new Date(1),
      endedAt: new Date(2),
      outcome: 'failed',
      error: { name: 'TypeError', message: 'no price' },
      fallback: false,
    },
  ],
}

describe('TaskFailedError', () => {
  const error = new TaskFailedError(failed)

  it('says what failed and why, and has every attempt', () => {
    expect(error.message).toContain('Task t1 (quote) failed after 1 attempt: TypeError: no price.')
    expect(error).toMatchObject({
      name: 'TaskFailedError',
      code: 'TASK_FAILED',
      data: { taskId: 't1' },
      retryable: false,
    })
    expect(error.attempts).toBe(failed.attempts)
  })

  it('has the stored error as its cause, with the stack of the handler', () => {
    expect(error.cause).toMatchObject({ name: 'TypeError', message: 'no price', code: 'E_PRICE' })
    expect((error.cause as Error).stack).toBe(failed.error?.stack)
  })

  it('has no stack of ours in a cause that was stored without one', () => {
    const { cause } = new TaskFailedError({ ...failed, error: { name: 'Error', message: 'x' } })
    expect((cause as Error).stack).toBeUndefined()
  })

  it('of a task that was never tried says so', () => {
    const expired = { ...failed, attempts: [], error: { name: 'BatutaError', message: 'too late' } }
    expect(new TaskFailedError(expired).message).toContain('failed before its first attempt: BatutaError: too late')
  })
})

it('cancelled and timed out waits carry what callers need', () => {
  const cancelled = new TaskCancelledError({ ...failed, status: 'cancelled', cancelReason: 'customer left' })
  expect(cancelled).toMatchObject({ code: 'TASK_CANCELLED', data: { taskId: 't1', reason: 'customer left' } })
  expect(cancelled.message).toContain('was cancelled: customer left.')
  expect(new TaskCancelledError({ ...failed, status: 'cancelled' }).data).toEqual({ taskId: 't1' })
  expect(new WaitTimeoutError('t1', 50)).toMatchObject({ data: { taskId: 't1', waitMs: 50 }, retryable: true })
  expect(new WaitTimeoutError('t1', undefined, 'gone').cause).toBe('gone')
})

it('are told apart by instanceof, also for errors of another copy of the package', async () => {
  const errors = [new TaskFailedError(failed), new TaskCancelledError(failed), new WaitTimeoutError('t1', 5)]
  const classes = [TaskFailedError, TaskCancelledError, WaitTimeoutError]
  expect(errors.map((error) => classes.map((known) => error instanceof known))).toEqual([
    [true, false, false],
    [false, true, false],
    [false, false, true],
  ])
  expect(errors.every((error) => error instanceof BatutaError && isBatutaError(error))).toBe(true)
  const copy = '../../src/task/task-errors.js?copy'
  const other: typeof import('../../src/task/task-errors.js') = await import(/* @vite-ignore */ copy)
  expect(other.TaskFailedError).not.toBe(TaskFailedError)
  expect(new other.TaskFailedError(failed)).toBeInstanceOf(TaskFailedError)
  expect(new Error('x')).not.toBeInstanceOf(TaskFailedError)
  expect(undefined).not.toBeInstanceOf(TaskFailedError)
})
