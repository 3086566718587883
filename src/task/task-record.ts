import type { StoredError } from '../errors/codes.js'
import type { Priority } from './priority.js'
import type { TaskState } from './task-status.js'

/**
 * How an attempt ended. `failed` counts against the retries; `released` (shutdown, ownership lost by an owner that
 * proved alive) and `lost` (its owner died) do not.
 */
export type AttemptOutcome = 'completed' | 'failed' | 'released' | 'lost' | 'cancelled'

/** One try of a task on one agent instance, as stored. */
export interface AttemptRecord {
  readonly number: number
  readonly agentId: string
  readonly instanceId: string
  readonly ownerId: string
  /** The right to settle this attempt; made anew for each claim. */
  readonly token: string
  /** Storage time. */
  readonly startedAt: number
  readonly endedAt?: number
  readonly outcome?: AttemptOutcome
  readonly error?: StoredError
  /** Of the settle that ended it: how its writer knows its own commit again after an unknown outcome. */
  readonly settleToken?: string
  readonly strategy?: string
  readonly score?: number
  /** `fallback` for an extra attempt by a fallback agent or function. */
  readonly role?: 'fallback'
}

/**
 * Everything that happened to one unit of work, as stored. Changed by `task/task-life-cycle.ts` alone, written by the coordinator's
 * guarded commits alone. All times are storage time in milliseconds.
 */
export interface TaskRecord {
  readonly id: string
  /** `*` for a task submitted without a type. */
  readonly type: string
  readonly tenant: string
  readonly state: TaskState
  readonly lane: string
  readonly requires: readonly string[]
  readonly priority: Priority
  readonly createdAt: number
  /** What its rank is counted from: submit time, `runAt`, or the end of its last backoff. */
  readonly dueAt: number
  readonly rank: number
  /** When a scheduled task is to become ready. */
  readonly runAt?: number
  /** Not started by then: failed with TASK_EXPIRED. */
  readonly expiresAt?: number
  readonly timeoutMs?: number
  readonly input?: unknown
  readonly output?: unknown
  readonly error?: StoredError
  readonly endedAt?: number
  readonly cancelReason?: string
  readonly attempts: readonly AttemptRecord[]
  /** The unfinished attempt's owner; on a task cancelled while running, until its handler has returned. */
  readonly holder?: string
  /** When the claim of a polling agent ends; absent for claims held by nodes. */
  readonly claimEndsAt?: number
  /** The permit record that the running attempt occupies. */
  readonly permitId?: string
  /** Where it stands in its ordering key. */
  readonly turnKey?: string
  readonly seq?: number
  readonly sessionId?: string
  readonly parentId?: string
  /** The task that this one was redriven from. */
  readonly redriveOf?: string
  readonly idempotencyKey?: string
  readonly strategy?: string
  readonly fallbackAgents?: readonly string[]
  /** How far the fallbacks have got: how many fallback agents were used up, and whether the function is next. */
  readonly fallbackStep?: number
  readonly metadata?: Readonly<Record<string, unknown>>
  /** It answers messages: its output is the session's next message. */
  readonly answers?: boolean
  /** Set on a message task while it collects others and is not due yet. */
  readonly merge?: boolean
}
