/**
 * Process: one claimed attempt, from the committed claim to the outcome that is handed to settle.
 */
import { BatutaError } from '../errors/base-error.js'
import { toStoredError } from '../errors/stored-error.js'
import type { StagedSubmitOptions } from '../task/context.js'
import type { AnyTaskDefinition } from '../task/definition.js'
import { cloneJson, copyJson } from '../task/json-value.js'
import { isFallbackLane } from '../task/lane.js'
import type { Cost } from '../task/limits.js'
import { checkInput, checkOutput, checkPart } from '../task/schema-check.js'
import type { Outcome } from '../task/task-life-cycle.js'
import type { TaskRecord } from '../task/task-record.js'
import type { BoundHandler } from './agents/agent-instance.js'
import { Attempt, type AttemptEnd } from './attempt.js'
import type { Reservation } from './claim.js'
import { type ContextHooks, HandlerContext } from './handler/handler-context.js'
import type { HandlerScope } from './handler/handler-scope.js'
import { addedUp, isCost } from './limits/amount.js'
import type { Entry, NodeContext } from './node-context.js'
import type { Left } from './settle.js'
import type { OpenSession, SessionSupport } from './task-extension.js'

/** Parts kept for listeners that come later; a stream is live, not durable. */
const MAX_PARTS = 1_000

/** What a run needs from its coordinator. */
export interface RunHooks {
  readonly sessions: SessionSupport | undefined
  readonly scope: HandlerScope | undefined
  /** Whether this owner's heartbeats are acknowledged in time. */
  isOwnerAlive(): boolean
  definition(type: string): AnyTaskDefinition | undefined
  /** Makes the record of a staged task; checks input and options. */
  stage(
    parent: TaskRecord,
    definition: AnyTaskDefinition,
    input: unknown,
    options: StagedSubmitOptions | undefined,
  ): TaskRecord
  onProgress(run: Run, fraction: number | undefined, note: string | undefined): void
  onPart(run: Run, index: number, part: unknown): void
}

/** One claimed attempt on this node. */
export class Run implements ContextHooks {
  readonly attempt: Attempt
  /** What the handler wrote so far; the first ones are dropped when there are too many. */
  readonly parts: unknown[] = []
  droppedParts = 0
  /** What the handler says that it has cost. */
  spent: Cost | undefined
  readonly #handler: BoundHandler | undefined
  readonly #definition: AnyTaskDefinition | undefined
  readonly #children: TaskRecord[] = []
  #session: OpenSession | undefined
  #isOpen = true

