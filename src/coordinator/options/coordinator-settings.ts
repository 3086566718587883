import type { HealthSettings } from '../../router/health/health-options.js'
import type { PriorityBoosts } from '../../task/priority.js'
import type { RetryPolicy } from '../../task/retry-policy.js'
import type { MaxPending } from '../limits/queue-bounds.js'

/** How long ended tasks of one outcome are kept, and how many. Whatever is reached first. */
export interface RetentionRule {
  readonly ageMs: number
  readonly maxCount: number
}

/** A coordinator's settings, every one of them decided. Times in milliseconds. */
export interface CoordinatorSettings {
  readonly name: string
  readonly strict: boolean
  readonly taskTimeoutMs: number
  readonly abandonAfterMs: number
  readonly heartbeatMs: number
  readonly leaseMs: number
  readonly observeMs: number
  readonly pollMs: number
  readonly maxLost: number
  readonly maxLanes: number
  readonly maxPayloadBytes: number
  readonly storageWaitMs: number
  readonly decisions: number
  readonly retry: RetryPolicy
  readonly retryBudget: { readonly ratio: number; readonly floorPerSecond: number }
  readonly retention: {
    readonly completed: RetentionRule
    readonly failed: RetentionRule
    readonly cancelled: RetentionRule
    /** Turns, sessions: so long after they were last used. */
    readonly idleMs: number
  }
  readonly boosts: PriorityBoosts
  readonly maxPending: MaxPending | undefined
  /** Tenants that are not here have weight 1. */
  readonly tenantWeights: ReadonlyMap<string, number>
  readonly health: HealthSettings
}
