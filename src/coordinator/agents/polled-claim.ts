import { BatutaError, isBatutaError } from '../../errors/base-error.js'
import { isNonRetryable, retryAfterOf } from '../../errors/retry-errors.js'
import { toStoredError } from '../../errors/stored-error.js'
import type { Timer } from '../../internal/clock.js'
import type { AnyTaskDefinition, TaskDefinition } from '../../task/definition.js'
import { copyJson } from '../../task/json-value.js'
import type { Cost } from '../../task/limits.js'
import { checkOutput } from '../../task/schema-check.js'
import { type Task, taskOf } from '../../task/task.js'
import { extended, holdsClaim, type Outcome } from '../../task/task-life-cycle.js'
import { checkFailOptions } from '../callers/check-calls.js'
import { changeTask, type OnChange } from '../change-task.js'
import type { Reservation } from '../claim.js'
import { addedUp, isCost } from '../limits/amount.js'
import type { Entry, NodeContext } from '../node-context.js'
import { Settlement, settle } from '../settle.js'
import type { SessionSupport } from '../task-extension.js'
import type { AnyClaim, Claim, FailOptions } from './claim-types.js'

/** What a claim needs from its coordinator. */
export interface PolledClaimHooks {
  readonly onChange: OnChange
  readonly sessions: SessionSupport | undefined
  /** The claim has ended, one way or another: its slot is free. */
  over(claim: PolledClaim, outcome?: Outcome): void
}

/** The right to settle one attempt, in the hands of an agent that polls. It ends by the clock unless extended. */
export class PolledClaim implements AnyClaim {
  input: unknown
  readonly task: Task
  readonly #controller = new AbortController()
  #entry: Entry
  #endsAt: number
  #timer: Timer | undefined
  #isOver = false
  #spent: Cost | undefined

  constructor(
    entry: Entry,
    readonly reservation: Reservation,
    private readonly definition: AnyTaskDefinition | undefined,
    private readonly node: NodeContext,
    private readonly hooks: PolledClaimHooks,
  ) {
    this.#entry = entry
    this.task = taskOf(entry.value)
    this.#endsAt = entry.value.claimEndsAt ?? 0
    this.#arm()
  }

  get taskId(): string {
    return this.task.id
  }

  get type(): string {
    return this.task.type
  }

  get token(): string {
    return this.reservation.token
  }

  get attempt(): number {
    return this.task.attempts[this.task.attempts.length - 1]?.number ?? 1
  }

  get idempotencyKey(): string {
    return this.task.idempotencyKey ?? this.task.id
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get expiresAt(): Date {
    return new Date(this.#endsAt)
  }

  is<P, R>(definition: TaskDefinition<never, unknown, unknown, P, R, never>): this is Claim<P, R> {
    return definition.type === this.type
  }

  /** A result that its schema refuses, or that is no JSON, leaves the claim as it is. */
  async complete(result?: unknown): Promise<void> {
    this.#checkOpen()
    if (this.definition !== undefined) checkOutput(this.definition, result)
    const output = copyJson(result, { maxBytes: this.node.settings.maxPayloadBytes, what: 'result' }).value
    await this.#settle({ type: 'success', output })
  }

  async fail(error: unknown, options: FailOptions = {}): Promise<void> {
    this.#checkOpen()
    checkFailOptions(options)
    await this.#settle({
      type: 'failure',
      error: toStoredError(error),
      retryable: options.retryable ?? this.#isRetryable(error),
      retryAfterMs: retryAfterOf(error, this.node.clock.now()),
      final: isBatutaError(error, 'INPUT_INVALID'),
    })
  }

  cost(spent: Cost): void {
    if (isCost(spent)) {
      this.#spent = addedUp(this.#spent, spent)
      this.reservation.hold?.charge(this.#spent)
    } else this.node.log.warn({ taskId: this.taskId, spent }, 'what an agent reported is no cost')
  }

  async extend(ms: number): Promise<Date> {
    this.#checkOpen()
    if (!Number.isFinite(ms) || ms <= 0) {
      const issues = [{ path: ['ms'], message: `must be a number of milliseconds above 0, not ${String(ms)}` }]
      throw new BatutaError('OPTIONS_INVALID', `extend: ms ${issues[0]?.message}.`, { data: { issues } })
    }
    const endsAt = this.node.time.now() + ms
    const result = await changeTask(this.node, this.hooks.onChange, this.#entry, (task) =>
      holdsClaim(task, this.token) && task.claimEndsAt !== endsAt ? { after: extended(task, endsAt) } : undefined,
    )
    const stands = result.change === undefined ? result.stands : result.change.after
    if (stands === undefined || !holdsClaim(stands.value, this.token)) throw this.#lost()
    this.#entry = stands
    this.#endsAt = endsAt
    this.#arm()
    return this.expiresAt
  }

  /** Nobody is there to take it: the task goes back to its place. */
  async giveBack(): Promise<void> {
    const error = {
      name: 'BatutaError',
      code: 'ATTEMPT_RELEASED',
      message: 'Nobody was waiting for the claim any more.',
    }
    await this.#settle({ type: 'released', error })
  }

  /** The claim no longer stands. */
  lose(): void {
    if (!this.#close()) return
    this.hooks.over(this)
    this.#controller.abort(this.#lost())
  }

  async #settle(outcome: Outcome): Promise<void> {
    const session = await this.#session(outcome)
    const left = { outcome, contributions: session }
    const settlement = new Settlement(this.node, this.token, this.definition, left, this.#spent)
    // Closed before the commit is announced, so that the announcement isn't taken for a loss.
    const isMine = this.#close()
    try {
      const result = await settle(this.node, this.hooks.onChange, this.#entry, settlement)
      if (!isMine || (result.change === undefined && settlement.isLate)) throw this.#lost()
    } finally {
      if (isMine) this.hooks.over(this, outcome)
    }
  }

  async #session(outcome: Outcome) {
    const { sessionId } = this.#entry.value
    if (outcome.type !== 'success' || sessionId === undefined || this.hooks.sessions === undefined) return undefined
    return (await this.hooks.sessions.open(this.#entry.value)).contributions(outcome.output)
  }

  #isRetryable(error: unknown): boolean {
    if (isNonRetryable(error)) return false
    const retry = this.definition?.options.retry
    try {
      return (retry === false ? undefined : retry?.retryIf)?.(error, this.attempt) ?? true
    } catch {
      return true
    }
  }

  #arm(): void {
    this.#timer?.cancel()
    // It may have been handed in while its extension was under way.
    if (this.#isOver) return
    this.#timer = this.node.clock.setTimer(() => this.lose(), this.#endsAt - this.node.time.now())
  }

  /** `false` when it was closed before. */
  #close(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#timer?.cancel()
    return true
  }

  #checkOpen(): void {
    if (this.#isOver) throw this.#lost()
  }

  #lost(): BatutaError<'CLAIM_LOST'> {
    const data = { taskId: this.taskId, attempt: this.attempt }
    return new BatutaError('CLAIM_LOST', `The claim of attempt ${this.attempt} of task ${this.taskId} has ended.`, {
      data,
      fix: 'Drop the result; extend claims that need longer than the lease.',
    })
  }
}
