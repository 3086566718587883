import Database from 'better-sqlite3'
import type { SqliteDatabase } from '../../../src/storage/sqlite/index.js'
import type { RecordValue, SetResult, Storage, Write } from '../../../src/storage/storage.js'

/**
 * Whether better-sqlite3, compiled for one version of Node, loads in this one. Where it does not, SQLite storages use
 * `node:sqlite`, and what tests do to a file behind their back can't be done.
 */
export const betterSqliteLoads = loads()
if (!betterSqliteLoads) console.warn('better-sqlite3 is not tested: it does not load in this version of Node.')

function loads(): boolean {
  try {
    new Database(':memory:').close()
    return true
  } catch {
    return false
  }
}

let versions = 0

/** A write that creates, or changes what has the version `expect`. */
export function leave(id: string, value: RecordValue, expect: string | null = null, kind = 'item'): Write {
  return { kind, id, expect, leave: { version: `v${++versions}`, value } }
}

/** Commits one set of these writes. */
export async function commit(storage: Storage, ...writes: Write[]): Promise<SetResult | undefined> {
  return (await storage.commit([{ writes, notAfter: Number.MAX_SAFE_INTEGER }])).results[0]
}

/** The code and message of a rejection. */
export async function failure(
  promise: Promise<unknown>,
): Promise<{ code?: string; message: string; retryable?: boolean }> {
  try {
    await promise
  } catch (error) {
    return error as { code?: string; message: string; retryable?: boolean }
  }
  throw new Error('expected a rejection')
}

/** A live database that shows each statement to `before`, which may throw in its place. */
export function watched(database: Database, before: (sql: string) => void): SqliteDatabase {
  return {
    exec(sql) {
      before(sql)
      return database.exec(sql)
    },
    prepare(sql) {
      before(sql)
      return database.prepare(sql)
    },
    close: () => database.close(),
  }
}

/** Runs SQL on a connection of its own. */
export function runSql(path: string, sql: string): void {
  const database = new Database(path)
  database.exec(sql)
  database.close()
}
