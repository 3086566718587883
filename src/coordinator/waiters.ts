import { BatutaError } from '../errors/base-error.js'
import type { Timer } from '../internal/clock.js'
import { WaitTimeoutError } from '../task/task-errors.js'
import type { TaskRecord } from '../task/task-record.js'
import { isTerminal } from '../task/task-status.js'
import type { NodeContext } from './node-context.js'

/** How long a caller waits. */
export interface Patience {
  readonly waitMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

interface Waiter {
  resolve(task: TaskRecord): void
  reject(error: unknown): void
}

/** Tasks asked about per poll: those that wait longest come round again. */
const POLL_BATCH = 256

/**
 * Callers that wait for a task to end. What ends here, or is hinted by another node, is told at once; the rest is found
 * by polling, so that a lost hint costs time only.
 */
export class Waiters {
  readonly #byTask = new Map<string, Set<Waiter>>()
  #timer: Timer | undefined
  #isStopped = false

  constructor(private readonly node: NodeContext) {}

  /**
   * The task when it has ended.
   * @throws WAIT_TIMEOUT when patience ends first, TASK_NOT_FOUND when it is unknown, NOT_RUNNING after shutdown.
   */
  wait(taskId: string, patience: Patience = {}): Promise<TaskRecord> {
    const { waitMs, signal } = patience
    if (this.#isStopped) return Promise.reject(stopped())
    if (signal?.aborted === true) return Promise.reject(new WaitTimeoutError(taskId, undefined, signal.reason))
    if (waitMs === undefined && signal === undefined) {
      return new Promise((resolve, reject) => this.#add(taskId, { resolve, reject }))
    }
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined
      const leave = () => {
        timer?.cancel()
        signal?.removeEventListener('abort', onAbort)
        const waiters = this.#byTask.get(taskId)
        waiters?.delete(waiter)
        if (waiters?.size === 0) this.#byTask.delete(taskId)
      }
      const waiter: Waiter = {
        resolve: (task) => {
          leave()
          resolve(task)
        },
        reject: (error) => {
          leave()
          reject(error)
        },
      }
      const onAbort = () => waiter.reject(new WaitTimeoutError(taskId, undefined, signal?.reason))
      if (waitMs !== undefined) {
        timer = this.node.clock.setTimer(() => waiter.reject(new WaitTimeoutError(taskId, waitMs)), waitMs)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#add(taskId, waiter)
    })
  }

  /** Whether anybody waits for it. */
  has(taskId: string): boolean {
    return this.#byTask.has(taskId)
  }

  /** A task has ended. */
  ended(taskId: string, task: TaskRecord): void {
    const waiters = this.#byTask.get(taskId)
    if (waiters === undefined) return
    this.#byTask.delete(taskId)
    for (const waiter of waiters) waiter.resolve(task)
  }

  /** Looks a task up that may have ended elsewhere. */
  async look(taskIds: readonly string[]): Promise<void> {
    const asked = taskIds.filter((id) => this.#byTask.has(id))
    if (asked.length === 0) return
    const found = await this.node.readMany('task', asked)
    for (const [i, taskId] of asked.entries()) {
      const task = found[i]?.value
      if (task !== undefined && isTerminal(task.state)) this.ended(taskId, task)
      else if (task === undefined) this.#fail(taskId, notFound(taskId))
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    for (const taskId of [...this.#byTask.keys()]) this.#fail(taskId, stopped())
  }

  #add(taskId: string, waiter: Waiter): void {
    let waiters = this.#byTask.get(taskId)
    if (waiters === undefined) {
      waiters = new Set()
      this.#byTask.set(taskId, waiters)
    }
    waiters.add(waiter)
    if (this.#timer === undefined) this.#schedule()
  }

  #fail(taskId: string, error: unknown): void {
    const waiters = this.#byTask.get(taskId)
    this.#byTask.delete(taskId)
    for (const waiter of waiters ?? []) waiter.reject(error)
  }

  #schedule(): void {
    this.#timer = this.node.clock.setTimer(() => void this.#poll(), this.node.settings.pollMs)
  }

  async #poll(): Promise<void> {
    const asked: string[] = []
    for (const taskId of this.#byTask.keys()) {
      asked.push(taskId)
      if (asked.length === POLL_BATCH) break
    }
    try {
      await this.look(asked)
    } catch (error) {
      if (!this.#isStopped) this.node.log.warn({ error }, 'waiting tasks could not be looked up')
    }
    // Those that were asked about go to the end of the line.
    for (const taskId of asked) {
      const waiters = this.#byTask.get(taskId)
      if (waiters === undefined) continue
      this.#byTask.delete(taskId)
      this.#byTask.set(taskId, waiters)
    }
    this.#timer = undefined
    if (this.#byTask.size > 0 && !this.#isStopped) this.#schedule()
  }
}

/** No task has this id: it never had one, or retention let go of it. */
export function notFound(taskId: string): BatutaError<'TASK_NOT_FOUND'> {
  return new BatutaError('TASK_NOT_FOUND', `There is no task "${taskId}".`, {
    data: { taskId },
    fix: 'It may have been purged: see `retention`.',
  })
}

function stopped(): BatutaError<'NOT_RUNNING'> {
  return new BatutaError(
    'NOT_RUNNING',
    'The orchestrator was shut down; the task is kept and goes on when one is started again.',
    {
      data: { state: 'stopped' },
    },
  )
}
