import { Messages } from '../../conversation/messages.js'
import { sessionSupport } from '../../conversation/session-support.js'
import { Coordinator } from '../../coordinator/coordinator.js'
import type { CoordinatorOptions } from '../../coordinator/options/coordinator-options.js'
import { inProcessEngine } from '../../engine/in-process/in-process-engine.js'
import { isBatutaError } from '../../errors/base-error.js'
import { NonRetryableError, RetryAfterError } from '../../errors/retry-errors.js'
import { silentLogger } from '../../internal/logger.js'
import type { Random } from '../../internal/random.js'
import { Router } from '../../router/router.js'
import type { RoutingStrategy } from '../../router/routing-strategy.js'
import type { AgentDefinition } from '../../task/agent.js'
import type { TaskContext } from '../../task/context.js'
import { defineAgent } from '../../task/define-agent.js'
import { defineTask } from '../../task/define-task.js'
import type { TaskDefinition } from '../../task/definition.js'
import type { MessageInput } from '../../task/message.js'
import type { StandardSchema } from '../../task/standard-schema.js'
import type { ScriptContext, ScriptOutput } from './run-script.js'
import type { NodeParts, PolledWork, SimHandle, SimNode, SystemUnderTest } from './sim-node.js'
import { type AgentPlan, ANSWER, type MessagePlan, type ScriptInput, type TaskPlan, type TypePlan } from './workload.js'

const LEASE_MS = 3_000
const HEARTBEAT_MS = 1_000
const POLL_MS = 1_000
/** Longer than a run: a participant has one session in it. */
const SESSION_IDLE_MS = 86_400_000
const HISTORY = 10_000
const SETTINGS: CoordinatorOptions = {
  leaseMs: LEASE_MS,
  heartbeatMs: HEARTBEAT_MS,
  pollMs: POLL_MS,
  // Short, so that handlers which ignore their signal are abandoned within a run.
  abandonAfterMs: 1_500,
  retry: { minDelayMs: 200, maxDelayMs: 3_000 },
  // Shorter than the quiet in which a run must come to its end: what is left then may be tasks that are planned to fail.
  breaker: { maxOpenMs: 20_000 },
  ejection: { baseMs: 10_000, maxMs: 20_000 },
  // Shorter than copies of a commit may be under way: what is kept longer is kept by the rule about them.
  retention: { completed: { ageMs: 5_000 }, failed: { ageMs: 5_000 }, cancelled: { ageMs: 5_000 }, idleMs: 5_000 },
}

type ScriptDefinition = TaskDefinition<ScriptInput, ScriptOutput, unknown, ScriptInput, ScriptOutput, unknown>

/** The coordinator over an in-process engine: what the simulation is for. The only file of it that knows the coordinator. */
export const coordinatorSystem: SystemUnderTest = {
  features: { sessions: true, polling: true, messages: true, explain: true },
  leaseMs: LEASE_MS,
  heartbeatMs: HEARTBEAT_MS,
  pollMs: POLL_MS,
  makeEngine: () => inProcessEngine(),
  makeNode: (parts) => new CoordinatorNode(parts),
}

class CoordinatorNode implements SimNode {
  readonly #coordinator: Coordinator
  readonly #messages: Messages
  readonly #definitions = new Map<string, ScriptDefinition>()
  readonly #parts: NodeParts

