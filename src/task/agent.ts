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
  /** What one of its tasks costs, in the application's unit: `balanced` and `cost_aware` compare by it. Default 0. */
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

/** A breaker that is not closed. */
export interface BreakerSnapshot {
  readonly taskType: string
  /** `half_open`: one task at a time tries whether the agent works again. */
  readonly state: 'open' | 'half_open'
  /** When it will be half open. Absent when it is. */
  readonly until?: Date
  /** Attempts that were counted when it opened, and how many of them had failed. */
  readonly calls: number
  readonly failures: number
}

/** What keeps an agent from work, or from its full share of it, for its failures. */
export interface AgentHealth {
  /** Attempts in a row that failed by the agent's fault. */
  readonly failuresInARow: number
  /** Those that are not closed, by task type. */
  readonly breakers: readonly BreakerSnapshot[]
  /** It gets no tasks before `until`, unless fewer than half of a lane's agents are healthy. Absent when it is not ejected. */
  readonly ejected?: {
    readonly until: Date
    readonly by: 'failures' | 'operator'
    /** How often it was ejected for failures, this time included; forgotten while time passes. */
    readonly ejections: number
  }
  /** It is new or has recovered, and has its full share from then on. Absent when it has it. */
  readonly slowStartUntil?: Date
}

/** A limit of an agent or a task type lets nothing start at present. */
export interface LimitHold {
  readonly reason: 'rate_limited' | 'over_budget'
  /** When it does again. Absent when that depends on attempts under way. */
  readonly until?: Date
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
  /** Slots among those taken that are free, but held back for a while after a failure. */
  readonly cooling: number
  readonly completed: number
  readonly failed: number
  readonly successRate: number
  /** The part of its full share of work that it gets, above 0; 1 unless it starts slowly. */
  readonly weight: number
  readonly health: AgentHealth
  /** Its `rateLimit` or `budget` is used up. Absent while it may start something. */
  readonly limited?: LimitHold
  readonly lastHeartbeatAt: Date
  readonly lastError?: string
  readonly metadata?: Readonly<Record<string, unknown>>
}
