import { BatutaError, isBatutaError } from '../../errors/base-error.js'

/** What the server's function raises when the store has another layout than the caller. */
export const OTHER_LAYOUT = 'BT001'

/** The SQLSTATE of an error that the server answered with; undefined for one of the connection or of ours. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, severity } = error as { code?: unknown; severity?: unknown }
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && severity !== undefined ? code : undefined
}

/** What the server's function raises in a transaction whose snapshot may be older than its locks. */
export const OTHER_ISOLATION = 'BT003'

/** Last words of a connection. */
const LAST_WORDS = /^(08|40003|57P0[125])/

/** What only a statement raises that has not committed yet, however bad it is. */
const BEFORE_COMMIT = /^(2[1-3]|25006|2F|3[89F]|40001|40P01|42|44|54|55P03|57014|P0|BT)/

/**
 * Whether nobody can say what a statement did: the error is not an answer of the server, or its last word. A server that
 * shuts down may have committed before it says so, and one whose disk fails while it commits (PANIC) may find the commit when
 * it is up again. The word for ERROR is in the server's language: where it is not known, the outcome is not either.
 */
function isOutcomeOpen(error: unknown): boolean {
  const state = sqlState(error)
  if (state === undefined || LAST_WORDS.test(state) || state.startsWith('58')) return true
  return !BEFORE_COMMIT.test(state) && (error as { severity?: unknown }).severity !== 'ERROR'
}

/** Whether another connection should be made: this one is broken, or leads to a server that can't do what is asked. */
export function isConnectionSpent(error: unknown): boolean {
  return isOutcomeOpen(error) || /^(25|57P|XX|53)/.test(sqlState(error) ?? '')
}

interface Meaning {
  readonly states: RegExp
  readonly what: string
  readonly fix: string
  /** Whether it may go away by itself. */
  readonly retryable: boolean
}

const TO_PRIMARY = 'Point the connection at the primary (target_session_attrs, or the address that follows a failover).'

const MEANINGS: readonly Meaning[] = [
  {
    states: /^25006/,
    what: 'only takes reads: it is a replica, or default_transaction_read_only is on.',
    fix: TO_PRIMARY,
    retryable: true,
  },
  {
    states: /^53100/,
    what: 'has no room left on its disk.',
    fix: 'Make room; the same call works then.',
    retryable: true,
  },
  {
    states: /^53/,
    what: 'has no connection or no memory to spare.',
    fix: 'Raise max_connections, or give each process a smaller pool.',
    retryable: true,
  },
  { states: /^57P/, what: 'is starting or stopping.', fix: 'The same call works once it is up.', retryable: true },
  {
    states: /^(40001|40P01|55P03|57014)/,
    what: 'was held up by other transactions.',
    fix: 'End long transactions on its tables; the same call may work again.',
    retryable: true,
  },
  {
    states: /^(28|3D)/,
    what: 'does not let this user in, or there is no such database.',
    fix: 'Check user, password, database and pg_hba.conf.',
    retryable: false,
  },
  {
    states: /^42501/,
    what: 'forbids what is needed.',
    fix: 'Grant the privileges listed in docs/storage-postgres.md, or open once with a role that may create.',
    retryable: false,
  },
  {
    states: /^(42|3F)/,
    what: 'lacks a table, a column or a function.',
    fix: 'Open it once with migrate: true, or run what postgresDdl() prints.',
    retryable: false,
  },
]

/** Refusals of one record: by something that others added to a table, or by a limit of an index. */
const REFUSED = /^(2[1-3]|2F|3[89]|44|54|P0)/
const REFUSED_FIX =
  'Take off what was added to the table (a trigger, a constraint, an index); where the index is of batuta, use shorter ids.'

const OTHER: Meaning = { states: /^/, what: 'failed.', fix: 'See the cause.', retryable: true }

/** Whether a call could have changed something when it failed. */
export type CallKind = 'reads' | 'writes'

/** The error for a call that was never sent. */
export function notConnected(cause: unknown): BatutaError<'STORAGE_UNAVAILABLE'> {
  const why = cause instanceof Error ? ` (${cause.message})` : ''
  return new BatutaError('STORAGE_UNAVAILABLE', `PostgreSQL can't be reached${why}. Nothing was written.`, {
    data: { storage: 'postgres' },
    fix: 'The storage goes on connecting by itself; check address and server if it lasts.',
    cause,
  })
}

/** The error for a server whose settings do not do. */
export function unsuitable(
  setting: string,
  found: string,
  needed: string,
  fix: string,
): BatutaError<'STORAGE_UNSUITABLE'> {
  return new BatutaError('STORAGE_UNSUITABLE', `PostgreSQL has ${setting} ${found}; needed is ${needed}.`, {
    data: { storage: 'postgres', setting, found, needed },
    fix,
  })
}

/** The error for transactions that may not see what was committed while they waited for a lock. */
export function otherIsolation(found: string): BatutaError<'STORAGE_UNSUITABLE'> {
  const fix =
    "Set it for the role or the database: ALTER ROLE ... SET default_transaction_isolation = 'read committed'."
  return unsuitable('default_transaction_isolation', found, 'read committed', fix)
}

/** The error for a record that no repetition will make acceptable. Nothing was written. */
export function refused(why: string, fix: string, cause?: unknown): BatutaError<'STORAGE_REFUSED'> {
  const message = `PostgreSQL refuses a record: ${why}. Nothing was written.`
  return new BatutaError('STORAGE_REFUSED', message, { data: { storage: 'postgres' }, fix, cause })
}

/** The error for what a standby has read: commits that were answered may not have reached it. */
export function fromStandby(): BatutaError<'STORAGE_UNAVAILABLE'> {
  const message = 'PostgreSQL is a standby here, and what it reads may be old. Nothing was written.'
  return new BatutaError('STORAGE_UNAVAILABLE', message, { data: { storage: 'postgres' }, fix: TO_PRIMARY })
}

/** What an error means to users of the port. Errors of ours pass as they are, and so does what is no error of a database. */
export function toStorageError(error: unknown, kind: CallKind): unknown {
  if (isBatutaError(error) || !(error instanceof Error)) return error
  const data = { storage: 'postgres' }
  if (kind === 'writes' && isOutcomeOpen(error)) {
    const message = 'PostgreSQL, or the connection to it, broke before it said whether it wrote.'
    return new BatutaError('STORAGE_OUTCOME_UNKNOWN', message, { data, cause: error })
  }
  const state = sqlState(error)
  if (state === undefined || LAST_WORDS.test(state)) return notConnected(error)
  if (state === OTHER_ISOLATION) return otherIsolation(error.message)
  if (REFUSED.test(state)) return refused(error.message, REFUSED_FIX, error)
  const { what, fix, retryable } = MEANINGS.find(({ states }) => states.test(state)) ?? OTHER
  const message = `PostgreSQL ${what} Nothing was written.`
  return new BatutaError('STORAGE_UNAVAILABLE', message, { data, fix, cause: error, retryable })
}
