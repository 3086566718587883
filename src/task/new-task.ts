import { laneOf } from './lane.js'
import { type Priority, type PriorityBoosts, rankOf } from './priority.js'
import type { TaskRecord } from './task-record.js'

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

/** A task as it is first stored: scheduled when it has a delay, else ready. Its turn, if it has one, is not decided yet. */
export function newTask(spec: TaskSpec, id: string, now: number, boosts: PriorityBoosts): TaskRecord {
  const isDelayed = spec.runAt !== undefined && spec.runAt > now
  const dueAt = isDelayed && spec.runAt !== undefined ? spec.runAt : now
  const task: { -readonly [K in keyof TaskRecord]: TaskRecord[K] } = {
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
    attempts: [],
  }
  if (isDelayed) task.runAt = dueAt
  if (spec.input !== undefined) task.input = spec.input
  if (spec.expiresAt !== undefined) task.expiresAt = spec.expiresAt
  if (spec.timeoutMs !== undefined) task.timeoutMs = spec.timeoutMs
  if (spec.strategy !== undefined) task.strategy = spec.strategy
  if (spec.fallbackAgents !== undefined && spec.fallbackAgents.length > 0) task.fallbackAgents = spec.fallbackAgents
  if (spec.metadata !== undefined) task.metadata = spec.metadata
  if (spec.idempotencyKey !== undefined) task.idempotencyKey = spec.idempotencyKey
  if (spec.turnKey !== undefined) task.turnKey = spec.turnKey
  if (spec.sessionId !== undefined) task.sessionId = spec.sessionId
  if (spec.parentId !== undefined) task.parentId = spec.parentId
  if (spec.redriveOf !== undefined) task.redriveOf = spec.redriveOf
  if (spec.answers === true) task.answers = true
  if (spec.merge === true) task.merge = true
  return task
}
