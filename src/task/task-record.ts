import type { StoredError } from '../errors/codes.js'
import type { Cost } from './limits.js'
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
  readonly endedAt?: number | undefined
  readonly outcome?: AttemptOutcome | undefined
  readonly error?: StoredError | undefined
  /** Of the settle that ended it: how its writer knows its own commit again after an unknown outcome. */
  readonly settleToken?: string | undefined
  readonly strategy?: string | undefined
  readonly score?: number | undefined
  /** What its handler said that it cost. */
  readonly cost?: Cost | undefined
  /** `fallback` for an extra attempt by a fallback agent or function. */
  readonly role?: 'fallback' | undefined
}

/**
 * Everything that happened to one unit of work, as stored. Changed by `task/task-life-cycle.ts` alone, written by the coordinator's
 * guarded commits alone. All times are storage time in milliseconds. What is undefined is absent: every task has the same
 * shape in memory, which is what makes copying one quick.
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
  readonly runAt?: number | undefined
  /** Not started by then: failed with TASK_EXPIRED. */
  readonly expiresAt?: number | undefined
  readonly timeoutMs?: number | undefined
  readonly input?: unknown | undefined
  readonly output?: unknown | undefined
  readonly error?: StoredError | undefined
  readonly endedAt?: number | undefined
  readonly cancelReason?: string | undefined
  readonly attempts: readonly AttemptRecord[]
  /** The unfinished attempt's owner; on a task cancelled while running, until its handler has returned. */
  readonly holder?: string | undefined
  /** When the claim of a polling agent ends; absent for claims held by nodes. */
  readonly claimEndsAt?: number | undefined
  /** The permit record that the running attempt occupies. */
  readonly permitId?: string | undefined
  /** Where it stands in its ordering key. */
  readonly turnKey?: string | undefined
  readonly seq?: number | undefined
  readonly sessionId?: string | undefined
  readonly parentId?: string | undefined
  /** The task that this one was redriven from. */
  readonly redriveOf?: string | undefined
  readonly idempotencyKey?: string | undefined
  readonly strategy?: string | undefined
  readonly fallbackAgents?: readonly string[] | undefined
  /** How far the fallbacks have got: how many fallback agents were used up, and whether the function is next. */
  readonly fallbackStep?: number | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** It answers messages: its output is the session's next message. */
  readonly answers?: boolean | undefined
  /** Set on a message task while it collects others and is not due yet. */
  readonly merge?: boolean | undefined
}
