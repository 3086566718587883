import type { BusMessage } from '../bus/bus.js'
import type { Router } from '../router/router.js'
import { taskOf } from '../task/task.js'
import { cancelled, currentAttempt, isOver, type Outcome } from '../task/task-life-cycle.js'
import type { TaskRecord } from '../task/task-record.js'
import { isTerminal } from '../task/task-status.js'
import { type AgentRegistry, FALLBACK_AGENT } from './agents/agent-registry.js'
import type { PollingDesk } from './agents/polling.js'
import { announce, announceProgress } from './announce.js'
import type { AttemptEnd, Late } from './attempt.js'
import type { Streams } from './callers/streams.js'
import type { Waiters } from './callers/waiters.js'
import { type Change, changeTask } from './change-task.js'
import type { Reservation } from './claim.js'
import type { Dispatcher } from './dispatcher.js'
import type { Permits } from './limits/permits.js'
import type { RetryGate } from './limits/retry-gate.js'
import type { Entry, NodeContext } from './node-context.js'
import type { Clockwork } from './nodes/clockwork.js'
import { Run, type RunHooks } from './run.js'
import { Settlement, settlePatiently, verdictOn } from './settle.js'

/** The parts that a task passes through. */
export interface FlowParts {
  readonly registry: AgentRegistry
  readonly router: Router
  readonly dispatcher: Dispatcher
  readonly permits: Permits
  readonly retries: RetryGate
  readonly clockwork: Clockwork
  readonly waiters: Waiters
  readonly streams: Streams
  readonly polling: PollingDesk
  readonly runHooks: RunHooks
}

/**
 * The way of a task on this node from its claim to its end: begin, run, settle, clean up; and the one place where a
 * committed change, whoever made it, is passed on to all who need to know.
 */
export class TaskFlow {
  /** Handlers that run here, by task. */
  readonly runs = new Map<string, Run>()
  /** Handlers that were abandoned and have not returned. */
  readonly stuck = new Map<Run, string>()
  #parts!: FlowParts
  #isClosed = false

  constructor(private readonly node: NodeContext) {}

  /** The parts know each other in a ring; this closes it. */
  connect(parts: FlowParts): void {
    this.#parts = parts
  }

