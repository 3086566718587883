import { idRule } from '../../task/option-check.js'
import {
  assertOption,
  checkStorageOptions,
  flagRule,
  objectRule,
  refused,
  type StorageOptionRules,
  textRule,
  waitRule,
} from '../storage-options.js'
import type { MongodbClient, MongodbDocument } from './mongodb-client.js'

/** Settings of `mongodbStorage`. Exactly one of `client` and `uri` is needed. */
export interface MongodbStorageOptions {
  /**
   * A live `MongoClient` of the package `mongodb`, version 6 or newer. It is shared and not closed. Its
   * `serverSelectionTimeoutMS` and `waitQueueTimeoutMS` should be below `commandTimeoutMs`: else a call that finds no primary, or
   * no free connection, can't be told from one whose answer was lost.
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
  /**
   * Whether processes tell each other news through a change stream, on one connection more: results, cancels, ready tasks, within
   * some ten milliseconds. Default true; with false they find out by polling.
   */
  readonly channel?: boolean | undefined
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
  readonly channel: boolean
  readonly migrate: boolean
  readonly commandTimeoutMs: number
  readonly openTimeoutMs: number
}

const DEFAULT_PREFIX = 'batuta'
const OF = 'mongodbStorage'

const ABOUT: StorageOptionRules<MongodbStorageOptions> = {
  of: OF,
  example: "{ uri: 'mongodb://…' }",
  otherNames: new Map([
    ['connectionString', 'uri'],
    ['db', 'database'],
    ['dbName', 'database'],
  ]),
  rules: {
    client: objectRule('a MongoClient', 'db', 'startSession'),
    uri: textRule(/^mongodb(\+srv)?:\/\//, 'must begin with mongodb:// or mongodb+srv://'),
    options: objectRule('an object'),
    database: idRule,
    prefix: textRule(/^[A-Za-z0-9_-]{1,64}$/, 'must have 1 to 64 letters, digits, "_" or "-"'),
    channel: flagRule,
    migrate: flagRule,
    commandTimeoutMs: waitRule,
    openTimeoutMs: waitRule,
  },
}

function databaseIn(uri: string): string | undefined {
  const name = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(uri)?.[1]
  try {
    return name === undefined ? undefined : decodeURIComponent(name)
  } catch {
    throw refused(OF, ['database'], 'Name the database: that of the uri can not be read.')
  }
}

/** @throws OPTIONS_INVALID */
export function mongodbSettings(options: MongodbStorageOptions): MongodbSettings {
  checkStorageOptions(ABOUT, options)
  const { client, uri } = options
  assertOption(OF, (client === undefined) !== (uri === undefined), 'uri', 'Give either a uri or a live client.')
  const isOwn = uri !== undefined
  assertOption(OF, isOwn || options.options === undefined, 'options', 'A live client keeps its own options.')
  const database = options.database ?? (isOwn ? databaseIn(uri) : undefined)
  const nameless = `Name the database: ${isOwn ? 'the uri names none' : 'a live client has none'}.`
  assertOption(OF, database !== undefined, 'database', nameless)
  return {
    client,
    uri,
    options: options.options ?? {},
    database: database ?? '',
    prefix: options.prefix ?? DEFAULT_PREFIX,
    channel: options.channel ?? true,
    migrate: options.migrate ?? true,
    commandTimeoutMs: options.commandTimeoutMs ?? 2_500,
    openTimeoutMs: options.openTimeoutMs ?? 15_000,
  }
}

/** Settings of `mongodbLayoutCommands`. */
export type MongodbLayoutOptions = Pick<MongodbStorageOptions, 'prefix'>

/**
 * The prefix of the commands.
 * @throws OPTIONS_INVALID
 */
export function layoutPrefix(options: MongodbLayoutOptions): string {
  const { prefix } = ABOUT.rules
  checkStorageOptions<MongodbLayoutOptions>(
    { of: 'mongodbLayoutCommands', example: "{ prefix: 'orders' }", otherNames: new Map(), rules: { prefix } },
    options,
  )
  return options.prefix ?? DEFAULT_PREFIX
}
