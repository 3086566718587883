/** The typed surface that Coordinator and Orchestrator share. The classes implement these interfaces. */
import type { RoutingDecision } from '../../router/decision.js'
import type { DecisionFilter } from '../../router/decision-log.js'
import type { AgentDefinition, AgentSnapshot } from '../../task/agent.js'
import type { TaskDefinition } from '../../task/definition.js'
import type { EventListener, EventPattern } from '../../task/events.js'
import type { AdHocTask, SubmitOptions, WaitOptions } from '../../task/submit-options.js'
import type { AnyClaim, ClaimOptions } from '../agents/claim-types.js'
import type { ListFilter, ListPage, RedriveFilter, RedriveOptions, RedriveResult } from '../views/listing-types.js'
import type { Health } from '../views/status-types.js'
import type { AnyOutput, RunResult, TaskHandle } from './handle-types.js'

/** Options for each input of a `submitMany`. */
export type SubmitManyOptions<I> = SubmitOptions | ((input: I, index: number) => SubmitOptions | undefined)

/**
 * Submitting tasks and finding them again.
 *
 * The order and arity of the overloads is what puts an error on the property that is wrong: the untyped form takes
 * exactly one argument, and `NoInfer` keeps the input from widening the definition's type.
 */
export interface SubmitApi {
  /**
   * Stores a task. It is durable when the promise resolves.
   * @throws INPUT_INVALID, SCHEMA_BROKEN, OPTIONS_INVALID, DEFINITION_INVALID, DUPLICATE_ID, STRATEGY_UNKNOWN,
   * PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE, IDEMPOTENCY_CONFLICT, ORDERING_CONFLICT, ORDERING_BUSY, SESSION_BUSY, LANE_LIMIT,
   * QUEUE_FULL, NOT_RUNNING, STORAGE_UNAVAILABLE, STORAGE_REFUSED, STORAGE_NEWER: nothing was written.
   * SUBMIT_OUTCOME_UNKNOWN: nobody knows. With `strict`, also CAPABILITY_UNKNOWN and TASK_TYPE_UNKNOWN.
   */
  submit<I, O, P>(
    definition: TaskDefinition<I, O, P>,
    input: NoInfer<I>,
    options?: SubmitOptions,
  ): Promise<TaskHandle<O, P>>
  submit<O, P>(definition: TaskDefinition<undefined, O, P>): Promise<TaskHandle<O, P>>
  submit(task: AdHocTask): Promise<TaskHandle<AnyOutput, AnyOutput>>

  /**
   * Submits a task and waits for its result.
   * @throws what `submit` and `result()` throw.
   */
  run<I, O>(
    definition: TaskDefinition<I, O>,
    input: NoInfer<I>,
    options?: SubmitOptions & WaitOptions,
  ): Promise<RunResult<O>>
  run<O>(definition: TaskDefinition<undefined, O>): Promise<RunResult<O>>
  run(task: AdHocTask & WaitOptions): Promise<RunResult<AnyOutput>>

  /**
   * Stores many tasks. One bad input or option refuses all, with its index, and nothing is written; after that each is
   * accepted on its own.
   * @returns handles in the order of the inputs.
   */
  submitMany<I, O, P>(
    definition: TaskDefinition<I, O, P>,
    inputs: readonly NoInfer<I>[],
    options?: SubmitManyOptions<NoInfer<I>>,
  ): Promise<TaskHandle<O, P>[]>

  /**
   * A handle of a task that this or another node stored; `undefined` if there is none.
   * @throws TASK_TYPE_MISMATCH when it is not of this definition.
   */
  getTask<O, P>(id: string, definition: TaskDefinition<never, O, P>): Promise<TaskHandle<O, P> | undefined>
  getTask(id: string): Promise<TaskHandle | undefined>
  /** Tasks by status and time, a page at a time. */
  listTasks(filter?: ListFilter): Promise<ListPage>
  /** Makes failed tasks anew, linked to the old ones. */
  redrive(filter: RedriveFilter, options?: RedriveOptions): Promise<RedriveResult>
}

/** The worker loop of agents that poll. */
export interface PollingApi {
  /**
   * Claims tasks for an agent that polls. Keeps the agent online, but not its earlier claims: extend those.
   * @throws AGENT_NOT_FOUND, AGENT_NOT_POLLING, NOT_RUNNING, STORAGE_UNAVAILABLE.
   */
  claimTasks(agentId: string, options?: ClaimOptions): Promise<AnyClaim[]>
  /** Keeps an agent that polls online while it works. @throws AGENT_NOT_FOUND, AGENT_NOT_POLLING. */
  heartbeat(agentId: string): void
}

/** Why tasks went where they went. */
export interface DecisionsApi {
  /**
   * The routing decisions that this node made last and still keeps (`decisions`, 1,000 by default), newest first. As text
   * (`String(decision)`) each says who was compared and why the winner won.
   * @throws OPTIONS_INVALID.
   */
  decisions(filter?: DecisionFilter): RoutingDecision[]
}

/** Listening. Listeners never harm what they listen to. */
export interface EventsApi {
  /**
   * Listens to an event, a family (`'task:*'`) or all (`'*'`). @returns the function that unsubscribes.
   * @throws OPTIONS_INVALID for a name that does not exist.
   */
  on<P extends EventPattern>(pattern: P, listener: EventListener<P>): () => void
  /** Listens to the next one only. @returns the function that unsubscribes. */
  once<P extends EventPattern>(pattern: P, listener: EventListener<P>): () => void
  off<P extends EventPattern>(pattern: P, listener: EventListener<P>): void
}

/** How long something that ends may take. */
export interface GraceOptions {
  /** How long running handlers may still take, in milliseconds from 0; then they are aborted. Default 10,000. */
  readonly graceMs?: number | undefined
}

/** For how long an agent is left out by hand. */
export interface EjectOptions {
  /** In milliseconds, from 1 and at most a year. Default: as long as after a first row of failures (`ejection.baseMs`). */
  readonly forMs?: number | undefined
}

/** What a shutdown left behind. */
export interface ShutdownReport {
  /** Handlers that did not return although they were aborted. */
  readonly stuck: readonly { readonly taskId: string; readonly agentId: string; readonly attempt: number }[]
}

/** What a coordinator does besides. */
export interface CoordinatorApi extends SubmitApi, PollingApi, DecisionsApi, EventsApi {
  start(): Promise<void>
  /** Takes no new work, lets handlers finish, gives back what is unfinished. Safe to call twice. */
  stop(options?: GraceOptions): Promise<ShutdownReport>
  /** Adds an agent, before or after `start`. @throws OPTIONS_INVALID, DEFINITION_INVALID, DUPLICATE_ID. */
  registerAgent(agent: AgentDefinition): void
  /** Drains an agent and lets it go; what is unfinished after `graceMs` is given to others. @throws AGENT_NOT_FOUND. */
  unregisterAgent(agentId: string, options?: GraceOptions): Promise<void>
  /** Cancels a task by id. @throws TASK_NOT_FOUND. */
  cancel(taskId: string, reason?: string): Promise<boolean>
  /** @see OrchestratorApi.eject */
  eject(agentId: string, options?: EjectOptions): void
  /** @see OrchestratorApi.restore */
  restore(agentId: string): void
  /** The agents of this node. */
  agents(): AgentSnapshot[]
  health(): Health
}
