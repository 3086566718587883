import type { StoredError } from '../errors/codes.js'
import { cloneJson } from './json-value.js'
import type { Cost } from './limits.js'
import type { Priority } from './priority.js'
import type { AttemptOutcome, TaskRecord } from './task-record.js'
import { statusOf, type TaskStatus } from './task-status.js'

/** One try of a task on one agent, as users see it. */
export interface TaskAttempt {
  readonly number: number
  readonly agentId: string
  readonly ownerId: string
  readonly startedAt: Date
  readonly endedAt?: Date
  /** Absent while it runs. */
  readonly outcome?: AttemptOutcome
  readonly error?: StoredError
  /** The strategy that chose the agent, and what it made of it. */
  readonly strategy?: string
  readonly score?: number
  /** What its handler reported with `ctx.cost`, added up. */
  readonly cost?: Cost
  readonly fallback: boolean
}

/** One unit of work and everything that happened to it: plain data, a copy. */
export interface Task {
  readonly id: string
  /** `*` for a task submitted without a type. */
  readonly type: string
  readonly tenant: string
  readonly status: TaskStatus
  readonly requires: readonly string[]
  readonly priority: Priority
  readonly createdAt: Date
  /** When a delayed or backing-off task is to become ready. */
  readonly runAt?: Date
  readonly expiresAt?: Date
  readonly startedAt?: Date
  readonly endedAt?: Date
  /** As it was sent. */
  readonly input?: unknown
  /** As the handler returned it. */
  readonly output?: unknown
  readonly error?: StoredError
  readonly cancelReason?: string
  readonly attempts: readonly TaskAttempt[]
  readonly orderingKey?: string
  readonly sessionId?: string
  readonly parentId?: string
  readonly redriveOf?: string
  readonly idempotencyKey?: string
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** The default tenant. */
export const DEFAULT_TENANT = 'default'

/** What users see of a stored task. */
export function taskOf(record: TaskRecord): Task {
  const date = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms))
  const started = record.attempts[0]?.startedAt
  return defined({
    id: record.id,
    type: record.type,
    tenant: record.tenant,
    status: statusOf(record.state),
    requires: [...record.requires],
    priority: record.priority,
    createdAt: new Date(record.createdAt),
    runAt: record.state === 'scheduled' ? date(record.runAt) : undefined,
    expiresAt: date(record.expiresAt),
    startedAt: date(started),
    endedAt: date(record.endedAt),
    input: cloneJson(record.input),
    output: cloneJson(record.output),
    error: record.error === undefined ? undefined : { ...record.error },
    cancelReason: record.cancelReason,
    attempts: record.attempts.map((attempt) =>
      defined({
        number: attempt.number,
        agentId: attempt.agentId,
        ownerId: attempt.ownerId,
        startedAt: new Date(attempt.startedAt),
        endedAt: date(attempt.endedAt),
        outcome: attempt.outcome,
        error: attempt.error === undefined ? undefined : { ...attempt.error },
        strategy: attempt.strategy,
        score: attempt.score,
        cost: attempt.cost === undefined ? undefined : { ...attempt.cost },
        fallback: attempt.role === 'fallback',
      }),
    ),
    orderingKey: record.turnKey === undefined ? undefined : orderingKeyOf(record.turnKey),
    sessionId: record.sessionId,
    parentId: record.parentId,
    redriveOf: record.redriveOf,
    idempotencyKey: record.idempotencyKey,
    metadata: cloneJson(record.metadata),
  })
}

/** The user's ordering key in a turn's id, or nothing when the turn is a session's. */
function orderingKeyOf(turnKey: string): string | undefined {
  const [, space, key] = turnKey.split('/')
  return space === 'user' && key !== undefined ? decodeURIComponent(key) : undefined
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** The same object without the keys whose value is undefined. */
export function defined<T extends object>(value: T): Defined<T> {
  for (const key of Object.keys(value) as (keyof T)[]) if (value[key] === undefined) delete value[key]
  return value as Defined<T>
}
