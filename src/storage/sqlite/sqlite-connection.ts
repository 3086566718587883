import pRetry from 'p-retry'
import type { StorageSchema } from '../storage.js'
import { assertDirectory, loadDriver, type SqliteDatabase } from './sqlite-driver.js'
import { isBusy, sqliteCode } from './sqlite-errors.js'
import { prepareLayout, TOUCH_SQL } from './sqlite-layout.js'
import type { SqliteSettings } from './sqlite-options.js'

/** Pages of write-ahead log before they are copied into the file: 16 MB, so that a page that changes often is copied less. */
const CHECKPOINT_PAGES = 4_000

/** How often a file that others are opening or migrating is tried again, and the longest pause between two tries. */
const OPEN_RETRIES = 8
const OPEN_PAUSE_MS = { minTimeout: 25, maxTimeout: 500 }

/**
 * Opens the database and brings it to the schema's layout. Switching to the write-ahead log needs the file alone for a
 * moment and does not wait for it, so a busy file is tried again.
 */
export async function connect(settings: SqliteSettings, schema: StorageSchema, now: number): Promise<SqliteDatabase> {
  const { path, database } = settings
  if (path !== undefined) assertDirectory(path)
  const open = database === undefined ? await loadDriver(settings.driver) : undefined
  const attempt = () => {
    const db = open === undefined ? (database as SqliteDatabase) : open(path as string)
    try {
      if (open !== undefined) setPragmas(db, settings)
      transaction(db, () => prepareLayout(db, schema, { migrate: settings.migrate, now }))
      // From now on the storage waits itself, without blocking this process.
      if (open !== undefined) db.exec('PRAGMA busy_timeout = 0')
      return db
    } catch (error) {
      if (open !== undefined) db.close()
      throw error
    }
  }
  return await pRetry(attempt, { retries: OPEN_RETRIES, ...OPEN_PAUSE_MS, shouldRetry: ({ error }) => isBusy(error) })
}

/**
 * A connection beside, for what may be lost: it never waits for a lock, flushes nothing when it commits, and leaves copying the
 * log to the other.
 */
export async function connectBeside({ path, driver }: SqliteSettings): Promise<SqliteDatabase> {
  const open = await loadDriver(driver)
  const db = open(path as string)
  try {
    db.exec('PRAGMA busy_timeout = 0; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0')
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function setPragmas(db: SqliteDatabase, { busyTimeoutMs, synchronous }: SqliteSettings): void {
  db.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
  db.exec('PRAGMA journal_mode = WAL')
  db.exec(`PRAGMA synchronous = ${synchronous}`)
  db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
}

/**
 * Runs `work` in a write transaction. When this throws, nothing was written: SQLite applies a transaction whole, at
 * COMMIT, and a COMMIT that fails is rolled back here. That holds for a lock, a full disk and a failed write.
 *
 * One case needs care. When COMMIT fails because the log could not be flushed, the transaction's last frame may lie in
 * the log already: no connection sees it, but recovery after a crash would. The next commit writes over it, so one is
 * made at once.
 */
export function transaction<T>(db: SqliteDatabase, work: () => T): T {
  db.exec('BEGIN IMMEDIATE')
  let done = false
  try {
    const result = work()
    done = true
    db.exec('COMMIT')
    return result
  } catch (error) {
    rollBack(db)
    if (done && sqliteCode(error) === 'IOERR') overwriteLog(db)
    throw error
  }
}

/** SQLite may have rolled back by itself, and then there is nothing to do. */
function rollBack(db: SqliteDatabase): void {
  try {
    db.exec('ROLLBACK')
  } catch {
    // "no transaction is active", or the error that is being reported already.
  }
}

function overwriteLog(db: SqliteDatabase): void {
  try {
    db.exec(`BEGIN IMMEDIATE; ${TOUCH_SQL}; COMMIT`)
  } catch {
    rollBack(db)
  }
}
