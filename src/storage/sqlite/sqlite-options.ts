import { BatutaError } from '../../errors/base-error.js'
import { realClock } from '../../internal/clock.js'
import type { SqliteDatabase, SqliteDriver } from './sqlite-driver.js'

/** Settings of `sqliteStorage`. Exactly one of `path` and `database` is needed. */
export interface SqliteStorageOptions {
  /** The database file, created when missing; its directory must exist. Write-ahead log beside it (`-wal`, `-shm`). */
  readonly path?: string | undefined
  /**
   * A live better-sqlite3 or node:sqlite database instead of a path. Its pragmas stay as they are, `synchronous`
   * included, and it is not closed.
   */
  readonly database?: SqliteDatabase | undefined
  /**
   * `full` (default): what was committed survives a power cut. `normal`: the last moments may be lost in a power cut,
   * though not in a crash of the process; several times faster where commits are small.
   */
  readonly synchronous?: 'full' | 'normal' | undefined
  /**
   * How long a call waits for another process's lock before it rejects with STORAGE_UNAVAILABLE, in milliseconds.
   * Default 1,000. The wait blocks this process, so keep it well below the lease of owners (3 s).
   */
  readonly busyTimeoutMs?: number | undefined
  /** Default `auto`: node:sqlite where the runtime has it, else better-sqlite3. */
  readonly driver?: SqliteDriver | undefined
  /** Whether `open` creates and changes tables. Default true; with false it rejects with STORAGE_OUTDATED instead. */
  readonly migrate?: boolean | undefined
  /** Storage time in milliseconds since the Unix epoch. Default: the machine's. May jump; the storage never goes back. */
  readonly now?: (() => number) | undefined
}

/** {@link SqliteStorageOptions} with every default filled in. */
export interface SqliteSettings {
  readonly path: string | undefined
  readonly database: SqliteDatabase | undefined
  readonly synchronous: 'full' | 'normal'
  readonly busyTimeoutMs: number
  readonly driver: SqliteDriver
  readonly migrate: boolean
  readonly now: () => number
}

const NAMES: readonly (keyof SqliteStorageOptions)[] = [
  'path',
  'database',
  'synchronous',
  'busyTimeoutMs',
  'driver',
  'migrate',
  'now',
]

function assertOption(valid: boolean, path: string, message: string): void {
  if (valid) return
  throw new BatutaError('OPTIONS_INVALID', `sqliteStorage: ${message}`, {
    data: { issues: [{ message, path: [path] }] },
  })
}

/** @throws OPTIONS_INVALID */
export function sqliteSettings(options: SqliteStorageOptions): SqliteSettings {
  assertOption(typeof options === 'object' && options !== null, '', 'Give an object with a path or a live database.')
  const { path, database } = options
  const synchronous = options.synchronous ?? 'full'
  const busyTimeoutMs = options.busyTimeoutMs ?? 1_000
  const driver = options.driver ?? 'auto'
  const unknown = Object.keys(options).find((name) => !(NAMES as readonly string[]).includes(name))
  assertOption(unknown === undefined, unknown ?? '', `There is no option "${unknown}".`)
  assertOption((path === undefined) !== (database === undefined), 'path', 'Give either a path or a live database.')
  assertOption(path === undefined || typeof path === 'string', 'path', 'The path is no text.')
  assertOption(path !== '', 'path', 'The path is empty.')
  const foreign =
    database !== undefined && (options.synchronous ?? options.busyTimeoutMs ?? options.driver) !== undefined
  assertOption(!foreign, 'database', 'A live database keeps its own synchronous, busy timeout and driver.')
  assertOption(['full', 'normal'].includes(synchronous), 'synchronous', 'synchronous is "full" or "normal".')
  const isWhole = Number.isInteger(busyTimeoutMs) && busyTimeoutMs >= 0
  assertOption(isWhole, 'busyTimeoutMs', 'busyTimeoutMs is a whole number of milliseconds, 0 or more.')
  const known = ['auto', 'node:sqlite', 'better-sqlite3'].includes(driver)
  assertOption(known, 'driver', 'driver is "auto", "node:sqlite" or "better-sqlite3".')
  const migrate = options.migrate ?? true
  return { path, database, synchronous, busyTimeoutMs, driver, migrate, now: options.now ?? realClock.now }
}
