import { BatutaError } from '../../errors/base-error.js'
import type { MongodbClient, MongodbDocument } from './mongodb-client.js'

/** Settings of `mongodbStorage`. Exactly one of `client` and `uri` is needed. */
export interface MongodbStorageOptions {
  /**
   * A live `MongoClient` of the package `mongodb`, version 6 or newer. It is shared and not closed. Its
   * `serverSelectionTimeoutMS` should be below `commandTimeoutMs`: else a call that finds no primary can't be told from
   * one whose answer was lost.
   */
  readonly client?: MongodbClient | undefined
  /** `mongodb://user:password@a,b,c/app?replicaSet=rs0`, or `mongodb+srv://...`. */
  readonly uri?: string | undefined
  /** Options of the driver, with `uri`: `{ tls, auth, maxPoolSize }`. */
  readonly options?: MongodbDocument | undefined
  /** The database. Default: the one that the `uri` names; needed where it names none, and with a live client. */
  readonly database?: string | undefined
  /**
   * Tells applications in one database apart: every collection begins with `{prefix}_`. Default `batuta`; letters, digits,
   * `_` and `-`, at most 64.
   */
  readonly prefix?: string | undefined
  /** Whether `open` makes collections and indexes. Default true; with false it rejects with STORAGE_OUTDATED instead. */
  readonly migrate?: boolean | undefined
  /**
   * How long a command may take, at the server and on the way, in milliseconds. Default 2,500: below the lease of owners
   * (3 s). A commit that takes longer is repeated, since nobody knows what became of it.
   */
  readonly commandTimeoutMs?: number | undefined
  /** How long `open` waits for a server that is starting, electing or away, in milliseconds. Default 15,000. */
  readonly openTimeoutMs?: number | undefined
}

/** {@link MongodbStorageOptions} with every default filled in. */
export interface MongodbSettings {
  readonly client: MongodbClient | undefined
  readonly uri: string | undefined
  readonly options: MongodbDocument
  readonly database: string
  readonly prefix: string
  readonly migrate: boolean
  readonly commandTimeoutMs: number
  readonly openTimeoutMs: number
}

const NAMES: readonly (keyof MongodbStorageOptions)[] = [
  'client',
  'uri',
  'options',
  'database',
  'prefix',
  'migrate',
  'commandTimeoutMs',
  'openTimeoutMs',
]

function assertOption(valid: boolean, path: string, message: string): void {
  if (valid) return
  throw new BatutaError('OPTIONS_INVALID', `mongodbStorage: ${message}`, {
    data: { issues: [{ message, path: [path] }] },
  })
}

function databaseIn(uri: string | undefined): string | undefined {
  const name = uri === undefined ? undefined : /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(uri)?.[1]
  return name === undefined ? undefined : decodeURIComponent(name)
}

/** @throws OPTIONS_INVALID */
export function mongodbSettings(options: MongodbStorageOptions): MongodbSettings {
  const { client, uri } = options
  const prefix = checkedPrefix(options.prefix)
  const commandTimeoutMs = options.commandTimeoutMs ?? 2_500
  const openTimeoutMs = options.openTimeoutMs ?? 15_000
  const unknown = Object.keys(options).find((name) => !(NAMES as readonly string[]).includes(name))
  assertOption(unknown === undefined, unknown ?? '', `There is no option "${unknown}".`)
  assertOption((client === undefined) !== (uri === undefined), 'uri', 'Give either a uri or a live client.')
  const isClient =
    client === undefined || (typeof client.db === 'function' && typeof client.startSession === 'function')
  assertOption(isClient, 'client', 'The client is not a MongoClient.')
  const isUri = uri === undefined || /^mongodb(\+srv)?:\/\//.test(uri)
  assertOption(isUri, 'uri', 'The uri begins with mongodb:// or mongodb+srv://.')
  assertOption(uri !== undefined || options.options === undefined, 'options', 'A live client keeps its own options.')
  const database = options.database ?? databaseIn(uri)
  assertOption(database !== undefined && database !== '', 'database', 'Name the database: the uri names none.')
  for (const [name, ms] of Object.entries({ commandTimeoutMs, openTimeoutMs })) {
    assertOption(Number.isInteger(ms) && ms >= 1, name, `${name} is a whole number of milliseconds, 1 or more.`)
  }
  return {
    client,
    uri,
    options: options.options ?? {},
    database: database ?? '',
    prefix,
    migrate: options.migrate ?? true,
    commandTimeoutMs,
    openTimeoutMs,
  }
}

/** @throws OPTIONS_INVALID */
export function checkedPrefix(prefix = 'batuta'): string {
  const isPlain = /^[A-Za-z0-9_-]{1,64}$/.test(prefix)
  assertOption(isPlain, 'prefix', 'The prefix has 1 to 64 letters, digits, "_" or "-".')
  return prefix
}
