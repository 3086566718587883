import { BatutaError } from '../../errors/base-error.js'
import { isTaskDefinition } from '../../task/check-task.js'
import type { AnyTaskDefinition } from '../../task/definition.js'
import type { AdHocTask, SubmitOptions, WaitOptions } from '../../task/submit-options.js'
import { type Task, taskOf } from '../../task/task.js'
import type { TaskRecord } from '../../task/task-record.js'
import { isTerminal } from '../../task/task-status.js'
import type { QueueBounds } from '../limits/queue-bounds.js'
import type { Entry, NodeContext } from '../node-context.js'
import type { NodeParts } from '../node-parts.js'
import { type Submission, type Submitted, submitTask } from '../submit.js'
import { explainTask } from '../views/explain.js'
import type { Explanation } from '../views/explain-types.js'
import { failedTasks, listTasks } from '../views/listing.js'
import type { ListFilter, ListPage, RedriveFilter, RedriveOptions, RedriveResult } from '../views/listing-types.js'
import type { SubmitApi, SubmitManyOptions } from './api-types.js'
import { checkInputs, checkReason, checkRedriveOptions } from './check-calls.js'
import type { AnyOutput, RunResult, TaskHandle } from './handle-types.js'
import type { Request } from './requests.js'
import { streamOf } from './streams.js'
import { type HandleHooks, resultOf, StoredTaskHandle } from './task-handle.js'
import { notFound } from './waiters.js'

/** What the desk must know of the coordinator that it belongs to. */
export interface TaskDeskHooks {
  /** @throws NOT_RUNNING. */
  checkRunning(): void
  mayClaim(): boolean
}

/** Tasks as callers see them: put in, found again, waited for, explained, made anew. */
export class TaskDesk implements SubmitApi {
  readonly #node: NodeContext
  readonly #parts: NodeParts
  readonly #hooks: TaskDeskHooks

  constructor(node: NodeContext, parts: NodeParts, hooks: TaskDeskHooks) {
    this.#node = node
    this.#parts = parts
    this.#hooks = hooks
  }

  readonly submit: SubmitApi['submit'] = async (
    definition: AnyTaskDefinition | AdHocTask,
    input?: unknown,
    options?: SubmitOptions,
  ): Promise<TaskHandle<AnyOutput, AnyOutput>> => {
    this.#hooks.checkRunning()
    const request = this.#request(definition, input, options, 'submit')
    return this.#handle((await this.#store(request)).entry, request.definition)
  }

