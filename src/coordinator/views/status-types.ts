import type { AgentSnapshot, LimitHold } from '../../task/agent.js'
import type { TaskStatus } from '../../task/task-status.js'

/** Where a coordinator or orchestrator is in its life. */
export type RunState = 'new' | 'starting' | 'running' | 'stopping' | 'stopped'

/** Whether work is being done, in short: for a health check. */
export interface Health {
  /** Running, the storage answers, and this node may claim. */
  readonly ok: boolean
  readonly state: RunState
  readonly ownerId: string
  readonly storage: { readonly name: string; readonly available: boolean }
  /** Since the storage last took this node's beat, in milliseconds; absent before the first. */
  readonly beatAgeMs?: number
  /** Handlers that run here, the stuck ones included. */
  readonly running: number
  readonly stuck: number
}

/** The ready tasks of one lane. */
export interface LaneStatus {
  /** `*`: any type. For the lanes of fallbacks, what they wait for. */
  readonly type: string
  readonly requires: readonly string[]
  /** Counted up to 10,000. */
  readonly ready: number
  /** Agents known here that could take them, busy or not. */
  readonly agents: number
  /** Of those at work (not paused, draining or offline), how many have no open breaker for it and are not ejected. */
  readonly healthy: number
  /** How many are ejected: left out, unless so few are healthy that they are used all the same. */
  readonly ejected: number
  /** Whether so few are healthy. */
  readonly inPanic: boolean
}

/** A process that may hold claims. */
export interface OwnerStatus {
  readonly ownerId: string
  readonly startedAt: Date
  readonly self: boolean
  readonly host?: string
  readonly pid?: number
}

/** Everything at a glance: `app.status()`. */
export interface OrchestratorStatus extends Health {
  readonly name: string
  readonly startedAt?: Date
  readonly uptimeMs: number
  readonly agents: readonly AgentSnapshot[]
  readonly lanes: readonly LaneStatus[]
  /** The task types of which nothing starts here at present, for their `rateLimit` or `budget`. Agents' own are in `agents`. */
  readonly limited: readonly ({ readonly taskType: string } & LimitHold)[]
  /** Each counted up to 10,000. */
  readonly tasks: Readonly<Record<TaskStatus, number>>
  readonly owners: readonly OwnerStatus[]
  readonly storage: { readonly name: string; readonly available: boolean; readonly durable: boolean }
  readonly engine: { readonly name: string }
  /** The strategy that decides when a task names none. */
  readonly strategy: string
}
