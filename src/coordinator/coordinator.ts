import type { Engine } from '../engine/engine.js'
import { inProcessEngine } from '../engine/in-process/in-process-engine.js'
import { isBatutaError } from '../errors/base-error.js'
import type { Timer } from '../internal/clock.js'
import { guardedLogger, silentLogger } from '../internal/logger.js'
import type { RoutingDecision } from '../router/decision.js'
import type { DecisionFilter } from '../router/decision-log.js'
import type { Router } from '../router/router.js'
import { memoryStorage } from '../storage/memory/memory-storage.js'
import { SCHEMA } from '../storage/records.js'
import type { AgentDefinition, AgentSnapshot } from '../task/agent.js'
import type { AnyTaskDefinition } from '../task/definition.js'
import type { EventListener, EventPattern } from '../task/events.js'
import type { AgentInstance } from './agents/agent-instance.js'
import type { AnyClaim, ClaimOptions } from './agents/claim-types.js'
import type { CoordinatorApi, EjectOptions, GraceOptions, ShutdownReport, SubmitApi } from './callers/api-types.js'
import { checkDecisionFilter, checkEjectOptions, graceMsOf } from './callers/check-calls.js'
import { notRunning } from './callers/not-running.js'
import { TaskDesk } from './callers/task-desk.js'
import { CountedStorage } from './commit/counted-storage.js'
import { engineHost } from './engine-host.js'
import { EventHub } from './event-hub.js'
import { loadHandlerQueue } from './handler/handler-queue.js'
import { HandlerScope } from './handler/handler-scope.js'
import { NodeContext } from './node-context.js'
import { type NodeParts, wire } from './node-parts.js'
import type { CoordinatorOptions } from './options/coordinator-options.js'
import { type ResolvedOptions, resolveOptions } from './options/resolve-options.js'
import { routerOf } from './router-of.js'
import type { SessionSupport } from './task-extension.js'
import type { Health, RunState } from './views/status-types.js'

/** What the layers above put into a coordinator. */
export interface CoordinatorExtensions {
  /** How tasks get at their sessions; without it `ctx.session` is NO_SESSION. */
  readonly sessions?: ((node: NodeContext) => SessionSupport) | undefined
  /** Checks the options before anything runs. Default: {@link CoordinatorOptions}, with zod. */
  readonly check?: (() => Promise<void>) | undefined
}

/**
 * Keeps the agents and the life of every task: submit, dispatch, claim, run, settle, recover. The path of a task reads
 * top to bottom in this folder: submit, dispatcher, run, settle, change-task.
 */
export class Coordinator implements CoordinatorApi {
  readonly submit: SubmitApi['submit']
  readonly run: SubmitApi['run']
  readonly submitMany: SubmitApi['submitMany']
  readonly getTask: SubmitApi['getTask']
  readonly listTasks: SubmitApi['listTasks']
  readonly redrive: SubmitApi['redrive']
  /** Decides which agent gets a task. */
  readonly router: Router
  /** @internal Tasks as callers see them. */
  readonly tasks: TaskDesk
  /** @internal What the layers above build on. */
  readonly node: NodeContext
  /** @internal */
  readonly parts: NodeParts
  readonly #options: ResolvedOptions
  readonly #check: () => Promise<void>
  readonly #engine: Engine
  readonly #storage: CountedStorage
  #state: RunState = 'new'
  #stopping: Promise<ShutdownReport> | undefined
  #pollTimer: Timer | undefined
  #unsubscribe: () => void = () => {}

