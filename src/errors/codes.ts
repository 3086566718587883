/** One thing that a schema had to say against a value. */
export interface SchemaIssue {
  readonly message: string
  /** Where in the value, outermost key first; empty for the value as a whole. */
  readonly path: readonly (string | number)[]
}

/** Why one attempt failed, as stored: plain data, never a live error. */
export interface StoredError {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
}

/**
 * Every error code, with the data that comes with it. A code is never renamed and never changes its meaning;
 * `docs/errors.md` lists cause and cure of each.
 */
export interface ErrorDataByCode {
  // Misuse, found before anything runs.
  /** An option is unknown, of the wrong type, out of bounds, or contradicts another. */
  OPTIONS_INVALID: { readonly issues: readonly SchemaIssue[]; readonly index?: number }
  /** A task definition, agent or message call is malformed (empty id, reserved character, no handler). */
  DEFINITION_INVALID: { readonly name: string }
  /** Two different definitions or agents claim one name. */
  DUPLICATE_ID: { readonly kind: 'agent' | 'task' | 'handler'; readonly id: string }
  /** A strategy name that does not exist. */
  STRATEGY_UNKNOWN: { readonly name: string; readonly didYouMean?: string }
  /** An optional peer dependency is not installed. */
  PEER_MISSING: { readonly packageName: string }
  /** The orchestrator has not been started, is stopping, or has stopped. */
  NOT_RUNNING: { readonly state: 'new' | 'starting' | 'stopping' | 'stopped' }

  // Input refused; nothing was written.
  /** The input does not fit the task's input schema. */
  INPUT_INVALID: { readonly taskType: string; readonly issues: readonly SchemaIssue[]; readonly index?: number }
  /** A handler returned what its output schema refuses. */
  OUTPUT_INVALID: { readonly taskType: string; readonly issues: readonly SchemaIssue[] }
  /** A schema threw, or answered with a promise, where a synchronous answer is needed. */
  SCHEMA_BROKEN: { readonly taskType: string }
  /** A value that JSON would change or drop: `path` says where. */
  PAYLOAD_NOT_JSON: { readonly path: string; readonly found: string; readonly index?: number }
  /** A value larger than the limit. */
  PAYLOAD_TOO_LARGE: { readonly bytes: number; readonly maxBytes: number; readonly index?: number }
  /** Nobody has a capability that the task requires, and `strict` is on. */
  CAPABILITY_UNKNOWN: { readonly capability: string; readonly didYouMean?: string }
  /** Nobody handles the task's type, and `strict` is on. */
  TASK_TYPE_UNKNOWN: { readonly taskType: string; readonly didYouMean?: string }
  /** The idempotency key was used before with another input. */
  IDEMPOTENCY_CONFLICT: { readonly idempotencyKey: string; readonly taskId: string }
  /** Options that order the task in two ways at once, or ask for a busy policy that a delay makes meaningless. */
  ORDERING_CONFLICT: { readonly reason: string }
  /** The ordering key is busy and the policy is `reject`. */
  ORDERING_BUSY: { readonly orderingKey: string }
  /** The session is busy and the policy is `reject`. */
  SESSION_BUSY: { readonly sessionId: string }
  /** The application uses more distinct combinations of type and requirements than the limit. */
  LANE_LIMIT: { readonly lane: string; readonly limit: number }
  /** `processMessage` without `messages` in the options. */
  MESSAGES_NOT_CONFIGURED: Record<never, never>

