import type {
  CoordinatorApi,
  DecisionsApi,
  EjectOptions,
  EventsApi,
  GraceOptions,
  PollingApi,
  ShutdownReport,
  SubmitApi,
} from '../coordinator/callers/api-types.js'
import type { Health, OrchestratorStatus } from '../coordinator/views/status-types.js'
import type { Router } from '../router/router.js'
import type { AgentOptions, AgentSnapshot } from '../task/agent.js'
import type { IncomingMessage, MessageReply } from '../task/message.js'
import type { LintFinding } from './lint.js'

/** The facade for host applications. The class `Orchestrator` implements it. Generic in the reply only: generic over agents too, `const app` would be circular for handlers that use it. */
export interface OrchestratorApi<out TReply = unknown> extends SubmitApi, PollingApi, DecisionsApi, EventsApi {
  readonly coordinator: CoordinatorApi
  readonly router: Router
  /** Opens the storage, recovers, and begins to work. `createOrchestrator` has done it. */
  start(): Promise<void>
  /**
   * Takes no new work, lets running handlers finish for `graceMs`, aborts them, gives back what is unfinished, and lets
   * go of everything. Safe to call twice.
   */
  shutdown(options?: GraceOptions): Promise<ShutdownReport>
  [Symbol.asyncDispose](): Promise<void>

  /** Adds an agent, running at once. @throws OPTIONS_INVALID, DEFINITION_INVALID, DUPLICATE_ID. */
  agent(id: string, options: AgentOptions): void
  /** The agents of this node. */
  agents(): AgentSnapshot[]
  /** Gives it no new tasks until `resume`; running ones go on. @throws AGENT_NOT_FOUND. */
  pause(agentId: string): void
  /** @throws AGENT_NOT_FOUND */
  resume(agentId: string): void
  /** Gives it no new tasks, and waits for those it has. @throws AGENT_NOT_FOUND. */
  drain(agentId: string): Promise<void>
  /**
   * Leaves it out for a while, in all its lanes, as if it had failed too often; running tasks go on. It comes back by
   * itself, or with `restore`. Like one that was ejected for failures it is used all the same while fewer than half of a
   * lane's agents are healthy: to keep it from work whatever happens, pause it.
   * @throws AGENT_NOT_FOUND, OPTIONS_INVALID.
   */
  eject(agentId: string, options?: EjectOptions): void
  /**
   * Gives it work again that it was kept from for its failures, or by `eject`: its breakers close, its success rate counts
   * as whole. One that was ejected gets its share little by little. Does not end a pause. @throws AGENT_NOT_FOUND.
   */
  restore(agentId: string): void
  /** Drains it and lets it go; what is unfinished after `graceMs` is given to others. @throws AGENT_NOT_FOUND. */
  removeAgent(agentId: string, options?: GraceOptions): Promise<void>

  /**
   * Stores a message in its session, has it answered, and waits for the reply.
   * @throws MESSAGES_NOT_CONFIGURED, OPTIONS_INVALID for a message that is malformed, SESSION_BUSY, and what `run` throws.
   */
  processMessage(message: IncomingMessage): Promise<MessageReply<TReply>>

  /** Everything at a glance. */
  status(): Promise<OrchestratorStatus>
  health(): Health
  /** What looks wrong with the agents and definitions that are known here. */
  lint(): LintFinding[]
}