  constructor(
    readonly entry: Entry,
    readonly reservation: Reservation,
    private readonly node: NodeContext,
    private readonly hooks: RunHooks,
  ) {
    const task = entry.value
    this.#definition = hooks.definition(task.type)
    this.#handler = this.#bind(task)
    this.attempt = new Attempt(node.clock, {
      timeoutMs: task.timeoutMs ?? this.#definition?.options.timeoutMs ?? node.settings.taskTimeoutMs,
      stallAfterMs: this.#definition?.options.stallAfterMs,
      abandonAfterMs: node.settings.abandonAfterMs,
      retryIf: retryIfOf(this.#definition),
      number: this.number,
    })
  }

  get taskId(): string {
    return this.entry.id
  }

  get token(): string {
    return this.reservation.token
  }

  get number(): number {
    return this.entry.value.attempts[this.entry.value.attempts.length - 1]?.number ?? 1
  }

  get definition(): AnyTaskDefinition | undefined {
    return this.#definition
  }

  /** Runs the handler once, within its limits. Never rejects. */
  run(): Promise<AttemptEnd> {
    return this.attempt.run(() => this.#work())
  }

  /** What is to be settled: a promise only for a session, whose changes have to be put together. Never rejects. */
  result({ outcome }: AttemptEnd): Left | Promise<Left> {
    this.#isOpen = false
    if (outcome.type !== 'success') return { outcome }
    const session = this.#session
    try {
      const output = this.#checked(outcome.output)
      const finished: Outcome = { type: 'success', output }
      if (session === undefined) return { outcome: finished, children: this.#children }
      return session
        .contributions(output)
        .then((contributions) => ({ outcome: finished, children: this.#children, contributions }), failed)
    } catch (error) {
      return failed(error)
    }
  }

  /** Only a task with a session has anything to wait for before its handler. */
  #work(): unknown {
    const task = this.entry.value
    const handler = this.#handler
    if (handler === undefined) throw noHandler(task, this.reservation.instance.id)
    const { sessions } = this.hooks
    if (task.sessionId === undefined || sessions === undefined) return this.#call(handler, task)
    return sessions.open(task).then((session) => {
      this.#session = session
      return this.#call(handler, task)
    })
  }

  #call(handler: BoundHandler, task: TaskRecord): unknown {
    const { hold } = this.reservation
    if (hold?.mayStart === false) this.attempt.abort('released', new Error('Its permit ended before it began.'))
    // So late that others may have taken it back by now: the claim, or its session, was long in coming, or this process stood still.
    if (!this.hooks.isOwnerAlive()) this.attempt.abort('released', new Error('No heartbeat was acknowledged for long.'))
    const reason = this.attempt.abortKind
    // Cancelled or released before it began: the handler is not started at all.
    if (reason !== undefined) throw new BatutaError('ATTEMPT_RELEASED', 'Ended before it began.', { data: { reason } })
    // A copy, since a handler may change what it gets, and the next attempt must not see that.
    const sent = cloneJson(task.input)
    const input = this.#definition === undefined ? sent : checkInput(this.#definition, sent)
    const context = this.#context(task)
    const { scope } = this.hooks
    hold?.started()
    if (scope === undefined) return handler.run(input, context)
    return scope.run(this.reservation.instance.id, () => handler.run(input, context))
  }

  /** A copy of what was returned, if it fits the schema and is JSON: all is checked before anything is written. */
  #checked(returned: unknown): unknown {
    if (this.#definition !== undefined) checkOutput(this.#definition, returned)
    return copyJson(returned, { maxBytes: this.node.settings.maxPayloadBytes, what: 'result' }).value
  }

  #bind(task: TaskRecord): BoundHandler | undefined {
    const fallback = this.#definition?.options.fallback
    if (!isFallbackLane(task.lane)) return this.reservation.instance.handlerFor(task.type)
    if (fallback === undefined) return undefined
    const error = task.error
    return {
      definition: this.#definition,
      run: (input, ctx) => fallback(input, Object.defineProperty(ctx, 'error', { value: error }) as never),
    }
  }

  #context(task: TaskRecord): HandlerContext {
    const limitMs = task.timeoutMs ?? this.#definition?.options.timeoutMs ?? this.node.settings.taskTimeoutMs
    return new HandlerContext({
      record: task,
      instance: this.reservation.instance,
      attempt: this.attempt,
      number: this.number,
      deadlineAt: this.node.clock.now() + limitMs,
      session: this.#session,
      hooks: this,
      log: this.node.log,
    })
  }

  /** Its task was cancelled. */
  cancel(reason: string | undefined): void {
    this.attempt.abort('cancel', new DOMException(reason ?? 'The task was cancelled.', 'AbortError'))
  }

  /** What the handler says through its context. After its end it says it to nobody. */
  progress(fraction: number | undefined, note: string | undefined): void {
    if (!this.#isOpen) return
    this.attempt.touch()
    this.hooks.onProgress(this, fraction, note)
  }

  write(part: unknown): void {
    if (!this.#isOpen) return
    this.attempt.touch()
    this.#keep(part)
  }

  cost(spent: Cost): void {
    if (isCost(spent)) {
      this.spent = addedUp(this.spent, spent)
      this.reservation.hold?.charge(this.spent)
    } else this.node.log.warn({ taskId: this.taskId, spent }, 'what a handler reported is no cost')
  }

  stage(definition: AnyTaskDefinition, input: unknown, options: StagedSubmitOptions | undefined): string {
    const child = this.hooks.stage(this.entry.value, definition, input, options)
    // After the handler's end nothing is staged any more; the id then leads nowhere, as documented.
    if (this.#isOpen) this.#children.push(child)
    return child.id
  }

  /** A part that its schema refuses, or that is no JSON, is dropped and logged: writing never throws. */
  #keep(part: unknown): void {
    try {
      if (this.#definition !== undefined) checkPart(this.#definition, part)
      const { value } = copyJson(part, { maxBytes: this.node.settings.maxPayloadBytes, what: 'part' })
      this.parts.push(value)
      if (this.parts.length > MAX_PARTS) {
        this.parts.shift()
        this.droppedParts++
      }
      this.hooks.onPart(this, this.droppedParts + this.parts.length - 1, value)
    } catch (error) {
      this.node.log.warn({ taskId: this.taskId, error }, 'a part of a stream was dropped')
    }
  }
}

function failed(error: unknown): Left {
  return { outcome: { type: 'failure', error: toStoredError(error), retryable: true } }
}

function retryIfOf(
  definition: AnyTaskDefinition | undefined,
): ((error: unknown, attempt: number) => boolean) | undefined {
  const retry = definition?.options.retry
  return retry === undefined || retry === false ? undefined : retry.retryIf
}

function noHandler(task: TaskRecord, agentId: string): BatutaError<'TASK_TYPE_UNKNOWN'> {
  return new BatutaError('TASK_TYPE_UNKNOWN', `Agent "${agentId}" has no handler for tasks of type "${task.type}".`, {
    data: { taskType: task.type },
    fix: 'Give it one, or name other fallback agents.',
  })
}
