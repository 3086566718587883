import { BatutaError, isBatutaError } from '../../errors/base-error.js'

/** What the server's function raises when the store has another layout than the caller. */
export const OTHER_LAYOUT = 'BT001'

/** The SQLSTATE of an error that the server answered with; undefined for one of the connection or of ours. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, severity } = error as { code?: unknown; severity?: unknown }
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && severity !== undefined ? code : undefined
}

/**
 * Whether nobody can say what a statement did: the error is not an answer of the server, or its last word. A server that
 * shuts down may have committed before it says so.
 */
function isOutcomeOpen(error: unknown): boolean {
  const state = sqlState(error)
  return state === undefined || /^(08|40003|57P0[125])/.test(state)
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

const MEANINGS: readonly Meaning[] = [
  {
    states: /^25006/,
    what: 'only takes reads: it is a replica, or default_transaction_read_only is on.',
    fix: 'Point the connection at the primary (target_session_attrs, or the address that follows a failover).',
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

/** What an error means to users of the port. Errors of ours pass as they are, and so does what is no error of a database. */
export function toStorageError(error: unknown, kind: CallKind): unknown {
  if (isBatutaError(error) || !(error instanceof Error)) return error
  const data = { storage: 'postgres' }
  if (isOutcomeOpen(error)) {
    if (kind === 'reads') return notConnected(error)
    const message = 'The connection to PostgreSQL broke before it said whether it wrote.'
    return new BatutaError('STORAGE_OUTCOME_UNKNOWN', message, { data, cause: error })
  }
  const { what, fix, retryable } = MEANINGS.find(({ states }) => states.test(sqlState(error) ?? '')) ?? OTHER
  const message = `PostgreSQL ${what} Nothing was written.`
  return new BatutaError('STORAGE_UNAVAILABLE', message, { data, fix, cause: error, retryable })
}
