import type { Bus } from '../../bus/bus.js'
import type { Engine } from '../../engine/engine.js'
import type { Clock } from '../../internal/clock.js'
import type { Random } from '../../internal/random.js'
import type { Storage } from '../../storage/storage.js'
import type { PendingReason } from './event-log.js'
import type { ScriptContext, ScriptOutput } from './run-script.js'
import type { AgentPlan, Features, MessagePlan, ScriptInput, TaskPlan, Workload } from './workload.js'

/** What a node is made of: all of it simulated. */
export interface NodeParts {
  readonly name: string
  readonly storage: Storage
  readonly engine: Engine
  readonly bus: Bus
  readonly clock: Clock
  readonly random: Random
  readonly workload: Workload
  /** The agents that this node has. */
  readonly agents: readonly AgentPlan[]
  /** The node has a listener, a logger and a strategy that throw. */
  readonly hostile: boolean
  /** What every handler does. */
  run(agentId: string, input: ScriptInput, ctx: ScriptContext): Promise<ScriptOutput>
  /** Told every event that the node emits. */
  onEvent(name: string, taskId: string | undefined): void
}

/** A submitted task, to its submitter. */
export interface SimHandle {
  readonly taskId: string
  /** Resolves with how it ended; rejects when the answer could not be had. */
  result(): Promise<{ readonly outcome: 'completed' | 'failed' | 'cancelled'; readonly output?: unknown }>
}

/** A claim in the hands of an agent that polls. */
export interface PolledWork {
  readonly taskId: string
  readonly attempt: number
  readonly input: ScriptInput
  readonly signal: AbortSignal
  complete(output: ScriptOutput): Promise<void>
  fail(error: unknown): Promise<void>
  extend(ms: number): Promise<unknown>
}

/** One start of the software under test. The simulation touches it only through this. */
export interface SimNode {
  start(): Promise<void>
  submit(plan: TaskPlan): Promise<SimHandle>
  /** Sends a message in and waits for its answer. */
  message(plan: MessagePlan): Promise<{ readonly sessionId: string; readonly taskId: string }>
  /** Says what became of it, in a word. */
  cancel(taskId: string, reason: string): Promise<string>
  /** Why a task is pending; `undefined` when it isn't. */
  explain(taskId: string): Promise<PendingReason | undefined>
  /** Claims for an agent that polls. */
  poll(agentId: string, max: number, waitMs: number): Promise<readonly PolledWork[]>
  /** A clean shutdown. Says how many handlers it reports as stuck. */
  stop(graceMs: number): Promise<{ readonly stuck: number }>
}

/** The software under test: what makes nodes, what they can do, and the settings that invariants depend on. */
export interface SystemUnderTest {
  readonly features: Features
  readonly leaseMs: number
  readonly heartbeatMs: number
  readonly pollMs: number
  makeEngine(): Engine
  makeNode(parts: NodeParts): SimNode
}
