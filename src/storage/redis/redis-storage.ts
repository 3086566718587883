import { checkQuery, checkRange, indexOf, keyPageOf, notDeclared, pageOf } from '../index-range.js'
import { SharedOpening } from '../shared-opening.js'
import {
  COUNT_LIMIT,
  type IndexDefinition,
  type IndexQuery,
  type IndexRange,
  type RecordKey,
  type SetResult,
  type Storage,
  type StorageAnswer,
  type StorageChannel,
  type StorageSchema,
  type StoredRecord,
  type WriteSet,
} from '../storage.js'
import { RedisChannel } from './redis-channel.js'
import { commitSets } from './redis-commit.js'
import { RedisConnection } from './redis-connection.js'
import { decodeMember, lexSpanOf } from './redis-key.js'
import { prepareLayout } from './redis-layout.js'
import { type RedisSettings, type RedisStorageOptions, redisSettings } from './redis-options.js'
import { decodeRecord, RedisNames } from './redis-record.js'
import { COUNT, MEMBERS, QUERY, READ } from './redis-scripts.js'
import { checkServer } from './redis-server.js'

/**
 * Keeps everything in Redis (6.2 or later) or Valkey, also in a cluster: all keys of one prefix lie in one slot. A record is
 * one key, an index one sorted set; a commit, a query and a read are one script and one round trip each.
 *
 * Several orchestrators of one process may share one storage: it is closed when each that opened it has closed it.
 * @throws OPTIONS_INVALID
 */
export function redisStorage(options: RedisStorageOptions): Storage {
  return new RedisStorage(redisSettings(options))
}

/** What there is while the storage is open. */
interface Opened {
  readonly connection: RedisConnection
  readonly schema: StorageSchema
  readonly kinds: ReadonlyMap<string, readonly IndexDefinition[]>
  readonly indexes: ReadonlyMap<string, IndexDefinition>
  readonly channels: Set<StorageChannel>
}

class RedisStorage implements Storage {
  readonly name = 'redis'
  readonly outcomeAlwaysKnown = false
  readonly durable = true
  readonly #settings: RedisSettings
  readonly #names: RedisNames
  readonly #opening = new SharedOpening<Opened>(this.name, 'Redis', letGo)
  #lastMs = 0

  constructor(settings: RedisSettings) {
    this.#settings = settings
    this.#names = new RedisNames(settings.prefix)
  }

  async open(schema: StorageSchema): Promise<StorageAnswer> {
    await this.#opening.open(() => this.#connect(schema))
    try {
      return await this.read([])
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async read(keys: readonly RecordKey[]) {
    const { connection, kinds } = this.#opening.get()
    for (const { kind } of keys) indexesOf(kinds, kind)
    const names = [this.#names.meta, ...keys.map(({ kind, id }) => this.#names.record(kind, id))]
    const answer = await connection.run('reads', READ, names, [])
    const found = answer[2] as readonly (string | null)[]
    const records = keys.map(({ kind, id }, i) => {
      const text = found[i]
      return typeof text === 'string' ? decodeRecord(kind, id, text) : undefined
    })
    return { now: this.#now(answer), records }
  }

  async query(name: string, query: IndexQuery) {
    const { connection, indexes } = this.#opening.get()
    const index = indexOf(indexes, name)
    checkQuery(index, query)
    const span = lexSpanOf(index, query, query)
    if (span === undefined) return { ...(await this.read([])), records: [] }
    const names = [this.#names.meta, this.#names.index(name)]
    // One more than asked for tells whether a cursor is due.
    const bounds = [span.min, span.max, query.order ?? 'asc', query.limit + 1]
    if (query.keysOnly) {
      const answer = await connection.run('reads', MEMBERS, names, bounds)
      const keys = (answer[2] as readonly string[]).map((member) => decodeMember(index, member))
      return { now: this.#now(answer), ...keyPageOf(keys, query.limit) }
    }
    const answer = await connection.run('reads', QUERY, names, [this.#names.record(index.kind, ''), ...bounds])
    const records: StoredRecord[] = []
    for (let i = 2; i < answer.length; i += 2) {
      records.push(decodeRecord(index.kind, String(answer[i]), String(answer[i + 1])))
    }
    return { now: this.#now(answer), ...pageOf(index, records, query.limit) }
  }

  async count(name: string, range: IndexRange) {
    const { connection, indexes } = this.#opening.get()
    const index = indexOf(indexes, name)
    checkRange(index, range)
    const span = lexSpanOf(index, range)
    if (span === undefined) return { now: (await this.read([])).now, count: 0 }
    const keys = [this.#names.meta, this.#names.index(name)]
    const answer = await connection.run('reads', COUNT, keys, [span.min, span.max])
    return { now: this.#now(answer), count: Math.min(Number(answer[2]), COUNT_LIMIT) }
  }

  async commit(sets: readonly WriteSet[]) {
    const { connection, schema, kinds } = this.#opening.get()
    if (sets.length === 0) return { now: (await this.read([])).now, results: [] as readonly SetResult[] }
    const { times, results } = await commitSets(connection, this.#names, schema, (kind) => indexesOf(kinds, kind), sets)
    return { now: Math.max(...times.map((time) => this.#now(time))), results }
  }

  channel(): StorageChannel {
    const { connection, channels } = this.#opening.get()
    const channel = new RedisChannel(connection, this.#names.channel)
    channels.add(channel)
    return channel
  }

  async close(): Promise<void> {
    const opened = this.#opening.leave()
    if (opened !== undefined) await letGo(opened)
  }

  async #connect(schema: StorageSchema): Promise<Opened> {
    const connection = await RedisConnection.open(this.#settings)
    try {
      await checkServer(connection, this.#names, this.#settings)
      await prepareLayout(connection, this.#names, schema, this.#settings.migrate)
    } catch (error) {
      connection.close()
      throw error
    }
    const kinds = schema.kinds.map((kind) => [kind, schema.indexes.filter((index) => index.kind === kind)] as const)
    const indexes = schema.indexes.map((index) => [index.name, index] as const)
    return { connection, schema, kinds: new Map(kinds), indexes: new Map(indexes), channels: new Set() }
  }

  /** The server's time in milliseconds. It may be set back, or another server's after a failover; ours never goes back. */
  #now([seconds, micros]: readonly unknown[]): number {
    this.#lastMs = Math.max(this.#lastMs, Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000))
    return this.#lastMs
  }
}

function indexesOf(kinds: ReadonlyMap<string, readonly IndexDefinition[]>, kind: string): readonly IndexDefinition[] {
  const indexes = kinds.get(kind)
  if (indexes === undefined) throw notDeclared('kind', kind)
  return indexes
}

async function letGo({ channels, connection }: Opened): Promise<void> {
  for (const channel of channels) await channel.close()
  connection.close()
}
