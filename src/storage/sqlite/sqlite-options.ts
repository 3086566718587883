import { realClock } from '../../internal/clock.js'
import { idRule } from '../../task/option-check.js'
import {
  assertOption,
  checkStorageOptions,
  flagRule,
  functionRule,
  objectRule,
  type StorageOptionRules,
} from '../storage-options.js'
import { isPlainFile, type SqliteDatabase, type SqliteDriver } from './sqlite-driver.js'

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
   * Default 1,000. This process goes on meanwhile, but for `open`.
   */
  readonly busyTimeoutMs?: number | undefined
  /** Default `auto`: node:sqlite where the runtime has it, else better-sqlite3. */
  readonly driver?: SqliteDriver | undefined
  /**
   * Whether processes tell each other news through a table of the file: results, cancels, ready tasks, within some
   * milliseconds. Default true where `path` names a file. With false, and with a live database, they find out by polling.
   */
  readonly channel?: boolean | undefined
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
  readonly channel: boolean
  readonly migrate: boolean
  readonly now: () => number
}

const OF = 'sqliteStorage'

const ABOUT: StorageOptionRules<SqliteStorageOptions> = {
  of: OF,
  example: "{ path: './work.sqlite' }",
  otherNames: new Map([
    ['filename', 'path'],
    ['file', 'path'],
    ['db', 'database'],
  ]),
  rules: {
    path: idRule,
    database: objectRule('a live database of better-sqlite3 or node:sqlite', 'exec', 'prepare'),
    synchronous: (check, path, value) => check.oneOf(path, value, ['full', 'normal']),
    busyTimeoutMs: (check, path, value) => check.number(path, value, { min: 0, whole: true }),
    driver: (check, path, value) => check.oneOf(path, value, ['auto', 'node:sqlite', 'better-sqlite3']),
    channel: flagRule,
    migrate: flagRule,
    now: functionRule,
  },
}

/** @throws OPTIONS_INVALID */
export function sqliteSettings(options: SqliteStorageOptions): SqliteSettings {
  checkStorageOptions(ABOUT, options)
  const { path, database, synchronous = 'full', busyTimeoutMs = 1_000, driver = 'auto', migrate = true } = options
  const isOne = (path === undefined) !== (database === undefined)
  assertOption(OF, isOne, 'path', 'Give either a path or a live database.')
  const isOwn = database === undefined || (options.synchronous ?? options.busyTimeoutMs ?? options.driver) === undefined
  assertOption(OF, isOwn, 'database', 'A live database keeps its own synchronous, busy timeout and driver.')
  const isFile = path !== undefined && isPlainFile(path)
  const { channel = isFile, now = realClock.now } = options
  assertOption(OF, isFile || !channel, 'channel', 'A channel needs a path that names a file.')
  return { path, database, synchronous, busyTimeoutMs, driver, channel, migrate, now }
}
