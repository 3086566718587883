import { BatutaError } from '../../errors/base-error.js'
import type { PostgresConnectionSettings, PostgresPool } from './postgres-driver.js'

/** Settings of `postgresStorage`. Exactly one of `pool`, `connectionString` and `connection` is needed. */
export interface PostgresStorageOptions {
  /** A live `pg.Pool`, with room for three connections or more. It stays yours, and is not ended. */
  readonly pool?: PostgresPool | undefined
  /** `postgres://user:password@host:5432/database`. */
  readonly connectionString?: string | undefined
  /** Settings of `pg.Pool`: `{ host, port, user, password, database, ssl, max }`. */
  readonly connection?: PostgresConnectionSettings | undefined
  /** The schema that holds the tables: tells applications in one database apart. Default `batuta`. */
  readonly schema?: string | undefined
  /** Whether `open` creates and changes tables. Default true; with false it rejects with STORAGE_OUTDATED instead. */
  readonly migrate?: boolean | undefined
  /** Whether processes tell each other news through LISTEN and NOTIFY, on one connection more. Default true. */
  readonly channel?: boolean | undefined
  /**
   * How long a call may wait for a connection, and then for the answer, in milliseconds. Default 2,500: below the lease of
   * owners (3 s). A commit that takes longer is repeated, since nobody knows what became of it.
   */
  readonly commandTimeoutMs?: number | undefined
  /** How long `open` waits for a server that is starting or away, in milliseconds. Default 15,000. */
  readonly openTimeoutMs?: number | undefined
}

/** {@link PostgresStorageOptions} with every default filled in. */
export interface PostgresSettings {
  readonly pool: PostgresPool | undefined
  /** What a pool of our own is made of, where none was given. */
  readonly connection: PostgresConnectionSettings | undefined
  readonly schema: string
  readonly migrate: boolean
  readonly channel: boolean
  readonly commandTimeoutMs: number
  readonly openTimeoutMs: number
}

/** The schema when none is named. */
export const DEFAULT_SCHEMA = 'batuta'

const NAMES: readonly (keyof PostgresStorageOptions)[] = [
  'pool',
  'connectionString',
  'connection',
  'schema',
  'migrate',
  'channel',
  'commandTimeoutMs',
  'openTimeoutMs',
]

function assertOption(valid: boolean, path: string, message: string): void {
  if (valid) return
  throw new BatutaError('OPTIONS_INVALID', `postgresStorage: ${message}`, {
    data: { issues: [{ message, path: [path] }] },
  })
}

/** @throws OPTIONS_INVALID when it is no name for a schema. */
export function assertSchemaName(schema: string): void {
  const isName = /^[A-Za-z_][A-Za-z0-9_]{0,47}$/.test(schema) && !/^pg_/i.test(schema)
  assertOption(isName, 'schema', 'schema is a name of up to 48 letters, digits and "_" that does not start with "pg_".')
}

/** @throws OPTIONS_INVALID */
export function postgresSettings(options: PostgresStorageOptions): PostgresSettings {
  const { pool, connectionString, connection } = options
  const schema = options.schema ?? DEFAULT_SCHEMA
  const commandTimeoutMs = options.commandTimeoutMs ?? 2_500
  const openTimeoutMs = options.openTimeoutMs ?? 15_000
  const unknown = Object.keys(options).find((name) => !(NAMES as readonly string[]).includes(name))
  assertOption(unknown === undefined, unknown ?? '', `There is no option "${unknown}".`)
  const places = [pool, connectionString, connection].filter((place) => place !== undefined)
  assertOption(places.length === 1, 'pool', 'Give one of: a live pool, a connectionString, or connection settings.')
  assertOption(pool === undefined || typeof pool.connect === 'function', 'pool', 'The pool is not one of pg.')
  const isUrl = connectionString === undefined || /^postgres(ql)?:\/\//.test(connectionString)
  assertOption(isUrl, 'connectionString', 'The connectionString begins with postgres:// or postgresql://.')
  assertSchemaName(schema)
  for (const [name, ms] of Object.entries({ commandTimeoutMs, openTimeoutMs })) {
    assertOption(Number.isInteger(ms) && ms >= 1, name, `${name} is a whole number of milliseconds, 1 or more.`)
  }
  return {
    pool,
    connection: connectionString === undefined ? connection : { connectionString },
    schema,
    migrate: options.migrate ?? true,
    channel: options.channel ?? true,
    commandTimeoutMs,
    openTimeoutMs,
  }
}