  readonly run: SubmitApi['run'] = async (
    definition: AnyTaskDefinition | (AdHocTask & WaitOptions),
    input?: unknown,
    options?: SubmitOptions & WaitOptions,
  ): Promise<RunResult<AnyOutput>> => {
    this.#hooks.checkRunning()
    this.#parts.scope?.waits()
    const request = this.#request(definition, input, options, 'run')
    const { waitMs, signal } = (isDefinition(definition) ? options : definition) ?? {}
    const { entry } = await this.#store(request)
    const task = await this.#wait(entry, { waitMs, signal })
    return new StoredRunResult(resultOf(task, request.definition), task, () => this.#explain(entry.id))
  }

  readonly submitMany: SubmitApi['submitMany'] = async (
    definition: AnyTaskDefinition,
    inputs: readonly unknown[],
    options?: SubmitManyOptions<unknown>,
  ): Promise<TaskHandle<AnyOutput, AnyOutput>[]> => {
    this.#hooks.checkRunning()
    checkInputs(inputs)
    // All are checked before any is written.
    const requests = inputs.map((input, index) => {
      const own = typeof options === 'function' ? options(input, index) : options
      return this.#parts.requests.typed(definition, input, own, 'submit', index)
    })
    const admitted = this.#node.bounds === undefined ? requests : await this.#admitted(requests, this.#node.bounds)
    const stored = await Promise.all(admitted.map((request) => this.#store(request)))
    return stored.map(({ entry }) => this.#handle(entry, definition))
  }

  readonly getTask: SubmitApi['getTask'] = async (
    id: string,
    definition?: AnyTaskDefinition,
  ): Promise<TaskHandle<AnyOutput, AnyOutput> | undefined> => {
    this.#hooks.checkRunning()
    const entry = await this.#node.read('task', id, this.#node.settings.storageWaitMs)
    if (entry === undefined) return undefined
    const { type } = entry.value
    if (definition !== undefined && definition.type !== type) {
      throw new BatutaError('TASK_TYPE_MISMATCH', `Task ${id} is of type "${type}", not "${definition.type}".`, {
        data: { taskId: id, expected: definition.type, found: type },
        fix: 'Ask with the definition of its type, or without one.',
      })
    }
    return this.#handle(entry, definition ?? this.#parts.registry.definition(type))
  }

  async listTasks(filter?: ListFilter): Promise<ListPage> {
    this.#hooks.checkRunning()
    return listTasks(this.#node, filter)
  }

  async redrive(filter: RedriveFilter, options: RedriveOptions = {}): Promise<RedriveResult> {
    this.#hooks.checkRunning()
    checkRedriveOptions(options)
    const dryRun = options.dryRun ?? false
    const { entries, more } = await failedTasks(this.#node, filter)
    const tasks = await Promise.all(
      entries.map(async ({ id, value }) => {
        if (dryRun) return { from: id, type: value.type }
        const { entry } = await this.#submitted({ spec: redriveOf(value), bytes: 512, whenBusy: 'enqueue' })
        this.#node.events.emit('task:redriven', () => ({ task: taskOf(entry.value), from: id }))
        return { from: id, to: entry.id, type: value.type }
      }),
    )
    return { dryRun, tasks, more }
  }

  async cancel(taskId: string, reason?: string): Promise<boolean> {
    this.#hooks.checkRunning()
    checkReason(reason, this.#node.settings.maxPayloadBytes)
    return this.#parts.flow.cancel(await this.#require(taskId), reason)
  }

  /** @throws NOT_RUNNING. */
  checkRunning(): void {
    this.#hooks.checkRunning()
  }

  /** @internal Stores a task that a layer above has put together. */
  async submitted(submission: Submission): Promise<Submitted> {
    this.#hooks.checkRunning()
    return this.#submitted(submission)
  }

  /** @internal Waits for a task to end. */
  ended(entry: Entry, options: WaitOptions = {}): Promise<TaskRecord> {
    return this.#wait(entry, options)
  }

  #request(
    definition: AnyTaskDefinition | (AdHocTask & WaitOptions),
    input: unknown,
    options: (SubmitOptions & WaitOptions) | undefined,
    call: 'submit' | 'run',
  ): Request {
    return isDefinition(definition)
      ? this.#parts.requests.typed(definition, input, options, call)
      : this.#parts.requests.adHoc(definition, call, input === undefined ? options : input)
  }

  /** All of them may wait. @throws QUEUE_FULL: none of them. */
  async #admitted(requests: readonly Request[], bounds: QueueBounds): Promise<Request[]> {
    const specs = requests.map(({ submission }) => submission.spec)
    await bounds.admit(specs, this.#node.time.now())
    return requests.map((request) => ({ ...request, submission: { ...request.submission, isAdmitted: true } }))
  }

  #store({ submission }: Request): Promise<Submitted> {
    // An interrupt has a second half; whatever else was asked for is done when it is stored.
    if (submission.whenBusy === 'interrupt') return this.#submitted(submission)
    return submitTask(this.#node, this.#parts.dispatcher, submission, this.#parts.flow)
  }

  async #submitted(submission: Submission): Promise<Submitted> {
    const { flow, dispatcher } = this.#parts
    const submitted = await submitTask(this.#node, dispatcher, submission, flow)
    const { entry } = submitted
    // Also for a repeated submit: the first one may have died between its two halves.
    const { turnKey, seq } = entry.value
    if (submission.whenBusy === 'interrupt' && turnKey !== undefined && seq !== undefined)
      await flow.interrupt(entry, turnKey, seq)
    return submitted
  }

  #handle(entry: Entry, definition: AnyTaskDefinition | undefined): TaskHandle<AnyOutput, AnyOutput> {
    return new StoredTaskHandle(entry.id, entry.value.type, definition, this.#handleHooks)
  }

  readonly #handleHooks: HandleHooks = {
    wait: (taskId, options) => this.#waitFor(taskId, options),
    read: async (taskId) => (await this.#require(taskId)).value,
    explain: (taskId) => this.#explain(taskId),
    cancel: (taskId, reason) => this.cancel(taskId, reason),
    stream: (taskId, ended) => streamOf(this.#parts.streams, taskId, this.#parts.flow.runs.get(taskId), ended),
  }

  /**
   * Listens before it looks, so that an end in between is not missed; what runs here will be heard of without a look. A
   * storage that is away is waited for.
   */
  #waitFor(taskId: string, options: WaitOptions = {}): Promise<TaskRecord> {
    const ended = this.#parts.waiters.wait(taskId, options)
    if (!this.#parts.flow.runs.has(taskId)) this.#parts.waiters.lookSoon(taskId)
    return ended
  }

  async #wait(entry: Entry, options: WaitOptions = {}): Promise<TaskRecord> {
    if (isTerminal(entry.value.state)) return entry.value
    return this.#parts.waiters.wait(entry.id, options)
  }

  async #explain(taskId: string): Promise<Explanation> {
    const { registry, limits, permits, dispatcher, router, retries } = this.#parts
    const view = {
      node: this.#node,
      registry,
      limits,
      decisions: (task: string) => router.decisions.find({ task }),
      mayClaim: this.#hooks.mayClaim(),
      isParked: (id: string) => dispatcher.parked.has(id),
      isSpent: (type: string) => permits.isSpent(type),
      putOff: (id: string, until: number | undefined) => retries.reasonFor(id, until),
      strategy: router.strategy,
    }
    return explainTask(view, await this.#require(taskId))
  }

  async #require(taskId: string): Promise<Entry> {
    const entry = await this.#node.read('task', taskId, this.#node.settings.storageWaitMs)
    if (entry === undefined) throw notFound(taskId)
    return entry
  }
}

function isDefinition(value: AnyTaskDefinition | AdHocTask): value is AnyTaskDefinition {
  return isTaskDefinition(value)
}

/** A new task like a failed one. Its idempotency key stays with the old one. */
function redriveOf(task: TaskRecord) {
  const { id, idempotencyKey: _key, runAt: _runAt, expiresAt: _expiresAt, ...rest } = task
  return { ...rest, input: task.input, redriveOf: id }
}

/** What `run` gives. The copy of the task is made when it is asked for: most callers want the output. */
class StoredRunResult implements RunResult<AnyOutput> {
  readonly output: AnyOutput
  readonly explain: () => Promise<Explanation>
  readonly #record: TaskRecord
  #task: Task | undefined

  constructor(output: AnyOutput, record: TaskRecord, explain: () => Promise<Explanation>) {
    this.output = output
    this.explain = explain
    this.#record = record
  }

  get task(): Task {
    this.#task ??= taskOf(this.#record)
    return this.#task
  }
}
