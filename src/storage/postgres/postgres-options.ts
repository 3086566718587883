import {
  assertOption,
  checkStorageOptions,
  flagRule,
  objectRule,
  type StorageOptionRules,
  textRule,
  waitRule,
} from '../storage-options.js'
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
const DEFAULT_SCHEMA = 'batuta'

const OF = 'postgresStorage'
const SCHEMA_NAME = /^(?!pg_)[a-z_]\w{0,47}$/i

const ABOUT: StorageOptionRules<PostgresStorageOptions> = {
  of: OF,
  example: "{ connectionString: 'postgres://…' }",
  otherNames: new Map([
    ['url', 'connectionString'],
    ['uri', 'connectionString'],
    ['client', 'pool'],
  ]),
  rules: {
    pool: objectRule('a pg.Pool', 'connect'),
    connectionString: textRule(/^postgres(ql)?:\/\//, 'must begin with postgres:// or postgresql://'),
    connection: objectRule('an object'),
    schema: (check, path, value) => {
      const isName = typeof value === 'string' && SCHEMA_NAME.test(value)
      if (!isName) check.add(path, 'must be a name of up to 48 letters, digits and "_" that does not start with "pg_"')
    },
    migrate: flagRule,
    channel: flagRule,
    commandTimeoutMs: waitRule,
    openTimeoutMs: waitRule,
  },
}

/** Settings of `postgresDdl`. */
export type PostgresDdlOptions = Pick<PostgresStorageOptions, 'schema'>

/**
 * The schema of a script.
 * @throws OPTIONS_INVALID
 */
export function ddlSchema(options: PostgresDdlOptions): string {
  const { schema } = ABOUT.rules
  checkStorageOptions<PostgresDdlOptions>(
    { of: 'postgresDdl', example: "{ schema: 'orders' }", otherNames: new Map(), rules: { schema } },
    options,
  )
  return options.schema ?? DEFAULT_SCHEMA
}

/** @throws OPTIONS_INVALID */
export function postgresSettings(options: PostgresStorageOptions): PostgresSettings {
  checkStorageOptions(ABOUT, options)
  const { pool, connectionString, connection } = options
  const places = [pool, connectionString, connection].filter((place) => place !== undefined)
  const message = 'Give one of: a live pool, a connectionString, or connection settings.'
  assertOption(OF, places.length === 1, 'pool', message)
  return {
    pool,
    connection: connectionString === undefined ? connection : { connectionString },
    schema: options.schema ?? DEFAULT_SCHEMA,
    migrate: options.migrate ?? true,
    channel: options.channel ?? true,
    commandTimeoutMs: options.commandTimeoutMs ?? 2_500,
    openTimeoutMs: options.openTimeoutMs ?? 15_000,
  }
}
