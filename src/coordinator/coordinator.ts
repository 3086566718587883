import type { Bus } from '../bus/bus.js'
import type { Engine } from '../engine/engine.js'
import { BatutaError, isBatutaError } from '../errors/base-error.js'
import type { Clock, Timer } from '../internal/clock.js'
import { guardedLogger, type Logger } from '../internal/logger.js'
import type { Random } from '../internal/random.js'
import type { Router } from '../router/router.js'
import { SCHEMA } from '../storage/records.js'
import type { Storage } from '../storage/storage.js'
import type { AgentDefinition, AgentSnapshot } from '../task/agent.js'
import type { AnyTaskDefinition } from '../task/definition.js'
import type { EventListener, EventPattern } from '../task/events.js'
import type { AdHocTask, SubmitOptions, WaitOptions } from '../task/submit-options.js'
import { taskOf } from '../task/task.js'
import type { TaskRecord } from '../task/task-record.js'
import { isTerminal } from '../task/task-status.js'
import type { AgentInstance } from './agent-instance.js'
import type { CoordinatorApi, GraceOptions, ShutdownReport, SubmitApi, SubmitManyOptions } from './api-types.js'
import type { AnyClaim, ClaimOptions } from './claim-types.js'
import { CountedStorage } from './counted-storage.js'
import type { CoordinatorSettings } from './coordinator-settings.js'
import { engineHost } from './dispatcher.js'
import { EventHub } from './event-hub.js'
import { explainTask } from './explain.js'
import type { Explanation } from './explain-types.js'
import type { AnyOutput, RunResult, TaskHandle } from './handle-types.js'
import { failedTasks, listTasks } from './listing.js'
import type { ListFilter, ListPage, RedriveFilter, RedriveOptions, RedriveResult } from './listing-types.js'
import { type Entry, NodeContext } from './node-context.js'
import { type NodeParts, wire } from './node-parts.js'
import { readReady } from './ready-query.js'
import type { Request } from './requests.js'
import type { Health, RunState } from './status-types.js'
import { streamOf } from './streams.js'
import { type Submission, type Submitted, submitTask } from './submit.js'
import type { SessionSupport } from './task-extension.js'
import { type HandleHooks, resultOf, StoredTaskHandle } from './task-handle.js'
import { notFound } from './waiters.js'

/** What a coordinator is made of. */
export interface CoordinatorDeps {
  readonly settings: CoordinatorSettings
  readonly storage: Storage
  readonly engine: Engine
  readonly bus: Bus
  readonly router: Router
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** How tasks get at their sessions; without it `ctx.session` is NO_SESSION. */
  readonly sessions?: ((node: NodeContext) => SessionSupport) | undefined
}

/**
 * Keeps the agents and the life of every task: submit, dispatch, claim, run, settle, recover. The path of a task reads
 * top to bottom in this folder: submit, dispatcher, run, settle, change-task.
 */
export class Coordinator implements CoordinatorApi {
  readonly #node: NodeContext
  readonly #deps: CoordinatorDeps
  readonly #parts: NodeParts
  readonly #storage: CountedStorage
  #state: RunState = 'new'
  #stopping: Promise<ShutdownReport> | undefined
  #pollTimer: Timer | undefined
  #unsubscribe: () => void = () => {}

  constructor(deps: CoordinatorDeps) {
    this.#deps = deps
    const logger = guardedLogger(deps.logger)
    const events = new EventHub(deps.clock, logger)
    this.#storage = new CountedStorage(deps.storage, deps.clock)
    this.#node = new NodeContext(deps.settings, this.#storage, deps.clock, deps.random, events, logger)
    this.#parts = wire(this.#node, deps, () => this.#mayClaim())
  }

  /** @internal What the layers above build on. */
  get node(): NodeContext {
    return this.#node
  }

  /** @internal */
  get parts(): NodeParts {
    return this.#parts
  }

  /** @internal */
  get engineName(): string {
    return this.#deps.engine.name
  }

  get state(): RunState {
    return this.#state
  }