  constructor(parts: NodeParts) {
    this.#parts = parts
    const { storage, engine, bus, clock, random } = parts
    const options: CoordinatorOptions = {
      ...SETTINGS,
      storage,
      engine,
      bus,
      router: new Router({ strategy: parts.hostile ? hostileStrategy(random) : 'least_busy', clock, random }),
      clock,
      random,
      logger: parts.hostile ? hostileLogger : silentLogger,
    }
    // Checking loads zod, in real time.
    const history = { maxMessages: HISTORY, summarise: undefined, summariseTimeoutMs: 1, idleMs: SESSION_IDLE_MS }
    this.#coordinator = new Coordinator(options, {
      check: async () => {},
      sessions: (node) => sessionSupport(node, history),
    })
    for (const plan of parts.workload.types) {
      const definition = this.#define(plan)
      this.#definitions.set(plan.type, definition)
      this.#coordinator.define(definition)
    }
    const { whenBusy, mergeMs } = parts.workload
    const task = this.#definitions.get(ANSWER)
    if (task === undefined) throw new Error(`A workload needs the type ${ANSWER}`)
    this.#messages = new Messages(this.#coordinator, { task, whenBusy, mergeMs, sessionIdleMs: SESSION_IDLE_MS })
    for (const agent of parts.agents) this.#coordinator.registerAgent(this.#agent(agent))
    this.#coordinator.on('*', (event) => {
      const taskId = 'taskId' in event ? event.taskId : 'task' in event ? event.task.id : undefined
      parts.onEvent(event.type, taskId)
    })
    if (parts.hostile) {
      this.#coordinator.on('task:*', () => {
        throw new Error('a listener that throws')
      })
      this.#coordinator.on('task:completed', () => Promise.reject(new Error('a listener that rejects')))
    }
  }

  start(): Promise<void> {
    return this.#coordinator.start()
  }

  async submit(plan: TaskPlan): Promise<SimHandle> {
    const { expiresInMs, ...options } = plan.options
    const all = {
      ...options,
      ...(expiresInMs === undefined ? undefined : { expiresAt: this.#parts.clock.now() + expiresInMs }),
    }
    const definition = plan.type === undefined ? undefined : this.#definitions.get(plan.type)
    const handle =
      definition === undefined
        ? await this.#coordinator.submit({ requires: plan.requires, input: plan.input, ...all })
        : await this.#coordinator.submit(definition, plan.input, all)
    return {
      taskId: handle.id,
      result: async () => {
        try {
          return { outcome: 'completed', output: await handle.result() }
        } catch (error) {
          if (isBatutaError(error, 'TASK_FAILED')) return { outcome: 'failed' }
          if (isBatutaError(error, 'TASK_CANCELLED')) return { outcome: 'cancelled' }
          throw error
        }
      },
    }
  }

  async message({ from, messageId }: MessagePlan) {
    const { sessionId, task } = await this.#messages.process({ from, messageId, text: `says ${messageId}` })
    return { sessionId, taskId: task.id }
  }

  async cancel(taskId: string, reason: string): Promise<string> {
    return String(await this.#coordinator.cancel(taskId, reason))
  }

  async explain(taskId: string) {
    const handle = await this.#coordinator.getTask(taskId)
    const explanation = await handle?.explain()
    const first = explanation?.pending[0]
    if (explanation === undefined || first === undefined) return undefined
    return {
      kind: first.kind,
      asOf: explanation.asOf.getTime(),
      taskId: 'taskId' in first ? first.taskId : undefined,
      until: 'until' in first ? first.until?.getTime() : undefined,
    }
  }

  async poll(agentId: string, max: number, waitMs: number): Promise<PolledWork[]> {
    const claims = await this.#coordinator.claimTasks(agentId, { max, waitMs })
    return claims.map((claim) => ({
      taskId: claim.taskId,
      attempt: claim.attempt,
      input: claim.input as ScriptInput,
      signal: claim.signal,
      complete: (output) => claim.complete(output),
      fail: (error) => claim.fail(error),
      extend: (ms) => claim.extend(ms),
    }))
  }

  async stop(graceMs: number): Promise<{ stuck: number }> {
    const report = await this.#coordinator.stop({ graceMs })
    return { stuck: report.stuck.length }
  }

  #define(plan: TypePlan): ScriptDefinition {
    const run = (input: ScriptInput, ctx: TaskContext<unknown>) =>
      this.#parts.run('(fallback)', withEnd(input), this.#context(ctx))
    return defineTask(plan.type, {
      input: plan.broken === true ? brokenSchema : anySchema,
      requires: plan.requires,
      timeoutMs: plan.timeoutMs,
      retry: { maxRetries: plan.maxRetries },
      ...(plan.limit === undefined ? undefined : { maxConcurrentTasks: plan.limit }),
      ...(plan.rate === undefined ? undefined : { rateLimit: { ...plan.rate, scope: 'all' as const } }),
      ...(plan.fallback === true ? { fallback: run } : undefined),
    })
  }

  #agent(plan: AgentPlan): AgentDefinition {
    const run = (input: ScriptInput | MessageInput, ctx: TaskContext<unknown>) =>
      this.#parts.run(plan.id, this.#scriptOf(input), this.#context(ctx))
    const base = { capabilities: plan.capabilities, maxConcurrentTasks: plan.slots }
    if (plan.leaseMs !== undefined) {
      return defineAgent(plan.id, { ...base, accepts: plan.types, leaseMs: plan.leaseMs })
    }
    if (plan.types.length === 0) return defineAgent(plan.id, { ...base, handler: run })
    const definitions = plan.types.flatMap((type) => this.#definitions.get(type) ?? [])
    return defineAgent(plan.id, { ...base, handlers: definitions.map((definition) => definition.handler(run)) })
  }

  /** What answers a message does what the plan of the first one says. */
  #scriptOf(input: ScriptInput | MessageInput): ScriptInput {
    if (!('merged' in input)) return input
    const plan = this.#parts.workload.messages.find((message) => message.messageId === input.messageId)
    if (plan === undefined) throw new Error(`No plan for message ${input.messageId}`)
    return plan.script
  }

  #context(ctx: TaskContext<unknown>): ScriptContext {
    return {
      signal: ctx.signal,
      attempt: ctx.attempt,
      taskId: ctx.task.id,
      progress: (fraction) => ctx.progress(fraction),
      stage: ({ type, input, ...options }) => {
        const definition = this.#definitions.get(type)
        if (definition !== undefined) ctx.submit(definition, input, options)
      },
      update: (key, fn) => ctx.session.update(key, fn),
      hasSession: ctx.task.sessionId !== undefined,
      errors: {
        final: (message) => new NonRetryableError(message),
        retryAfter: (message, ms) => new RetryAfterError(message, ms),
      },
    }
  }
}

/** A fallback function helps, or it would not be one. */
function withEnd(input: ScriptInput): ScriptInput {
  return { ref: input.ref, attempts: input.attempts.map((attempt) => ({ ...attempt, end: 'return' })) }
}

const anySchema: StandardSchema<ScriptInput> = {
  '~standard': { version: 1, vendor: 'simulation', validate: (value) => ({ value: value as ScriptInput }) },
}

const brokenSchema: StandardSchema<ScriptInput> = {
  '~standard': {
    version: 1,
    vendor: 'simulation',
    validate: () => {
      throw new Error('a schema that throws')
    },
  },
}

/** Throws now and then, and chooses somebody from elsewhere. */
function hostileStrategy(random: Random): RoutingStrategy {
  return {
    name: 'hostile',
    select({ candidates }) {
      if (random.next() < 0.3) throw new Error('a strategy that throws')
      return candidates[0]
    },
  }
}

const throws = () => {
  throw new Error('a logger that throws')
}
const hostileLogger = { debug: throws, info: throws, warn: throws, error: throws }
