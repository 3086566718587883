import { importPeer } from '../../internal/import-peer.js'

/** What is used of an ioredis client, `Redis` and `Cluster` alike. */
export interface RedisClient {
  readonly status: string
  readonly isCluster?: boolean | undefined
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

/** The first pause after a lost connection, doubled each time, and the longest. */
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1_000

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

function optionsOf(queues: boolean) {
  return { ...LINK, enableOfflineQueue: queues, lazyConnect: true, retryStrategy: pauseMs, enableAutoPipelining: false }
}

function clusterOptionsOf(queues: boolean) {
  return {
    redisOptions: LINK,
    keyPrefix: '',
    lazyConnect: true,
    scaleReads: 'master',
    enableOfflineQueue: queues,
    enableAutoPipelining: false,
    retryDelayOnFailover: 0,
    clusterRetryStrategy: pauseMs,
  }
}

/**
 * A connection of our own, not connected yet. A live client only says where and as whom; it stays its owner's.
 * @param queues - whether commands may wait for the connection: for subscriptions, which may be sent twice.
 * @throws PEER_MISSING
 */
export async function createClient(address: RedisAddress, queues: boolean): Promise<RedisClient> {
  const { client, url, connection } = address
  if (client !== undefined) return duplicateOf(client, queues)
  // Early versions of ioredis 5 have it under no name but the default.
  const { default: ioredis } = await importPeer('ioredis', 'redisStorage', () => import('ioredis'))
  const Redis = ioredis.default
  const options = { ...connection, ...optionsOf(queues) }
  return url === undefined ? new Redis(options) : new Redis(url, options)
}

/** Another connection to the same place. */
export function duplicateOf(client: RedisClient, queues: boolean): RedisClient {
  const duplicate = client.duplicate.bind(client) as (...args: readonly unknown[]) => RedisClient
  return client.isCluster ? duplicate([], clusterOptionsOf(queues)) : duplicate(optionsOf(queues))
}
