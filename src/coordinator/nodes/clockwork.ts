import type { Timer } from '../../internal/clock.js'
import { expiryOf } from '../../storage/records.js'
import type { AnyTaskDefinition } from '../../task/definition.js'
import {
  currentAttempt,
  expired,
  holdsCancelled,
  holdsClaim,
  promoted,
  scheduledAt,
  settled,
  withoutHolder,
} from '../../task/task-life-cycle.js'
import type { TaskRecord } from '../../task/task-record.js'
import { isTerminal } from '../../task/task-status.js'
import { changeTask, type OnChange, type Plan } from '../change-task.js'
import type { PutOff, RetryGate } from '../limits/retry-gate.js'
import type { Entry, NodeContext } from '../node-context.js'
import { isStorageTrouble, retryPolicyOf, rulesFor } from '../settle.js'

const BATCH = 100
/** How long what is due is left to each node that comes before this one for it. */
const HEAD_START_MS = 20

/**
 * What happens to tasks by time alone: delays and backoffs end, tasks that had to start by a time expire, claims of
 * polling agents run out. Any node does it; a refusal means that another one did.
 */
export class Clockwork {
  #timer: Timer | undefined
  #nextAt = Number.POSITIVE_INFINITY
  #isRunning = false
  #isStopped = false

  constructor(
    private readonly node: NodeContext,
    private readonly retries: RetryGate,
    private readonly onChange: OnChange,
    private readonly definitionOf: (type: string) => AnyTaskDefinition | undefined,
  ) {}

  start(): void {
    this.#arm(0)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** Something is due at this storage time: don't wait for the next poll. */
  wakeAt(at: number): void {
    const delayMs = Math.max(0, at - this.node.time.now())
    if (delayMs < this.node.settings.pollMs) this.#arm(delayMs)
  }

  #arm(delayMs: number): void {
    if (this.#isStopped) return
    const at = this.node.clock.monotonic() + delayMs
    if (at >= this.#nextAt) return
    this.#nextAt = at
    this.#timer?.cancel()
    this.#timer = this.node.clock.setTimer(() => void this.#tick(), delayMs)
  }

  async #tick(): Promise<void> {
    this.#nextAt = Number.POSITIVE_INFINITY
    if (this.#isRunning) return this.#arm(this.node.settings.observeMs)
    this.#isRunning = true
    let nextDueInMs = Number.POSITIVE_INFINITY
    try {
      nextDueInMs = await this.#promoteDue()
      nextDueInMs = Math.min(nextDueInMs, await this.#endOverdue())
    } catch (error) {
      if (!this.#isStopped) this.node.log.warn({ error }, 'the clockwork failed')
    }
    this.#isRunning = false
    this.#arm(Math.min(nextDueInMs, this.node.settings.pollMs))
  }

  /** Promotes what is due; answers in how long the next one is. */
  async #promoteDue(): Promise<number> {
    return this.#work(
      'due',
      (task) => task.runAt ?? 0,
      (entry) => this.#promote(entry),
    )
  }

  /** scheduled -> ready or waiting; a retry that may not go yet is put off, so that it leaves the head of `due`. */
  async #promote(entry: Entry): Promise<void> {
    const putOff = this.#putOff(entry.value)
    await changeTask(this.node, this.onChange, entry, (task) => {
      if (task.state !== 'scheduled' || (task.runAt ?? 0) > this.node.time.now()) return undefined
      if (putOff === undefined) return promotionOf(task)
      const until = this.node.time.now() + putOff.forMs
      this.retries.remember(task.id, until, putOff)
      return { after: scheduledAt(task, until, this.node.settings.boosts) }
    })
  }

  #putOff(task: TaskRecord): PutOff | undefined {
    if (task.attempts.length === 0) return undefined
    const definition = this.definitionOf(task.type)
    const retry = retryPolicyOf(definition, this.node.settings.retry)
    return this.retries.pass(task, retry, definition?.options.fallback !== undefined, this.node.time.now())
  }

  /** Ends what had to start or to end by now; answers in how long the next one does. */
  async #endOverdue(): Promise<number> {
    return this.#work(
      'expires',
      (task) => expiryOf(task) ?? 0,
      (entry) => this.expire(entry),
    )
  }

  /**
   * Does what is due by an index, in batches: what this node comes first for, and the others' when they had their time.
   * Answers in how long there is more to do.
   */
  async #work(
    index: string,
    dueAt: (task: TaskRecord) => number,
    act: (entry: Entry) => Promise<void>,
  ): Promise<number> {
    const { peers, time } = this.node
    const at = ({ id, value }: Entry) => dueAt(value) + peers.placeOfAny(id) * HEAD_START_MS
    let after: readonly (string | number)[] | undefined
    while (!this.#isStopped) {
      const entries = await this.node.query('task', index, { after, limit: BATCH })
      const now = time.now()
      const mine = entries.filter((entry) => at(entry) <= now)
      const done = await Promise.all(mine.map((entry) => act(entry).then(isDone, this.#isLeft(entry))))
      const last = entries[entries.length - 1]
      if (last !== undefined && entries.length === BATCH && mine.length > 0) {
        // One that the storage refuses keeps no other waiting: it is tried again with the next poll.
        if (done.includes(false)) after = [dueAt(last.value), last.id]
        continue
      }
      const left = entries.filter((entry) => !mine.includes(entry)).map((entry) => at(entry) - now)
      return Math.max(1, Math.min(...left))
    }
    return Number.POSITIVE_INFINITY
  }

  #isLeft({ id }: Entry): (error: unknown) => boolean {
    return (error) => {
      // The others would fare no better: all of them wait for the next poll.
      if (isStorageTrouble(error)) throw error
      if (!this.#isStopped) this.node.log.warn({ taskId: id, error }, 'a task that is due could not be changed')
      return false
    }
  }

  /** Ends a task, or a polling agent's claim, whose time has run out. */
  async expire(entry: Entry): Promise<void> {
    const settleToken = this.node.newToken()
    await changeTask(this.node, this.onChange, entry, (task) => this.#expiryOf(task, settleToken))
  }

  #expiryOf(task: TaskRecord, settleToken: string): Plan | undefined {
    const now = this.node.time.now()
    if (task.claimEndsAt !== undefined) {
      if (task.claimEndsAt > now) return undefined
      const token = currentAttempt(task)?.token ?? ''
      if (holdsCancelled(task, token)) return { after: withoutHolder(task) }
      if (!holdsClaim(task, token)) return undefined
      const error = { name: 'BatutaError', code: 'CLAIM_LOST', message: 'The claim ended without a result.' }
      const rules = rulesFor(this.node, this.definitionOf(task.type), settleToken, 0)
      return { after: settled(task, { type: 'lost', error }, rules) }
    }
    const isUnstarted = !isTerminal(task.state) && task.state !== 'running' && task.attempts.length === 0
    if (!isUnstarted || task.expiresAt === undefined || task.expiresAt > now) return undefined
    return { after: expired(task, now) }
  }
}

const isDone = () => true

/** What a due task becomes: a delayed one of an ordering key takes its number now; a message keeps the one it has. */
function promotionOf(task: TaskRecord): Plan {
  const after = promoted(task, true)
  if (task.turnKey === undefined || task.attempts.length > 0) return { after }
  return task.seq === undefined ? { after, takesNumber: true } : { after, needsTurn: true }
}
