import {
  assertOption,
  checkStorageOptions,
  flagRule,
  functionRule,
  objectRule,
  type StorageOptionRules,
  textRule,
  waitRule,
} from '../storage-options.js'
import type { RedisAddress, RedisClient, RedisConnectionOptions } from './redis-client.js'

/** Something that an operator should know, said once per `open`. */
export interface RedisWarning {
  readonly code: 'REDIS_NOT_PERSISTENT' | 'REDIS_ONLY_SNAPSHOTS' | 'REDIS_MAY_EVICT' | 'REDIS_SETTINGS_UNKNOWN'
  readonly message: string
}

/** Settings of `redisStorage`. Exactly one of `client`, `url` and `connection` is needed. */
export interface RedisStorageOptions {
  /**
   * A live ioredis `Redis` or `Cluster`. It says where to connect and as whom: the storage opens its own connections like
   * it (`duplicate`), with the settings that guarded commits need, and neither uses nor closes the one given.
   */
  readonly client?: RedisClient | undefined
  /** `redis://user:password@host:6379/0`, or `rediss://` for TLS. */
  readonly url?: string | undefined
  /** Options of ioredis: `{ host, port, username, password, db, tls, sentinels, name }`. */
  readonly connection?: RedisConnectionOptions | undefined
  /**
   * Tells applications on one server apart: every key begins with `{prefix}:`. Default `batuta`; letters, digits, `_`, `-`,
   * `.` and `:`, at most 64.
   */
  readonly prefix?: string | undefined
  /** Whether `open` makes and changes structures. Default true; with false it rejects with STORAGE_OUTDATED instead. */
  readonly migrate?: boolean | undefined
  /**
   * Whether to start on a server whose `maxmemory-policy` is not `noeviction`. Default false: a server that evicts forgets
   * tasks. The `volatile-*` policies spare keys that never expire, as all of batuta's do.
   */
  readonly allowEviction?: boolean | undefined
  /**
   * How long to wait for the answer to one command, in milliseconds; then the connection is given up for a new one. Default
   * 1,500: half the lease of owners, so that a dead connection is replaced before a lease ends.
   */
  readonly commandTimeoutMs?: number | undefined
  /** How long `open` waits for a server that is starting, loading or away, in milliseconds. Default 10,000. */
  readonly openTimeoutMs?: number | undefined
  /** Told what an operator should know. Default: `process.emitWarning`. */
  readonly onWarning?: ((warning: RedisWarning) => void) | undefined
}

/** {@link RedisStorageOptions} with every default filled in. */
export interface RedisSettings {
  readonly address: RedisAddress
  readonly prefix: string
  readonly migrate: boolean
  readonly allowEviction: boolean
  readonly commandTimeoutMs: number
  readonly openTimeoutMs: number
  readonly onWarning: (warning: RedisWarning) => void
}

const OF = 'redisStorage'

const ABOUT: StorageOptionRules<RedisStorageOptions> = {
  of: OF,
  example: "{ url: 'redis://…' }",
  otherNames: new Map([
    ['connectionString', 'url'],
    ['keyPrefix', 'prefix'],
  ]),
  rules: {
    client: objectRule('a live client of ioredis', 'call', 'duplicate'),
    url: textRule(/^rediss?:\/\//, 'must begin with redis:// or rediss://'),
    connection: objectRule('an object'),
    prefix: textRule(/^[A-Za-z0-9_.:-]{1,64}$/, 'must have 1 to 64 letters, digits, "_", "-", "." or ":"'),
    migrate: flagRule,
    allowEviction: flagRule,
    commandTimeoutMs: waitRule,
    openTimeoutMs: waitRule,
    onWarning: functionRule,
  },
}

function emitWarning({ code, message }: RedisWarning): void {
  process.emitWarning(message, { type: 'BatutaWarning', code })
}

/** @throws OPTIONS_INVALID */
export function redisSettings(options: RedisStorageOptions): RedisSettings {
  checkStorageOptions(ABOUT, options)
  const { client, url, connection } = options
  const places = [client, url, connection].filter((place) => place !== undefined)
  const message = 'Give one of: a live client, a url, or connection options.'
  assertOption(OF, places.length === 1, 'client', message)
  return {
    address: { client, url, connection },
    prefix: options.prefix ?? 'batuta',
    migrate: options.migrate ?? true,
    allowEviction: options.allowEviction ?? false,
    commandTimeoutMs: options.commandTimeoutMs ?? 1_500,
    openTimeoutMs: options.openTimeoutMs ?? 10_000,
    onWarning: options.onWarning ?? emitWarning,
  }
}
