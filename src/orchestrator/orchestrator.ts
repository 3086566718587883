import { Messages } from '../conversation/messages.js'
import { sessionSupport } from '../conversation/session-support.js'
import type {
  CoordinatorApi,
  DecisionsApi,
  EjectOptions,
  GraceOptions,
  PollingApi,
  ShutdownReport,
  SubmitApi,
} from '../coordinator/callers/api-types.js'
import { graceMsOf } from '../coordinator/callers/check-calls.js'
import { Coordinator } from '../coordinator/coordinator.js'
import type { CoordinatorOptions } from '../coordinator/options/coordinator-options.js'
import { readStatus } from '../coordinator/views/status.js'
import type { Health, OrchestratorStatus } from '../coordinator/views/status-types.js'
import { BatutaError } from '../errors/base-error.js'
import type { Router } from '../router/router.js'
import type { AgentOptions, AgentSnapshot } from '../task/agent.js'
import { checkAgentOptions } from '../task/check-agent.js'
import { defineAgent } from '../task/define-agent.js'
import type { EventListener, EventPattern } from '../task/events.js'
import type { IncomingMessage, MessageReply } from '../task/message.js'
import { type LintFinding, lint } from './lint.js'
import { DEFAULT_MAX_MESSAGES, DEFAULT_SUMMARISE_TIMEOUT_MS, messageSettings } from './message-settings.js'
import type { OrchestratorOptions } from './options.js'
import type { OrchestratorApi } from './orchestrator-api.js'

/**
 * A team of agents as one system: give it tasks and messages, and it finds the agent, survives crashes, and says why it
 * decided what it decided. `createOrchestrator` makes and starts one.
 */
export class Orchestrator<TReply = unknown> implements OrchestratorApi<TReply> {
  /** The agents and the life of every task. */
  readonly coordinator: CoordinatorApi
  /** Decides which agent gets a task. */
  readonly router: Router
  readonly submit: SubmitApi['submit']
  readonly run: SubmitApi['run']
  readonly submitMany: SubmitApi['submitMany']
  readonly getTask: SubmitApi['getTask']
  readonly listTasks: SubmitApi['listTasks']
  readonly redrive: SubmitApi['redrive']
  readonly claimTasks: PollingApi['claimTasks']
  readonly heartbeat: PollingApi['heartbeat']
  readonly decisions: DecisionsApi['decisions']
  readonly #coordinator: Coordinator
  readonly #messages: Messages | undefined
  #startedAt: number | undefined

  /** Nothing runs, and nothing is checked but what can't wait, until {@link Orchestrator.start}. */
  constructor(options?: OrchestratorOptions<TReply>) {
    const { messages, ...rest } = options ?? {}
    const settings = messages === undefined ? undefined : messageSettings(messages)
    const coordinatorOptions: CoordinatorOptions =
      settings === undefined ? rest : { ...rest, tasks: [...(rest.tasks ?? []), settings.task] }
    this.#coordinator = new Coordinator(coordinatorOptions, {
      check: () => checkLazily(options),
      sessions: (node) =>
        sessionSupport(node, {
          maxMessages: settings?.maxMessages ?? DEFAULT_MAX_MESSAGES,
          summarise: settings?.summarise,
          summariseTimeoutMs: settings?.summariseTimeoutMs ?? DEFAULT_SUMMARISE_TIMEOUT_MS,
          idleMs: settings?.sessionIdleMs ?? 0,
        }),
    })
    this.router = this.#coordinator.router
    this.#messages = settings === undefined ? undefined : new Messages(this.#coordinator, settings)
    const coordinator = this.#coordinator
    this.coordinator = coordinator
    this.submit = coordinator.submit
    this.run = coordinator.run
    this.submitMany = coordinator.submitMany
    this.getTask = coordinator.getTask
    this.listTasks = (filter) => coordinator.listTasks(filter)
    this.redrive = (filter, options) => coordinator.redrive(filter, options)
    this.claimTasks = (agentId, options) => coordinator.claimTasks(agentId, options)
    this.heartbeat = (agentId) => coordinator.heartbeat(agentId)
    this.decisions = (filter) => coordinator.decisions(filter)
  }

  async start(): Promise<void> {
    await this.#coordinator.start()
    this.#startedAt = this.#coordinator.node.clock.now()
  }

  async shutdown(options: GraceOptions = {}): Promise<ShutdownReport> {
    return this.#coordinator.stop({ graceMs: graceMsOf('shutdown', options) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown()
  }

  agent(id: string, options: AgentOptions): void {
    checkAgentOptions(id, options)
    this.#coordinator.registerAgent(defineAgent(id, options))
  }

  agents(): AgentSnapshot[] {
    return this.#coordinator.agents()
  }

  pause(agentId: string): void {
    this.#coordinator.pause(agentId)
  }

  resume(agentId: string): void {
    this.#coordinator.resume(agentId)
  }

  drain(agentId: string): Promise<void> {
    return this.#coordinator.drain(agentId)
  }

  eject(agentId: string, options?: EjectOptions): void {
    this.#coordinator.eject(agentId, options)
  }

  restore(agentId: string): void {
    this.#coordinator.restore(agentId)
  }

  async removeAgent(agentId: string, options: GraceOptions = {}): Promise<void> {
    return this.#coordinator.unregisterAgent(agentId, { graceMs: graceMsOf('removeAgent', options) })
  }

  async processMessage(message: IncomingMessage): Promise<MessageReply<TReply>> {
    if (this.#messages === undefined) {
      throw new BatutaError('MESSAGES_NOT_CONFIGURED', 'This orchestrator does not know how to answer messages.', {
        data: {},
        fix: 'Give createOrchestrator the option `messages: { task }`.',
      })
    }
    return (await this.#messages.process(message)) as MessageReply<TReply>
  }

  status(): Promise<OrchestratorStatus> {
    return readStatus(this.#coordinator, this.#startedAt)
  }

  health(): Health {
    return this.#coordinator.health()
  }

  lint(): LintFinding[] {
    const { registry } = this.#coordinator.parts
    const agents = [...registry.agents].map((agent) => defineAgent(agent.id, agent.options))
    return lint(agents, [...registry.definitions], { taskTimeoutMs: this.#coordinator.node.settings.taskTimeoutMs })
  }

  on<P extends EventPattern>(pattern: P, listener: EventListener<P>): () => void {
    return this.#coordinator.on(pattern, listener)
  }

  once<P extends EventPattern>(pattern: P, listener: EventListener<P>): () => void {
    return this.#coordinator.once(pattern, listener)
  }

  off<P extends EventPattern>(pattern: P, listener: EventListener<P>): void {
    this.#coordinator.off(pattern, listener)
  }
}

/** zod takes a while to load, and is only needed for options that somebody wrote. */
async function checkLazily(options: object | undefined): Promise<void> {
  if (options === undefined) return
  const { checkOrchestratorOptions } = await import('./check-orchestrator-options.js')
  await checkOrchestratorOptions(options)
}