  /** A claim is committed: run it, or hand it to the agent that polled for it. */
  begin(entry: Entry, reservation: Reservation): void {
    const { instance } = reservation
    if (entry.value.attempts.length === 1) this.#parts.retries.tried()
    this.node.bounds?.started(entry.value.lane, entry.value.tenant)
    this.node.events.emit('task:started', () => ({
      task: taskOf(entry.value),
      attempt: currentAttempt(entry.value)?.number ?? 1,
      agentId: instance.id,
    }))
    if (instance.isPolling) this.#parts.polling.deliver(entry, reservation)
    else {
      const run = new Run(entry, reservation, this.node, this.#parts.runHooks)
      this.runs.set(entry.id, run)
      // Claimed in the name of an owner that has since been declared dead: others may have it by now.
      if (reservation.ownerId !== this.node.ownerId) run.attempt.abort('released', new Error('The owner was replaced.'))
      // Committed so late that this node had given up waiting: whoever comes next takes it back.
      else if (this.#isClosed) run.attempt.abort('released', new Error('This node has stopped.'))
      instance.run(() => this.#execute(run))
    }
  }

  async #execute(run: Run): Promise<void> {
    const startedAt = this.node.clock.monotonic()
    const end = await run.run()
    const durationMs = this.node.clock.monotonic() - startedAt
    if (end.stuck !== undefined) this.#abandoned(run)
    const result = run.result(end)
    const left = result instanceof Promise ? await result : result
    const settlement = new Settlement(this.node, run.token, run.definition, left, run.spent)
    try {
      await settlePatiently(this.node, this.onChange, run.entry, settlement)
      this.#settled(run, end, settlement)
    } catch (error) {
      // This node stops: whoever comes next takes the task back.
      this.#parts.dispatcher.claims.delete(run.token)
      this.node.log.warn({ taskId: run.taskId, error }, 'an outcome could not be written')
    }
    const { type } = run.entry.value
    const isFault = this.judge(run.reservation, type, settlement.outcome, durationMs)
    if (this.runs.get(run.taskId) === run) this.runs.delete(run.taskId)
    if (end.stuck === undefined) this.slotFreed(run.reservation, type, isFault)
    else await this.#untilReturned(run, end.stuck)
  }

  #settled(run: Run, end: AttemptEnd, { left, isLate }: Settlement): void {
    const isUnwanted = isLate && left.outcome.type !== 'released'
    const late = end.late ?? (isUnwanted ? (left.outcome.type === 'success' ? 'completed' : 'failed') : undefined)
    if (late !== undefined) this.node.events.emit('task:late-result', { ...this.#who(run), outcome: late })
    this.#parts.dispatcher.claims.delete(run.token)
  }

  /**
   * The numbers that routing learns from. What is not the agent's fault counts neither way.
   * @returns whether it failed by the agent's fault.
   */
  judge(reservation: Reservation, type: string, outcome: Outcome | undefined, durationMs: number): boolean {
    const { instance, decision, token } = reservation
    const kind = verdictOn(outcome)
    const now = this.node.clock.monotonic()
    instance.load.record(type, kind, durationMs, now)
    this.#parts.retries.settled(type, kind)
    // Fallback functions are no agent: there is nobody to keep from work.
    if (instance.id !== FALLBACK_AGENT)
      this.#parts.registry.health.settled(instance.load, type, token, kind, durationMs, now)
    if (outcome?.type === 'failure') instance.lastError = outcome.error.message
    if (decision !== undefined) this.#parts.router.settled(decision, kind, durationMs)
    return kind === 'failure'
  }

  /** The attempt is over for us; whoever has a task for this slot may come: after a failure only some time later. */
  slotFreed({ instance, lane, hold }: Reservation, type: string, isFault: boolean): void {
    const { registry, dispatcher } = this.#parts
    hold?.end()
    if (isFault && registry.health.cooling.hold(instance.load, type, registry.lane(lane))) return
    instance.load.release()
    dispatcher.freed(instance)
  }

  #abandoned(run: Run): void {
    run.reservation.instance.load.abandon()
    this.stuck.set(run, run.reservation.instance.id)
    this.node.events.emit('task:stuck', this.#who(run))
    this.node.log.error(this.#who(run), 'a handler ignores its signal; its slot stays taken until it returns')
  }

  async #untilReturned(run: Run, returned: Promise<Late>): Promise<void> {
    const since = this.node.clock.monotonic()
    const outcome = await returned
    this.node.events.emit('task:late-result', { ...this.#who(run), outcome })
    this.stuck.delete(run)
    this.node.events.emit('task:unstuck', { ...this.#who(run), stuckMs: this.node.clock.monotonic() - since })
    run.reservation.hold?.end()
    run.reservation.instance.load.returned()
    this.#parts.dispatcher.freed(run.reservation.instance)
  }

  #who(run: Run): { taskId: string; attempt: number; agentId: string } {
    return { taskId: run.taskId, attempt: run.number, agentId: run.reservation.instance.id }
  }

  /** Cancels a task in any unfinished state; says whether it is cancelled now. */
  async cancel(entry: Entry, reason: string | undefined): Promise<boolean> {
    const token = this.node.newToken()
    const result = await changeTask(this.node, this.onChange, entry, (task) =>
      isTerminal(task.state) ? undefined : { after: cancelled(task, this.node.time.now(), token, reason) },
    )
    return result.change !== undefined
  }

  /** Ends the unfinished tasks of an ordering key that came before this one. */
  async interrupt(by: Entry, turnKey: string, seq: number): Promise<void> {
    const before = { prefix: [turnKey], upTo: [turnKey, seq - 1], limit: 1_000 }
    for (let isLast = false; !isLast; ) {
      const earlier = await this.node.query('task', 'turn', before)
      await Promise.all(earlier.map((entry) => this.cancel(entry, `interrupted by task ${by.id}`)))
      isLast = earlier.length < before.limit
    }
  }

  /** From now on no handler starts: this node goes. */
  close(): void {
    this.#isClosed = true
    this.#parts.dispatcher.parked.stop()
    this.releaseAll('this node has stopped')
  }

  /** Tells every handler to stop; their claims may still stand. */
  releaseAll(reason: string): void {
    const error = new DOMException(`Released: ${reason}.`, 'AbortError')
    for (const run of this.runs.values()) run.attempt.abort('released', error)
  }

  /**
   * A change is committed: those who wait are told, what became ready is offered, what is due later is noted. Every change
   * of an existing task comes through here, so that state and events can't disagree.
   */
  readonly onChange = (change: Change): void => {
    const { before, after, next, children } = change
    if (after.value.state === 'ready') this.ready([after])
    if (next !== undefined) this.ready([next])
    this.#noteTimes(after.value)
    for (const child of children) {
      if (child.value.state === 'ready') this.ready([child])
      this.#noteTimes(child.value)
    }
    if (isTerminal(after.value.state) && !isTerminal(before.value.state)) this.#ended(before, after)
    if (before.value.permitId !== undefined && after.value.permitId === undefined) {
      this.#parts.dispatcher.opened(this.#parts.permits.free(before.value.type, before.value.permitId))
      this.node.bus.publish({ type: 'permit', taskType: before.value.type })
    }
    this.#parts.polling.changed(after)
    announce(this.node.events, before.value, after.value)
    for (const child of children) this.node.events.emit('task:submitted', () => ({ task: taskOf(child.value) }))
  }

  /** Tasks have become ready: here, or hinted to others. */
  ready(entries: readonly Entry[]): void {
    if (entries.length === 0) return
    this.#parts.dispatcher.offer(entries)
    this.node.bus.publish(this.node.floors.made(entries))
  }

  /** A new task was stored. */
  submitted(entry: Entry): void {
    this.node.events.emit('task:submitted', () => ({ task: taskOf(entry.value) }))
    if (entry.value.state === 'ready') this.ready([entry])
    this.#noteTimes(entry.value)
  }

  #noteTimes(task: TaskRecord): void {
    if (task.state === 'scheduled' && task.runAt !== undefined) this.#parts.clockwork.wakeAt(task.runAt)
    if (task.expiresAt !== undefined && task.attempts.length === 0) this.#parts.clockwork.wakeAt(task.expiresAt)
    if (task.claimEndsAt !== undefined) this.#parts.clockwork.wakeAt(task.claimEndsAt)
  }

  #ended(before: Entry, after: Entry): void {
    if (after.value.state === 'cancelled' && before.value.state === 'running')
      this.#abortRun(after.id, after.value.cancelReason)
    this.#parts.waiters.ended(after.id, after.value)
    this.node.bus.publish({ type: 'settled', taskId: after.id })
  }

  #abortRun(taskId: string, reason: string | undefined): void {
    const run = this.runs.get(taskId)
    if (run !== undefined) run.cancel(reason)
    else this.node.bus.publish({ type: 'cancel', taskId, ...(reason === undefined ? undefined : { reason }) })
  }

  /** A hint is worth one look; when that fails, the next poll looks. */
  readonly #ledNowhere = (error: unknown) => this.node.log.debug({ error }, 'a hint led nowhere')

  /** A hint from another owner. */
  readonly onHint = (message: BusMessage): void => {
    switch (message.type) {
      case 'settled':
        if (this.#parts.waiters.has(message.taskId))
          void this.#parts.waiters.look([message.taskId]).catch(this.#ledNowhere)
        return
      case 'cancel':
        this.#parts.polling.cancelled(message.taskId)
        this.runs.get(message.taskId)?.cancel(message.reason)
        return
      case 'permit':
        if (this.#awaitedTypes.has(message.taskType)) void this.lookAgain().catch(this.#ledNowhere)
        return
      case 'owner':
        this.node.peers.onNews()
        return
      case 'ready':
        this.node.floors.heard(message)
        this.#parts.dispatcher.wake(message.lanes, true)
        return
      case 'progress':
        if (this.#parts.waiters.has(message.taskId)) announceProgress(this.node.events, message)
        return
      default:
        this.#parts.streams.onHint(message)
    }
  }

  /** Tasks that are held back: their permits may be free, their agents back. */
  async lookAgain(): Promise<void> {
    this.#parts.dispatcher.wake(await this.#parts.permits.refresh(this.#awaitedTypes))
    this.#parts.dispatcher.unpark()
  }

  /** The types whose permits are worth a look. */
  get #awaitedTypes(): Set<string> {
    return new Set([...this.#parts.permits.awaited, ...this.#parts.dispatcher.parked.types])
  }

  /** What storage says that this owner holds: a claim it doesn't know, or a cancel it hasn't heard of. */
  compare(held: Entry, takeBack: (entry: Entry) => void): void {
    const token = currentAttempt(held.value)?.token ?? ''
    const run = this.runs.get(held.id)
    if (isTerminal(held.value.state) && run?.token === token) {
      run.cancel(held.value.cancelReason)
    } else if (!this.#parts.dispatcher.claims.has(token) && !isOver(held.value)) takeBack(held)
  }
}
