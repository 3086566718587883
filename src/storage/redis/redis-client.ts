import type { Timer } from '../../internal/clock.js'
import { importPeer } from '../../internal/import-peer.js'
import { deadline } from './redis-deadline.js'
import { isOfSelect } from './redis-errors.js'

/** What is used of an ioredis client, `Redis` and `Cluster` alike. */
export interface RedisClient {
  readonly status: string
  readonly isCluster?: boolean | undefined
  readonly options?: object | undefined
  call(command: string, ...args: (string | number | Buffer)[]): Promise<unknown>
  publish(channel: string, message: string): Promise<unknown>
  subscribe(...channels: string[]): Promise<unknown>
  connect(): Promise<unknown>
  disconnect(reconnect?: boolean): void
  on(event: string, listener: (...args: unknown[]) => void): unknown
  /** `Redis` takes options; `Cluster` takes nodes first. */
  duplicate(...args: never[]): RedisClient
}

/** Options of ioredis, passed on as they are: host, port, username, password, db, tls, sentinels, and so on. */
export type RedisConnectionOptions = Readonly<Record<string, unknown>>

/** Where to connect: as a live client does, or by settings. */
export interface RedisAddress {
  readonly client: RedisClient | undefined
  readonly url: string | undefined
  readonly connection: RedisConnectionOptions | undefined
}

/** What a connection of ours is for. */
interface RedisUse {
  /** Whether commands may wait for the connection: for subscriptions, which may be sent twice. */
  readonly queues: boolean
  /** How long it may take to connect, and then until the server has answered the handshake. */
  readonly timeoutMs: number
}

/** The first pause after a lost connection, doubled each time, and the longest. */
const FIRST_PAUSE_MS = 20
/** So short that a server that is back is found so before a heartbeat is late. */
const LONGEST_PAUSE_MS = 100

function pauseMs(times: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** Math.min(times - 1, 10), LONGEST_PAUSE_MS)
}

/**
 * What a connection of ours needs, whatever the client it was made like has:
 *
 * - A command under way when the connection breaks fails at once (`maxRetriesPerRequest` 0) and is never sent again by
 *   ioredis (`autoResendUnfulfilledCommands`, in a cluster `retryDelayOnFailover`): a commit sent twice would hide from
 *   its caller that its outcome was unknown.
 * - Nothing waits in a queue for a connection (`enableOfflineQueue`): the caller decides whether and when to try again.
 * - It connects again for ever, and also when a server says that it is a replica now; a connection that is given up is
 *   not waited for (`disconnectTimeout`): its other end may be gone.
 * - No step of connecting takes longer than a command may (`connectTimeout`, `sentinelCommandTimeout`, {@link guarded}).
 */
const LINK = {
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  disconnectTimeout: 50,
  keyPrefix: '',
  commandTimeout: undefined,
  stringNumbers: false,
  enableReadyCheck: true,
  monitor: false,
  readOnly: false,
  reconnectOnError: (error: Error) => /\b(READONLY|MASTERDOWN)\b/.test(error.message),
}

function linkOf(timeoutMs: number) {
  return { ...LINK, connectTimeout: timeoutMs }
}

function optionsOf({ queues, timeoutMs }: RedisUse) {
  return {
    ...linkOf(timeoutMs),
    enableOfflineQueue: queues,
    lazyConnect: true,
    retryStrategy: pauseMs,
    enableAutoPipelining: false,
    sentinelCommandTimeout: timeoutMs,
  }
}

/**
 * While a slot is moving, nodes ask to try again or send to and fro: that is followed for a moment only, and not at all while
 * the cluster is down. The caller decides.
 */
function clusterOptionsOf({ queues, timeoutMs }: RedisUse, redisOptions: object | undefined) {
  return {
    // Not every version of ioredis keeps what is not named here: password and TLS.
    redisOptions: { ...redisOptions, ...linkOf(timeoutMs) },
    keyPrefix: '',
    lazyConnect: true,
    scaleReads: 'master',
    enableOfflineQueue: queues,
    enableAutoPipelining: false,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 10,
    maxRedirections: 5,
    clusterRetryStrategy: pauseMs,
  }
}

/**
 * A connection of our own, not connected yet. A live client only says where and as whom; it stays its owner's.
 * @throws PEER_MISSING
 */
export async function createClient(address: RedisAddress, use: RedisUse): Promise<RedisClient> {
  const { client, url, connection } = address
  if (client !== undefined) return duplicateOf(client, use)
  // Early versions of ioredis 5 have it under no name but the default.
  const { default: ioredis } = await importPeer('ioredis', 'redisStorage', () => import('ioredis'))
  const Redis = ioredis.default
  const options = { ...connection, ...optionsOf(use) }
  return guarded(url === undefined ? new Redis(options) : new Redis(url, options), use)
}

/** Another connection to the same place. */
export function duplicateOf(client: RedisClient, use: RedisUse): RedisClient {
  const duplicate = client.duplicate.bind(client) as (...args: readonly unknown[]) => RedisClient
  if (!client.isCluster) return guarded(duplicate(optionsOf(use)), use)
  const { redisOptions } = (client.options ?? {}) as { redisOptions?: object }
  return guarded(duplicate([], clusterOptionsOf(use, redisOptions)), use)
}

/**
 * Gives up a connection that ioredis would keep, and makes another: one whose handshake is not answered, since the kernel of
 * a host takes connections for a server that is frozen; and one whose database is refused, which would use database 0.
 */
function guarded(client: RedisClient, { timeoutMs }: RedisUse): RedisClient {
  let handshake: Timer | undefined
  client.on('connect', () => {
    handshake?.cancel()
    handshake = deadline(timeoutMs, () => client.disconnect(true))
  })
  for (const event of ['ready', 'close']) client.on(event, () => handshake?.cancel())
  client.on('error', (error) => {
    if (isOfSelect(error)) client.disconnect(true)
  })
  // A cluster has each of its nodes announced.
  client.on('+node', quietly)
  return client
}

/** With a command for a moving slot ioredis sends an ASKING whose failure it leaves to nobody, which would end the process. */
function quietly(node: unknown): void {
  const { asking } = node as { asking: () => Promise<unknown> }
  Object.assign(node as object, { asking: () => asking.call(node).catch(() => undefined) })
}
