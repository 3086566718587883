import Database from 'better-sqlite3'
import { isBusy } from '../../src/storage/sqlite/sqlite-errors.js'

/** Longer than any process that runs keeps a SQLite file locked. */
const LONG_MS = 300

/** Whether somebody keeps a SQLite file locked and does not let go: a process that was stopped inside a transaction. Blocks meanwhile. */
export function isKeptLocked(path: string): boolean {
  const db = new Database(path, { timeout: LONG_MS })
  try {
    db.exec('BEGIN IMMEDIATE; ROLLBACK')
    return false
  } catch (error) {
    if (isBusy(error)) return true
    throw error
  } finally {
    db.close()
  }
}
