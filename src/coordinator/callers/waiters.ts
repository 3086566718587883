import { BatutaError } from '../../errors/base-error.js'
import type { Timer } from '../../internal/clock.js'
import { soon } from '../../internal/soon.js'
import { WaitTimeoutError } from '../../task/task-errors.js'
import type { TaskRecord } from '../../task/task-record.js'
import { isTerminal } from '../../task/task-status.js'
import type { NodeContext } from '../node-context.js'

/** How long a caller waits. */
export interface Patience {
  readonly waitMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

interface Waiter {
  resolve(task: TaskRecord): void
  reject(error: unknown): void
  /** The next one that waits for the same task: most tasks have one waiter, and no list. */
  next: Waiter | undefined
}

/** Tasks asked about at once. */
const POLL_BATCH = 256

/**
 * Callers that wait for a task to end. What ends here, or is hinted by another node, is told at once; the rest is found
 * by polling, so that a lost hint costs time only.
 */
export class Waiters {
  /** The first waiter of each task. */
  readonly #byTask = new Map<string, Waiter>()
  /** Tasks to be looked up together when the code that runs now has returned. */
  #toLook: string[] = []
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
      return new Promise((resolve, reject) => this.#add(taskId, { resolve, reject, next: undefined }))
    }
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined
      const leave = () => {
        timer?.cancel()
        signal?.removeEventListener('abort', onAbort)
        this.#remove(taskId, waiter)
      }
      const waiter: Waiter = {
        next: undefined,
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
    for (const waiter of this.#takeAll(taskId)) waiter.resolve(task)
  }

  /** Looks up a task that may have ended already, together with all others that are asked for in this moment. */
  lookSoon(taskId: string): void {
    if (this.#toLook.push(taskId) > 1) return
    soon(() => {
      const taskIds = this.#toLook
      this.#toLook = []
      this.look(taskIds).catch((error) => this.node.log.debug({ error }, 'a look led nowhere'))
    })
  }

  /** Looks tasks up that may have ended elsewhere. */
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
    const first = this.#byTask.get(taskId)
    if (first === undefined) this.#byTask.set(taskId, waiter)
    else {
      waiter.next = first.next
      first.next = waiter
    }
    if (this.#timer === undefined) this.#schedule()
  }

  #fail(taskId: string, error: unknown): void {
    for (const waiter of this.#takeAll(taskId)) waiter.reject(error)
  }

  /** Those who wait for a task, and wait no longer. */
  #takeAll(taskId: string): Waiter[] {
    const waiters: Waiter[] = []
    for (let waiter = this.#byTask.get(taskId); waiter !== undefined; waiter = waiter.next) waiters.push(waiter)
    this.#byTask.delete(taskId)
    return waiters
  }

  #remove(taskId: string, waiter: Waiter): void {
    const first = this.#byTask.get(taskId)
    if (first !== waiter) {
      let before = first
      while (before !== undefined && before.next !== waiter) before = before.next
      if (before !== undefined) before.next = waiter.next
    } else if (waiter.next === undefined) this.#byTask.delete(taskId)
    else this.#byTask.set(taskId, waiter.next)
  }

  #schedule(): void {
    this.#timer = this.node.clock.setTimer(() => void this.#poll(), this.node.settings.pollMs)
  }

  async #poll(): Promise<void> {
    const { peers, isHeard } = this.node
    const waiting = [...this.#byTask.keys()]
    // Only where others end tasks without a word are all of them asked about. Elsewhere a poll finds what a hint was lost of.
    const asked = isHeard || peers.isAlone ? waiting.slice(0, POLL_BATCH) : waiting
    try {
      for (let i = 0; i < asked.length && !this.#isStopped; i += POLL_BATCH)
        await this.look(asked.slice(i, i + POLL_BATCH))
    } catch (error) {
      if (!this.#isStopped) this.node.log.warn({ error }, 'waiting tasks could not be looked up')
    }
    if (asked.length < waiting.length) this.#moveToEnd(asked)
    this.#timer = undefined
    if (this.#byTask.size > 0 && !this.#isStopped) this.#schedule()
  }

  /** Those that were asked about come round again after all others. */
  #moveToEnd(taskIds: readonly string[]): void {
    for (const taskId of taskIds) {
      const first = this.#byTask.get(taskId)
      if (first === undefined) continue
      this.#byTask.delete(taskId)
      this.#byTask.set(taskId, first)
    }
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
