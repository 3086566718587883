import type { RoutingDecision } from '../../router/decision.js'
import type { TaskAttempt } from '../../task/task.js'
import type { TaskStatus } from '../../task/task-status.js'

/**
 * Why a pending task has not started. True of the records, and of this node's view of the agents, at `asOf` of the
 * explanation it stands in. Agents of other nodes are known by what these last made known of them, a beat or so ago: what
 * they serve, and whether they are given no new tasks, which counts as `paused`.
 */
export type PendingReason =
  /** Delayed until then by whoever submitted it. */
  | { readonly kind: 'scheduled'; readonly until: Date }
  /** Attempt `attempt` failed; the next one not before `until`. */
  | { readonly kind: 'backing_off'; readonly until: Date; readonly attempt: number }
  /** It failed, and its type has used up its retry budget until about then. */
  | { readonly kind: 'retry_budget'; readonly until: Date }
  /** One attempt is left to it, which is kept back while every attempt of its type fails that used to work: asked again at `until`. */
  | { readonly kind: 'last_retry'; readonly until: Date; readonly taskType: string }
  /** Behind an earlier task of its ordering key or session. */
  | { readonly kind: 'waiting'; readonly taskId?: string; readonly orderingKey?: string; readonly sessionId?: string }
  /** No agent known here has this capability. */
  | { readonly kind: 'no_capability'; readonly capability: string; readonly didYouMean?: string }
  /** Agents have each of the capabilities, but none has all of them. */
  | { readonly kind: 'no_agent_has_all'; readonly capabilities: readonly string[] }
  /** No agent known here handles this type. */
  | { readonly kind: 'no_handler'; readonly taskType: string; readonly didYouMean?: string }
  /** The fallback agent whose turn it is isn't known here. */
  | { readonly kind: 'no_agent'; readonly agentId: string; readonly didYouMean?: string }
  /** Everybody who could take it has all slots taken. */
  | { readonly kind: 'all_busy'; readonly agents: number }
  /** Nobody who could take it can: how many are offline, paused, draining, full and so on. */
  | { readonly kind: 'all_away'; readonly agents: number; readonly statuses: Readonly<Record<string, number>> }
  /** So many who could take it failed too often with this type; the first is tried again at `until`, or now when absent. */
  | { readonly kind: 'breaker_open'; readonly agents: number; readonly until?: Date }
  /** So many who could take it failed several times in a row, or were ejected by hand; the first comes back at `until`. */
  | { readonly kind: 'ejected'; readonly agents: number; readonly until: Date }
  /**
   * Its type (`taskType`), or so many of the agents that could take it, have started as often as they may, until then.
   * Without `until` that depends on attempts under way.
   */
  | { readonly kind: 'rate_limited'; readonly until?: Date; readonly taskType?: string; readonly agents?: number }
  /** What its type, or so many of the agents that could take it, may spend is used up or reserved, until then. */
  | { readonly kind: 'over_budget'; readonly until?: Date; readonly taskType?: string; readonly agents?: number }
  /** As many of its type run as may, over all nodes. */
  | { readonly kind: 'limit_reached'; readonly taskType: string; readonly limit: number }
  /** It failed on everybody who could take it, who therefore let it pass for now. */
  | { readonly kind: 'excluded'; readonly agents: number }
  /** Its strategy wanted none of the candidates. */
  | { readonly kind: 'strategy_declined'; readonly strategy: string }
  /** This node claims nothing at present: the storage is away, or it is stopping. */
  | { readonly kind: 'node_not_claiming'; readonly why: string }
  /** Somebody can take it; it has not been its turn yet. */
  | { readonly kind: 'queued' }

/** Why a task is where it is. As text it is made for people. */
export interface Explanation {
  readonly taskId: string
  readonly taskType: string
  readonly status: TaskStatus
  /** When this was true: storage time. */
  readonly asOf: Date
  /** Why it has not started, the most telling first. Empty unless it is pending. */
  readonly pending: readonly PendingReason[]
  /** Why each attempt went where it went, oldest first: those that this node decided and still remembers. */
  readonly decisions: readonly RoutingDecision[]
  readonly attempts: readonly TaskAttempt[]
  toString(): string
}
