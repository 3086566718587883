import { loadDriver } from '../../src/storage/sqlite/sqlite-driver.js'
import { isBusy } from '../../src/storage/sqlite/sqlite-errors.js'

/** Longer than any process that runs keeps a SQLite file locked. */
const LONG_MS = 300

/** Whether somebody keeps a SQLite file locked and does not let go: a process that was stopped inside a transaction. Blocks meanwhile. */
export async function isKeptLocked(path: string): Promise<boolean> {
  const open = await loadDriver('auto')
  const db = open(path)
  try {
    db.exec(`PRAGMA busy_timeout = ${LONG_MS}; BEGIN IMMEDIATE; ROLLBACK`)
    return false
  } catch (error) {
    if (isBusy(error)) return true
    throw error
  } finally {
    db.close()
  }
}