  /** Opens the storage, makes this owner known, and begins to recover and to work. */
  async start(): Promise<void> {
    if (this.#state !== 'new') throw this.#notRunning('start() was called before.')
    this.#state = 'starting'
    const { engine, bus } = this.#deps
    try {
      const { now } = await this.#storage.open(SCHEMA)
      this.#node.time.observe(now)
      await this.#parts.owner.start()
      this.#unsubscribe = bus.subscribe(this.#parts.flow.onHint)
      await engine.start(
        engineHost(
          this.#node,
          () => this.#parts.dispatcher,
          (lane, limit) => readReady(this.#node, lane, limit),
        ),
      )
    } catch (error) {
      await this.#letGo()
      throw error
    }
    this.#state = 'running'
    await this.#parts.desk.publishAll()
    this.#parts.recovery.start()
    this.#parts.clockwork.start()
    this.#parts.purge.start()
    await this.#poll()
  }

  stop(options: GraceOptions = {}): Promise<ShutdownReport> {
    this.#stopping ??= this.#stop(options.graceMs ?? 10_000)
    return this.#stopping
  }

  registerAgent(agent: AgentDefinition): void {
    this.#parts.desk.register(agent, this.#state === 'running')
  }

  unregisterAgent(agentId: string, options: GraceOptions = {}): Promise<void> {
    return this.#parts.desk.unregister(agentId, options.graceMs ?? 10_000)
  }

  /** Gives it no new tasks until `resume`; running ones go on. @throws AGENT_NOT_FOUND. */
  pause(agentId: string): void {
    this.#parts.desk.pause(agentId, true)
  }

  /** @throws AGENT_NOT_FOUND. */
  resume(agentId: string): void {
    this.#parts.desk.pause(agentId, false)
  }

  /** Gives it no new tasks, and waits for those it has. @throws AGENT_NOT_FOUND. */
  drain(agentId: string): Promise<void> {
    return this.#parts.desk.drain(agentId)
  }

  /** Makes a definition known that no agent here handles. @throws DUPLICATE_ID, DEFINITION_INVALID, OPTIONS_INVALID. */
  define(definition: AnyTaskDefinition): void {
    this.#parts.registry.define(definition)
  }

  agents(): AgentSnapshot[] {
    return [...this.#parts.registry.agents].map((agent) => this.#parts.desk.snapshot(agent))
  }

  heartbeat(agentId: string): void {
    this.#parts.desk.heartbeat(this.#parts.registry.require(agentId))
  }

  async claimTasks(agentId: string, options: ClaimOptions = {}): Promise<AnyClaim[]> {
    this.#checkRunning()
    const instance: AgentInstance = this.#parts.registry.require(agentId)
    this.#parts.desk.heartbeat(instance)
    return this.#parts.polling.claim(instance, options, () => this.#parts.dispatcher.wake(instance.lanes))
  }

  readonly submit: SubmitApi['submit'] = async (
    definition: AnyTaskDefinition | AdHocTask,
    input?: unknown,
    options?: SubmitOptions,
  ): Promise<TaskHandle<AnyOutput, AnyOutput>> => {
    this.#checkRunning()
    const request = this.#request(definition, input, options, 'submit')
    return this.#handle((await this.#store(request)).entry, request.definition)
  }

  readonly run: SubmitApi['run'] = async (
    definition: AnyTaskDefinition | (AdHocTask & WaitOptions),
    input?: unknown,
    options?: SubmitOptions & WaitOptions,
  ): Promise<RunResult<AnyOutput>> => {
    this.#checkRunning()
    const request = this.#request(definition, input, options, 'run')
    const { waitMs, signal } = (isDefinition(definition) ? options : definition) ?? {}
    const { entry } = await this.#store(request)
    const task = await this.#wait(entry, { waitMs, signal })
    return { output: resultOf(task, request.definition), task: taskOf(task), explain: () => this.#explain(entry.id) }
  }

  readonly submitMany: SubmitApi['submitMany'] = async (
    definition: AnyTaskDefinition,
    inputs: readonly unknown[],
    options?: SubmitManyOptions<unknown>,
  ): Promise<TaskHandle<AnyOutput, AnyOutput>[]> => {
    this.#checkRunning()
    // All are checked before any is written.
    const requests = inputs.map((input, index) => {
      const own = typeof options === 'function' ? options(input, index) : options
      return this.#parts.requests.typed(definition, input, own, 'submit', index)
    })
    const stored = await Promise.all(requests.map((request) => this.#store(request)))
    return stored.map(({ entry }) => this.#handle(entry, definition))
  }

  readonly getTask: SubmitApi['getTask'] = async (
    id: string,
    definition?: AnyTaskDefinition,
  ): Promise<TaskHandle<AnyOutput, AnyOutput> | undefined> => {
    this.#checkRunning()
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

  listTasks(filter?: ListFilter): Promise<ListPage> {
    this.#checkRunning()
    return listTasks(this.#node, filter)
  }

  async redrive(filter: RedriveFilter, options: RedriveOptions = {}): Promise<RedriveResult> {
    this.#checkRunning()
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
    this.#checkRunning()
    return this.#parts.flow.cancel(await this.#require(taskId), reason)
  }

  on<P extends EventPattern>(pattern: P, listener: EventListener<P>): () => void {
    return this.#node.events.on(pattern, listener)
  }

  once<P extends EventPattern>(pattern: P, listener: EventListener<P>): () => void {
    return this.#node.events.once(pattern, listener)
  }

  off<P extends EventPattern>(pattern: P, listener: EventListener<P>): void {
    this.#node.events.off(pattern, listener)
  }

  health(): Health {
    const available = this.#node.committer.isHealthy
    const { beatAgeMs } = this.#parts.owner
    return {
      ok: this.#state === 'running' && available && this.#mayClaim(),
      state: this.#state,
      ownerId: this.#node.ownerId,
      storage: { name: this.#node.storage.name, available },
      ...(beatAgeMs === undefined ? undefined : { beatAgeMs }),
      running: this.#parts.flow.runs.size + this.#parts.flow.stuck.size,
      stuck: this.#parts.flow.stuck.size,
    }
  }

  /** @internal Stores a task that a layer above has put together. */
  async submitted(submission: Submission): Promise<Submitted> {
    this.#checkRunning()
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
      : this.#parts.requests.adHoc(definition, call)
  }

  #store(request: Request): Promise<Submitted> {
    return this.#submitted(request.submission)
  }

  async #submitted(submission: Submission): Promise<Submitted> {
    const { flow, dispatcher } = this.#parts
    const submitted = await submitTask(this.#node, dispatcher, submission, flow)
    const { entry, isNew } = submitted
    if (isNew) flow.submitted(entry)
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

  /** Listens before it looks, so that an end in between is not missed. A storage that is away is waited for. */
  #waitFor(taskId: string, options: WaitOptions = {}): Promise<TaskRecord> {
    const ended = this.#parts.waiters.wait(taskId, options)
    this.#parts.waiters.look([taskId]).catch((error) => this.#node.log.debug({ taskId, error }, 'a look led nowhere'))
    return ended
  }

  async #wait(entry: Entry, options: WaitOptions = {}): Promise<TaskRecord> {
    if (isTerminal(entry.value.state)) return entry.value
    return this.#parts.waiters.wait(entry.id, options)
  }

  async #explain(taskId: string): Promise<Explanation> {
    const { registry, dispatcher, router, budget } = this.#parts
    const view = {
      node: this.#node,
      registry,
      decisions: router.decisions.recent(),
      mayClaim: this.#mayClaim(),
      isParked: (id: string) => dispatcher.isParked(id),
      isBudgetSpent: () => budget.isSpent,
    }
    return explainTask(view, await this.#require(taskId))
  }

  async #require(taskId: string): Promise<Entry> {
    const entry = await this.#node.read('task', taskId, this.#node.settings.storageWaitMs)
    if (entry === undefined) throw notFound(taskId)
    return entry
  }

  /** Looks for what no hint told of: lanes filled elsewhere, permits given back, parked tasks. */
  async #poll(): Promise<void> {
    if (this.#state !== 'running') return
    try {
      await this.#parts.lookAround()
    } catch (error) {
      if (!isBatutaError(error, 'STORAGE_UNAVAILABLE')) this.#node.log.warn({ error }, 'a poll failed')
    }
    if (this.#state !== 'running') return
    this.#pollTimer = this.#node.clock.setTimer(() => void this.#poll(), this.#node.settings.pollMs)
  }

  #mayClaim(): boolean {
    return this.#state === 'running' && this.#parts.owner.isAlive
  }

  #checkRunning(): void {
    if (this.#state !== 'running') throw this.#notRunning('It does not run.')
  }

  #notRunning(what: string): BatutaError<'NOT_RUNNING'> {
    const state = this.#state === 'running' ? 'starting' : this.#state
    return new BatutaError('NOT_RUNNING', `${what} The coordinator is ${this.#state}.`, {
      data: { state },
      fix: 'Call start() once, and not after stop().',
    })
  }

  async #stop(graceMs: number): Promise<ShutdownReport> {
    const wasRunning = this.#state === 'running'
    this.#state = 'stopping'
    this.#pollTimer?.cancel()
    this.#parts.clockwork.stop()
    this.#parts.purge.stop()
    this.#parts.polling.stop()
    if (wasRunning) await this.#parts.desk.finishAll(graceMs)
    this.#parts.waiters.stop()
    const stuck = [...this.#parts.flow.stuck.keys()].map((run) => ({
      taskId: run.taskId,
      agentId: run.reservation.instance.id,
      attempt: run.number,
    }))
    await this.#letGo()
    return { stuck }
  }

  async #letGo(): Promise<void> {
    const { engine, bus } = this.#deps
    this.#parts.recovery.stop()
    await engine.stop({ graceMs: 0 })
    await this.#parts.desk.withdrawAll()
    await this.#parts.owner.stop().catch((error) => this.#node.log.warn({ error }, 'this owner could not sign off'))
    this.#state = 'stopped'
    this.#node.stop()
    this.#unsubscribe()
    await bus.close()
    await this.#storage.idle(this.#deps.settings.leaseMs)
    await this.#storage.close()
  }
}

function isDefinition(value: AnyTaskDefinition | AdHocTask): value is AnyTaskDefinition {
  return 'kind' in value && value.kind === 'batuta.task'
}

/** A new task like a failed one. Its idempotency key stays with the old one. */
function redriveOf(task: TaskRecord) {
  const { id, idempotencyKey: _key, runAt: _runAt, expiresAt: _expiresAt, ...rest } = task
  return { ...rest, input: task.input, redriveOf: id }
}
