import { BatutaError, isBatutaError } from '../../errors/base-error.js'

/** SQLite's primary result codes that mean something to us: https://sqlite.org/rescode.html */
const NAMES: Readonly<Record<number, string>> = {
  5: 'BUSY',
  6: 'LOCKED',
  8: 'READONLY',
  10: 'IOERR',
  11: 'CORRUPT',
  13: 'FULL',
  14: 'CANTOPEN',
  26: 'NOTADB',
}

/** The primary result code in a driver's error: `BUSY`, `FULL`; better-sqlite3 names it, node:sqlite numbers it. */
export function sqliteCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, errcode } = error as { code?: unknown; errcode?: unknown }
  if (typeof errcode === 'number') return NAMES[errcode & 0xff]
  return typeof code === 'string' ? /^SQLITE_([A-Z]+)/.exec(code)?.[1] : undefined
}

/** Whether another connection holds a lock that it will give back. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === 'BUSY' || code === 'LOCKED'
}

interface Meaning {
  readonly code: 'STORAGE_UNAVAILABLE' | 'STORAGE_READONLY' | 'STORAGE_CORRUPT'
  readonly what: string
  readonly fix: string
}

const LOCKED: Meaning = {
  code: 'STORAGE_UNAVAILABLE',
  what: 'is locked by another process or connection. Nothing was written.',
  fix: 'End long transactions elsewhere (a backup, an open shell), or raise busyTimeoutMs.',
}

const DAMAGED: Meaning = {
  code: 'STORAGE_CORRUPT',
  what: 'is damaged, or is not a database.',
  fix: 'Check the path; restore the file from a backup, or save what can be read with "sqlite3 FILE .recover".',
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  BUSY: LOCKED,
  LOCKED,
  CORRUPT: DAMAGED,
  NOTADB: DAMAGED,
  READONLY: {
    code: 'STORAGE_READONLY',
    what: "can't be written.",
    fix: 'Make the file and its directory writable for this user, and open it without a read-only mode.',
  },
  FULL: {
    code: 'STORAGE_UNAVAILABLE',
    what: "can't grow: the disk, or the database's own limit, is full. Nothing was written.",
    fix: 'Make room; the same call works then.',
  },
  CANTOPEN: {
    code: 'STORAGE_UNAVAILABLE',
    what: "can't be opened.",
    fix: 'Check that the path names a file, and that this user may read and write it and its directory.',
  },
  IOERR: {
    code: 'STORAGE_UNAVAILABLE',
    what: "can't be read or written: the file system failed. Nothing was written.",
    fix: 'Check the disk; the same call may work again.',
  },
}

const OTHER: Meaning = {
  code: 'STORAGE_UNAVAILABLE',
  what: 'failed. Nothing was written.',
  fix: 'See the cause.',
}

/**
 * What a driver's error means to users of the port. Errors of ours pass as they are, and so does what is no error of
 * SQLite's: a bug should look like one.
 */
export function toStorageError(error: unknown, path: string | undefined): unknown {
  if (isBatutaError(error) || !(error instanceof Error)) return error
  const name = path === undefined ? 'The database' : `The database "${path}"`
  const data = { storage: 'sqlite', ...(path !== undefined && { path }) }
  if (/not open/.test(error.message)) {
    return new BatutaError('STORAGE_CLOSED', `${name} was closed by somebody else.`, { data, cause: error })
  }
  if (!/SQLITE/.test(String((error as { code?: unknown }).code))) return error
  const { code, what, fix } = MEANINGS[sqliteCode(error) ?? ''] ?? OTHER
  return new BatutaError(code, `${name} ${what}`, { data, fix, cause: error })
}
