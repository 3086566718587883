import { BatutaError } from '../../errors/base-error.js'
import type { Logger } from '../../internal/logger.js'
import type { StagedSubmitOptions, TaskContext, TaskSession } from '../../task/context.js'
import type { AnyTaskDefinition } from '../../task/definition.js'
import type { Cost } from '../../task/limits.js'
import { type Task, taskOf } from '../../task/task.js'
import type { TaskRecord } from '../../task/task-record.js'
import type { AgentInstance } from '../agents/agent-instance.js'
import type { Attempt } from '../attempt.js'
import type { OpenSession } from '../task-extension.js'

/** What a context reports to whoever runs the attempt. */
export interface ContextHooks {
  progress(fraction: number | undefined, note: string | undefined): void
  write(part: unknown): void
  cost(spent: Cost): void
  /** Stages a task; answers its id. */
  stage(definition: AnyTaskDefinition, input: unknown, options: StagedSubmitOptions | undefined): string
}

/** What a handler gets besides its input. What costs something to make is made when first asked for. */
export class HandlerContext implements TaskContext<unknown> {
  readonly attempt: number
  readonly idempotencyKey: string
  readonly agent: { readonly id: string; readonly name: string }
  readonly #record: TaskRecord
  readonly #attempt: Attempt
  readonly #session: OpenSession | undefined
  readonly #hooks: ContextHooks
  readonly #log: Logger
  readonly #deadlineAt: number
  #task: Task | undefined
  #fields: Logger | undefined

  constructor(options: {
    readonly record: TaskRecord
    readonly instance: AgentInstance
    readonly attempt: Attempt
    readonly number: number
    readonly deadlineAt: number
    readonly session: OpenSession | undefined
    readonly hooks: ContextHooks
    readonly log: Logger
  }) {
    this.#record = options.record
    this.#attempt = options.attempt
    this.#session = options.session
    this.#hooks = options.hooks
    this.#log = options.log
    this.attempt = options.number
    this.#deadlineAt = options.deadlineAt
    this.idempotencyKey = options.record.idempotencyKey ?? options.record.id
    this.agent = { id: options.instance.id, name: options.instance.name }
  }

  get signal(): AbortSignal {
    return this.#attempt.signal
  }

  get deadline(): Date {
    return new Date(this.#deadlineAt)
  }

  get task(): Task {
    this.#task ??= taskOf(this.#record)
    return this.#task
  }

  get log(): Logger {
    this.#fields ??= withFields(this.#log, { taskId: this.#record.id, agentId: this.agent.id, attempt: this.attempt })
    return this.#fields
  }

  get session(): TaskSession {
    if (this.#session !== undefined) return this.#session.session
    throw new BatutaError('NO_SESSION', `Task ${this.#record.id} belongs to no session.`, {
      data: { taskId: this.#record.id },
      fix: 'Submit it with a sessionId, or through processMessage.',
    })
  }

  // Each is bound, so that handlers may take them apart: `({ progress, write })`.
  get progress() {
    return (fraction?: number, note?: string): void => this.#hooks.progress(fraction, note)
  }

  get write() {
    return (part: unknown): void => this.#hooks.write(part)
  }

  get cost() {
    return (spent: Cost): void => this.#hooks.cost(spent)
  }

  get submit() {
    return (definition: AnyTaskDefinition, input?: unknown, options?: StagedSubmitOptions): string =>
      this.#hooks.stage(definition, input, options)
  }
}

/** A logger that adds fields to every line. */
function withFields(log: Logger, fields: object): Logger {
  return {
    debug: (more, message) => log.debug({ ...fields, ...more }, message),
    info: (more, message) => log.info({ ...fields, ...more }, message),
    warn: (more, message) => log.warn({ ...fields, ...more }, message),
    error: (more, message) => log.error({ ...fields, ...more }, message),
  }
}
