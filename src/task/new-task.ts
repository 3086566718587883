import { laneOf } from './lane.js'
import { type Priority, type PriorityBoosts, rankOf } from './priority.js'
import type { AttemptRecord, TaskRecord } from './task-record.js'

/** Everything that is decided about a task before it is stored. Times in milliseconds, storage time. */
export interface TaskSpec {
  readonly type: string
  /** Sorted, without repeats. */
  readonly requires: readonly string[]
  readonly tenant: string
  readonly priority: Priority
  readonly input: unknown
  readonly runAt?: number | undefined
  readonly expiresAt?: number | undefined
  readonly timeoutMs?: number | undefined
  readonly strategy?: string | undefined
  readonly fallbackAgents?: readonly string[] | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly idempotencyKey?: string | undefined
  readonly turnKey?: string | undefined
  readonly sessionId?: string | undefined
  readonly parentId?: string | undefined
  readonly redriveOf?: string | undefined
  /** It answers messages: its output is the session's next message. */
  readonly answers?: boolean | undefined
  /** A message task that later messages may join until it is due. */
  readonly merge?: boolean | undefined
}

const NO_ATTEMPTS: readonly AttemptRecord[] = []

/** A task as it is first stored: scheduled when it has a delay, else ready. Its turn, if it has one, is not decided yet. */
export function newTask(spec: TaskSpec, id: string, now: number, boosts: PriorityBoosts): TaskRecord {
  const isDelayed = spec.runAt !== undefined && spec.runAt > now
  const dueAt = isDelayed && spec.runAt !== undefined ? spec.runAt : now
  return {
    id,
    type: spec.type,
    tenant: spec.tenant,
    state: isDelayed ? 'scheduled' : 'ready',
    lane: laneOf(spec.type, spec.requires),
    requires: spec.requires,
    priority: spec.priority,
    createdAt: now,
    dueAt,
    rank: rankOf(dueAt, spec.priority, boosts),
    runAt: isDelayed ? dueAt : undefined,
    expiresAt: spec.expiresAt,
    timeoutMs: spec.timeoutMs,
    input: spec.input,
    output: undefined,
    error: undefined,
    endedAt: undefined,
    cancelReason: undefined,
    attempts: NO_ATTEMPTS,
    holder: undefined,
    claimEndsAt: undefined,
    permitId: undefined,
    turnKey: spec.turnKey,
    seq: undefined,
    sessionId: spec.sessionId,
    parentId: spec.parentId,
    redriveOf: spec.redriveOf,
    idempotencyKey: spec.idempotencyKey,
    strategy: spec.strategy,
    fallbackAgents: spec.fallbackAgents,
    fallbackStep: undefined,
    metadata: spec.metadata,
    answers: spec.answers,
    merge: spec.merge === true ? true : undefined,
  }
}
