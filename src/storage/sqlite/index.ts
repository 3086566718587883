export type { SqliteDatabase, SqliteDriver, SqliteStatement, SqlValue } from './sqlite-driver.js'
export type { SqliteStorageOptions } from './sqlite-options.js'
export { sqliteStorage } from './sqlite-storage.js'