  // What became of a task or an attempt.
  /** Every attempt failed and no fallback helped. */
  TASK_FAILED: { readonly taskId: string }
  /** The task was cancelled. */
  TASK_CANCELLED: { readonly taskId: string; readonly reason?: string }
  /** The attempt ran longer than its timeout. */
  TASK_TIMEOUT: { readonly timeoutMs: number }
  /** The attempt reported no progress for longer than allowed. */
  TASK_STALLED: { readonly stallAfterMs: number }
  /** Its owners died `lost` times: the task may be what kills them. */
  TASK_LOST: { readonly lost: number }
  /** The task was not started by its `expiresAt`. */
  TASK_EXPIRED: { readonly expiresAt: number }
  /** The owner of the attempt lost its right to it, or was shut down. */
  ATTEMPT_RELEASED: { readonly reason: string }
  /** A handler threw something that is not an error. */
  HANDLER_THREW: { readonly thrown: string }
  /** No task has this id. */
  TASK_NOT_FOUND: { readonly taskId: string }
  /** Too many tasks wait already. `data.retryAfterMs`: when there is probably room. */
  QUEUE_FULL: {
    readonly scope: 'perLane' | 'perTenant' | 'total'
    readonly limit: number
    readonly retryAfterMs: number
    readonly lane?: string
    readonly tenant?: string
  }
  /** The task is of another type than the definition given. */
  TASK_TYPE_MISMATCH: { readonly taskId: string; readonly expected: string; readonly found: string }
  /** The caller stopped waiting; the task goes on. */
  WAIT_TIMEOUT: { readonly taskId: string; readonly waitMs?: number }
  /** The task can't be redriven or changed in the state it is in. */
  TASK_STATE: { readonly taskId: string; readonly status: string }

  // Agents.
  /** No agent has this id here. */
  AGENT_NOT_FOUND: { readonly agentId: string; readonly didYouMean?: string }
  /** The agent is not one that polls. */
  AGENT_NOT_POLLING: { readonly agentId: string }
  /** The claim has ended: settled, expired, cancelled, or taken over. */
  CLAIM_LOST: { readonly taskId: string; readonly attempt: number }

  // Sessions.
  /** `ctx.session` on a task that belongs to no session. */
  NO_SESSION: { readonly taskId: string }
  /** A session key moved since this attempt read it. Retried by itself. */
  CONTEXT_CONFLICT: { readonly sessionId: string; readonly key: string }

  // Strategies.
  /** A strategy answered with a promise; the fallback strategy decided. */
  STRATEGY_ASYNC: { readonly strategy: string }
  /** A strategy threw, or chose somebody who was not a candidate; the fallback strategy decided. */
  STRATEGY_BROKEN: { readonly strategy: string }

  // Storage.
  /** The storage could not be reached, or is busy. Nothing was written. */
  STORAGE_UNAVAILABLE: { readonly storage: string; readonly path?: string }
  /** The storage went away while it was writing. Adapters throw it; callers of `submit` get SUBMIT_OUTCOME_UNKNOWN. */
  STORAGE_OUTCOME_UNKNOWN: { readonly storage: string }
  /** The storage stayed away too long to say whether the task was stored. Safe to repeat with an idempotency key. */
  SUBMIT_OUTCOME_UNKNOWN: { readonly taskId: string }
  /** The database file can't be written. */
  STORAGE_READONLY: { readonly storage: string; readonly path?: string }
  /** The database file is damaged, or is not a database. */
  STORAGE_CORRUPT: { readonly storage: string; readonly path?: string }
  /** The storage refuses this record, whoever sends it: too long an id for an index, characters that its encoding lacks. */
  STORAGE_REFUSED: { readonly storage: string }
  /** The store was written by a newer layout than this version knows. */
  STORAGE_NEWER: { readonly storage: string; readonly found: number; readonly known: number }
  /** The store's layout is older than this version's, or missing, and migrating is switched off. `found` 0: none. */
  STORAGE_OUTDATED: { readonly storage: string; readonly found: number; readonly known: number }
  /** A server is too old for the storage, or has a setting with which it would lose what was accepted. */
  STORAGE_UNSUITABLE: {
    readonly storage: string
    readonly setting: string
    readonly found: string
    readonly needed: string
  }
  /** The storage was closed. */
  STORAGE_CLOSED: { readonly storage: string; readonly path?: string }
}

/** A stable name for what went wrong. */
export type ErrorCode = keyof ErrorDataByCode

/** The codes of errors that may go away by themselves: the same call may work later. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'STORAGE_UNAVAILABLE',
  'STORAGE_OUTCOME_UNKNOWN',
  'ORDERING_BUSY',
  'QUEUE_FULL',
  'SESSION_BUSY',
  'CONTEXT_CONFLICT',
  'TASK_TIMEOUT',
  'TASK_STALLED',
  'WAIT_TIMEOUT',
  'ATTEMPT_RELEASED',
])

/** Whether an error with this code may go away by itself. */
export function isRetryableCode(code: ErrorCode): boolean {
  return RETRYABLE.has(code)
}
