import { BatutaError } from '../../errors/base-error.js'
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

const NAMES: readonly (keyof RedisStorageOptions)[] = [
  'client',
  'url',
  'connection',
  'prefix',
  'migrate',
  'allowEviction',
  'commandTimeoutMs',
  'openTimeoutMs',
  'onWarning',
]

function assertOption(valid: boolean, path: string, message: string): void {
  if (valid) return
  throw new BatutaError('OPTIONS_INVALID', `redisStorage: ${message}`, {
    data: { issues: [{ message, path: [path] }] },
  })
}

function emitWarning({ code, message }: RedisWarning): void {
  process.emitWarning(message, { type: 'BatutaWarning', code })
}

/** @throws OPTIONS_INVALID */
export function redisSettings(options: RedisStorageOptions): RedisSettings {
  const { client, url, connection } = options
  const prefix = options.prefix ?? 'batuta'
  const commandTimeoutMs = options.commandTimeoutMs ?? 1_500
  const openTimeoutMs = options.openTimeoutMs ?? 10_000
  const unknown = Object.keys(options).find((name) => !(NAMES as readonly string[]).includes(name))
  assertOption(unknown === undefined, unknown ?? '', `There is no option "${unknown}".`)
  const places = [client, url, connection].filter((place) => place !== undefined)
  assertOption(places.length === 1, 'client', 'Give one of: a live client, a url, or connection options.')
  const isClient = client === undefined || (typeof client.call === 'function' && typeof client.duplicate === 'function')
  assertOption(isClient, 'client', 'The client is not one of ioredis.')
  assertOption(url === undefined || /^rediss?:\/\//.test(url), 'url', 'The url begins with redis:// or rediss://.')
  const isPlain = /^[A-Za-z0-9_.:-]{1,64}$/.test(prefix)
  assertOption(isPlain, 'prefix', 'The prefix has 1 to 64 letters, digits, "_", "-", "." or ":".')
  for (const [name, ms] of [
    ['commandTimeoutMs', commandTimeoutMs],
    ['openTimeoutMs', openTimeoutMs],
  ] as const) {
    assertOption(Number.isInteger(ms) && ms >= 1, name, `${name} is a whole number of milliseconds, 1 or more.`)
  }
  return {
    address: { client, url, connection },
    prefix,
    migrate: options.migrate ?? true,
    allowEviction: options.allowEviction ?? false,
    commandTimeoutMs,
    openTimeoutMs,
    onWarning: options.onWarning ?? emitWarning,
  }
}