  /** Nothing runs, and nothing is checked but what can't wait, until {@link Coordinator.start}. */
  constructor(options?: CoordinatorOptions, extensions: CoordinatorExtensions = {}) {
    const resolved = resolveOptions(options)
    const { settings, clock, random } = resolved
    const logger = guardedLogger(resolved.logger)
    const events = new EventHub(clock, logger)
    this.#options = resolved
    this.#check = extensions.check ?? (() => checkLazily(options))
    this.#engine = resolved.engine ?? inProcessEngine({ windowSize: resolved.window })
    this.#storage = new CountedStorage(resolved.storage ?? memoryStorage({ now: () => clock.now() }), clock)
    this.router = routerOf(resolved, events)
    this.node = new NodeContext(settings, this.#storage, clock, random, events, logger, resolved.bus)
    const scope = resolved.logger === silentLogger ? undefined : new HandlerScope(logger)
    const deps = { engine: this.#engine, router: this.router, sessions: extensions.sessions, scope }
    this.parts = wire(this.node, deps, () => this.#mayClaim())
    this.tasks = new TaskDesk(this.node, this.parts, {
      checkRunning: () => this.#checkRunning(),
      mayClaim: () => this.#mayClaim(),
    })
    const { submit, run, submitMany, getTask } = this.tasks
    this.submit = submit
    this.run = run
    this.submitMany = submitMany
    this.getTask = getTask
    this.listTasks = (filter) => this.tasks.listTasks(filter)
    this.redrive = (filter, redriveOptions) => this.tasks.redrive(filter, redriveOptions)
  }

  /** @internal */
  get engineName(): string {
    return this.#engine.name
  }

  get state(): RunState {
    return this.#state
  }

  /**
   * Checks the options, opens the storage, makes this owner known, and begins to recover and to work.
   * @throws OPTIONS_INVALID, DEFINITION_INVALID, DUPLICATE_ID, and what the storage throws when it can't be opened.
   */
  async start(): Promise<void> {
    if (this.#state !== 'new') throw notRunning(this.#state)
    this.#state = 'starting'
    try {
      await this.#check()
      await loadHandlerQueue()
      for (const definition of this.#options.tasks) this.define(definition)
      for (const agent of this.#options.agents) this.registerAgent(agent)
      const { now } = await this.#unlessStopped(this.#storage.open(SCHEMA))
      this.node.time.observe(now)
      await this.#unlessStopped(this.parts.owner.start())
      this.#unsubscribe = this.node.bus.subscribe(this.parts.flow.onHint)
      await this.#unlessStopped(this.#engine.start(engineHost(this.node, this.parts.dispatcher)))
      this.#state = 'running'
      await this.#unlessStopped(this.parts.desk.publishAll(), 'running')
      this.parts.owner.beatNow()
      await this.#unlessStopped(
        this.parts.recovery.start(() => this.parts.dispatcher.wake()),
        'running',
      )
    } catch (error) {
      this.#stopping ??= this.#stop(0)
      await this.#stopping
      throw error
    }
    this.parts.clockwork.start()
    this.parts.purge.start()
    await this.#poll()
  }

  async stop(options: GraceOptions = {}): Promise<ShutdownReport> {
    const graceMs = graceMsOf('stop', options)
    this.#stopping ??= this.#stop(graceMs)
    return this.#stopping
  }

  registerAgent(agent: AgentDefinition): void {
    this.parts.desk.register(agent, this.#state === 'running')
  }

  async unregisterAgent(agentId: string, options: GraceOptions = {}): Promise<void> {
    return this.parts.desk.unregister(agentId, graceMsOf('unregisterAgent', options))
  }

  /** Gives it no new tasks until `resume`; running ones go on. @throws AGENT_NOT_FOUND. */
  pause(agentId: string): void {
    this.parts.desk.pause(agentId, true)
  }

  resume(agentId: string): void {
    this.parts.desk.pause(agentId, false)
  }

  /** Leaves it out for a while. @throws AGENT_NOT_FOUND, OPTIONS_INVALID. */
  eject(agentId: string, options: EjectOptions = {}): void {
    checkEjectOptions(options)
    this.parts.desk.eject(agentId, options.forMs)
  }

  /** Gives it work again that it was kept from for its failures. @throws AGENT_NOT_FOUND. */
  restore(agentId: string): void {
    this.parts.desk.restore(agentId)
  }

  /** Gives it no new tasks, and waits for those it has. @throws AGENT_NOT_FOUND. */
  drain(agentId: string): Promise<void> {
    return this.parts.desk.drain(agentId)
  }

  /** Makes a definition known that no agent here handles. @throws DUPLICATE_ID, DEFINITION_INVALID, OPTIONS_INVALID. */
  define(definition: AnyTaskDefinition): void {
    this.parts.registry.define(definition)
  }

  agents(): AgentSnapshot[] {
    return [...this.parts.registry.agents].map((agent) => this.parts.desk.snapshot(agent))
  }

  heartbeat(agentId: string): void {
    this.parts.desk.heartbeat(this.parts.registry.require(agentId))
  }

  async claimTasks(agentId: string, options: ClaimOptions = {}): Promise<AnyClaim[]> {
    this.#checkRunning()
    const instance: AgentInstance = this.parts.registry.require(agentId)
    this.parts.desk.heartbeat(instance)
    return this.parts.polling.claim(instance, options, () => this.parts.dispatcher.wake(instance.lanes))
  }

  decisions(filter: DecisionFilter = {}): RoutingDecision[] {
    checkDecisionFilter(filter)
    return this.router.decisions.find(filter)
  }

  on<P extends EventPattern>(pattern: P, listener: EventListener<P>): () => void {
    return this.node.events.on(pattern, listener)
  }

  once<P extends EventPattern>(pattern: P, listener: EventListener<P>): () => void {
    return this.node.events.once(pattern, listener)
  }

  off<P extends EventPattern>(pattern: P, listener: EventListener<P>): void {
    this.node.events.off(pattern, listener)
  }

  health(): Health {
    const available = this.node.committer.isHealthy
    const { beatAgeMs } = this.parts.owner
    return {
      ok: this.#state === 'running' && available && this.#mayClaim(),
      state: this.#state,
      ownerId: this.node.ownerId,
      storage: { name: this.node.storage.name, available },
      ...(beatAgeMs === undefined ? undefined : { beatAgeMs }),
      running: this.parts.flow.runs.size + this.parts.flow.stuck.size,
      stuck: this.parts.flow.stuck.size,
    }
  }

  /** Cancels a task by id, in any unfinished state. @throws TASK_NOT_FOUND. */
  cancel(taskId: string, reason?: string): Promise<boolean> {
    return this.tasks.cancel(taskId, reason)
  }

  /** Looks for what no hint told of: lanes filled elsewhere, permits given back, parked tasks. */
  async #poll(): Promise<void> {
    if (this.#state !== 'running') return
    try {
      await this.parts.lookAround()
    } catch (error) {
      if (!isBatutaError(error, 'STORAGE_UNAVAILABLE')) this.node.log.warn({ error }, 'a poll failed')
    }
    if (this.#state !== 'running') return
    this.#pollTimer = this.node.clock.setTimer(() => void this.#poll(), this.node.settings.pollMs)
  }

  #mayClaim(): boolean {
    return this.#state === 'running' && this.parts.owner.isAlive
  }

  async #unlessStopped<T>(step: Promise<T>, state: RunState = 'starting'): Promise<T> {
    const made = await step
    if (this.#state !== state) throw notRunning(this.#state)
    return made
  }

  #checkRunning(): void {
    if (this.#state !== 'running') throw notRunning(this.#state)
  }

  async #stop(graceMs: number): Promise<ShutdownReport> {
    const wasRunning = this.#state === 'running'
    this.#state = 'stopping'
    this.#pollTimer?.cancel()
    this.parts.halt()
    if (wasRunning) await this.parts.desk.finishAll(graceMs)
    this.parts.flow.close()
    this.parts.waiters.stop()
    await this.#letGo()
    const { runs, stuck } = this.parts.flow
    const running = [...stuck.keys(), ...[...runs.values()].filter((run) => !run.attempt.hasReturned)]
    return {
      stuck: running.map((run) => ({
        taskId: run.taskId,
        agentId: run.reservation.instance.id,
        attempt: run.number,
      })),
    }
  }

  async #letGo(): Promise<void> {
    this.parts.recovery.stop()
    await this.#engine.stop({ graceMs: 0 })
    await this.parts.desk.withdrawAll()
    await this.parts.owner.stop().catch((error) => this.node.log.warn({ error }, 'this owner could not sign off'))
    this.#state = 'stopped'
    this.node.stop()
    this.#unsubscribe()
    await this.node.bus.close()
    await this.#storage.idle(this.#options.settings.leaseMs)
    await this.#storage.close()
  }
}

/** zod takes a while to load, and is only needed for options that somebody wrote. */
async function checkLazily(options: CoordinatorOptions | undefined): Promise<void> {
  if (options === undefined) return
  const { checkCoordinatorOptions } = await import('./options/check-options.js')
  await checkCoordinatorOptions(options)
}
