/** Rows that the driver alone writes to a SQLite file with `synchronous=FULL`, in transactions of 500. */
import { BATCH } from './peer.js'

/** The members of better-sqlite3 and node:sqlite that raw writing needs; both have them. */
interface RawDatabase {
  exec(sql: string): unknown
  prepare(sql: string): { run(...values: string[]): unknown }
  close(): void
}

async function openDatabase(path: string): Promise<{ driver: string; database: RawDatabase }> {
  if (Number(process.versions.node.split('.')[0]) < 22) {
    const driver = 'better-sqlite3'
    const { default: Database } = (await import(driver)) as { default: new (path: string) => RawDatabase }
    return { driver, database: new Database(path) }
  }
  const driver = 'node:sqlite'
  const { DatabaseSync } = (await import(driver)) as { DatabaseSync: new (path: string) => RawDatabase }
  return { driver, database: new DatabaseSync(path) }
}

/** Opens a file that others may write to at the same time. */
export async function openRawRows(path: string) {
  const { driver, database } = await openDatabase(path)
  database.exec('PRAGMA busy_timeout=10000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL')
  database.exec('CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID')
  const insert = database.prepare('INSERT INTO rows VALUES (?, ?)')
  const value = JSON.stringify({ type: 'bench', state: 'ready', input: { n: 1 }, note: 'x'.repeat(200) })
  return {
    driver,
    /** Rows of numbers that nobody else writes. */
    write: (first: number, count: number) => {
      for (let from = first; from < first + count; from += BATCH) {
        database.exec('BEGIN IMMEDIATE')
        const end = Math.min(from + BATCH, first + count)
        for (let n = from; n < end; n++) insert.run(String(n).padStart(12, '0'), value)
        database.exec('COMMIT')
      }
    },
    close: () => database.close(),
  }
}
