import type { CatchAllHandler } from './context.js'
import type { AnyTaskDefinition, TaskHandler } from './definition.js'
import type { LimitOptions } from './limits.js'

/** How an agent is doing. */
export type AgentStatus = 'idle' | 'busy' | 'suspect' | 'offline' | 'draining' | 'paused' | 'error'

interface AgentBaseOptions extends LimitOptions {
  /** For people. Default: the id. */
  readonly name?: string | undefined
  /** What it can do. Default none. */
  readonly capabilities?: readonly string[] | undefined
  /** Slots: how many tasks it runs at once on this node. A whole number from 1. Default 1. */
  readonly maxConcurrentTasks?: number | undefined
  /** What one of its tasks costs, in the application's unit: a term of the `balanced` strategy. Default 0. */
  readonly cost?: number | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/** An agent whose handlers run in this process. */
export interface LocalAgentOptions extends AgentBaseOptions {
  /** Typed handlers, one per definition. */
  readonly handlers?: readonly TaskHandler[] | undefined
  /** Runs tasks of any type whose requirements the agent meets and for which it has no typed handler. */
  readonly handler?: CatchAllHandler | undefined
  readonly accepts?: undefined
  readonly leaseMs?: undefined
}

/** An agent that fetches its work with `claimTasks`. */
export interface PollingAgentOptions extends AgentBaseOptions {
  /** The task types that it takes. */
  readonly accepts: readonly (AnyTaskDefinition | string)[]
  /** How long a claim lasts unless extended, in milliseconds. Default 30,000. */
  readonly leaseMs?: number | undefined
  readonly handlers?: undefined
  readonly handler?: undefined
}

/** What `defineAgent` and `app.agent` take. */
export type AgentOptions = LocalAgentOptions | PollingAgentOptions

/** An agent as defined: a value, not yet running anywhere. */
export interface AgentDefinition {
  readonly kind: 'batuta.agent'
  readonly id: string
  readonly options: AgentOptions
}

/** An agent as it runs on one node, at one moment. */
export interface AgentSnapshot {
  readonly id: string
  readonly name: string
  readonly ownerId: string
  readonly capabilities: readonly string[]
  /** The task types that it handles; `*` is a catch-all. */
  readonly types: readonly string[]
  readonly status: AgentStatus
  readonly polling: boolean
  readonly maxConcurrentTasks: number
  /** Slots taken, the stuck ones included. */
  readonly inFlight: number
  /** Slots held by handlers that were abandoned and have not returned yet. */
  readonly stuck: number
  readonly completed: number
  readonly failed: number
  readonly successRate: number
  readonly lastHeartbeatAt: Date
  readonly lastError?: string
  readonly metadata?: Readonly<Record<string, unknown>>
}
