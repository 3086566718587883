import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { BatutaError } from '../../errors/base-error.js'
import { importPeer } from '../../internal/import-peer.js'

/** What SQLite keeps in a column. */
export type SqlValue = string | number | null

/** A prepared statement, as better-sqlite3 and node:sqlite have it. */
export interface SqliteStatement {
  run(...values: SqlValue[]): { readonly changes: number | bigint }
  get(...values: SqlValue[]): unknown
  all(...values: SqlValue[]): unknown[]
}

/** An open database, as better-sqlite3 and node:sqlite have it. */
export interface SqliteDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
  close(): unknown
}

/** Which driver to use: `auto` takes node:sqlite where the runtime has it, else better-sqlite3. */
export type SqliteDriver = 'auto' | 'node:sqlite' | 'better-sqlite3'

interface NodeSqlite {
  readonly DatabaseSync: new (path: string) => SqliteDatabase
}

type Opener = (path: string) => SqliteDatabase

async function nodeSqlite(): Promise<Opener | undefined> {
  const sqlite = process.getBuiltinModule('node:sqlite') as NodeSqlite | undefined
  return sqlite && ((path) => new sqlite.DatabaseSync(path))
}

async function betterSqlite(): Promise<Opener> {
  const { default: Database } = await importPeer('better-sqlite3', 'sqliteStorage', () => import('better-sqlite3'))
  return (path) => new Database(path)
}

/**
 * Loads a driver.
 * @throws PEER_MISSING when better-sqlite3 is needed and not installed; OPTIONS_INVALID when node:sqlite is asked for
 * and the runtime has none.
 */
export async function loadDriver(driver: SqliteDriver): Promise<Opener> {
  if (driver === 'better-sqlite3') return await betterSqlite()
  const builtin = await nodeSqlite()
  if (builtin !== undefined) return builtin
  if (driver === 'auto') return await betterSqlite()
  const message = `Node ${process.versions.node} has no node:sqlite.`
  throw new BatutaError('OPTIONS_INVALID', message, {
    data: { issues: [{ message, path: ['driver'] }] },
    fix: "Use Node 22.13 or newer, or driver: 'better-sqlite3'.",
  })
}

/** Whether a path names a file, and not `:memory:` or a URI with its own rules. */
export function isPlainFile(path: string): boolean {
  return path !== '' && path !== ':memory:' && !path.startsWith('file:')
}

/**
 * Says clearly that the directory is missing; the drivers say that they "can't open the file".
 * @throws STORAGE_UNAVAILABLE, not retryable.
 */
export function assertDirectory(path: string): void {
  if (!isPlainFile(path) || existsSync(dirname(path))) return
  throw new BatutaError('STORAGE_UNAVAILABLE', `The directory of the database file "${path}" does not exist.`, {
    data: { storage: 'sqlite' },
    fix: `Create "${dirname(path)}" first.`,
    retryable: false,
  })
}
