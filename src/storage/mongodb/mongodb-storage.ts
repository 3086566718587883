import pRetry from 'p-retry'
import { BatutaError, isBatutaError } from '../../errors/base-error.js'
import { realClock } from '../../internal/clock.js'
import { checkQuery, checkRange, keyPageOf, notDeclared, pageOf } from '../index-range.js'
import { SharedOpening } from '../shared-opening.js'
import { type Span, spanOf } from '../span.js'
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
import { compareParts } from '../text-order.js'
import { MongodbChannel } from './mongodb-channel.js'
import { clientOf, type MongodbClient, type MongodbDocument } from './mongodb-client.js'
import { MongodbCommit, prepareSets } from './mongodb-commit.js'
import { MongodbConnection } from './mongodb-connection.js'
import { assertSuitable, toStorageError } from './mongodb-errors.js'
import { assertNotNewer, MongodbLayout, outdated } from './mongodb-layout.js'
import { type MongodbSettings, type MongodbStorageOptions, mongodbSettings } from './mongodb-options.js'
import { filterOf, isEmptySpan, sortOf } from './mongodb-range.js'
import {
  channelCollection,
  collectionOf,
  keyFieldsOf,
  keyOf,
  metaCollection,
  RECORD_FIELDS,
  recordOf,
} from './mongodb-record.js'
import { MongodbSessions } from './mongodb-sessions.js'
import { MongodbStream } from './mongodb-stream.js'
import { MongodbTransactions, TRANSACTIONS_AT_ONCE } from './mongodb-transaction.js'

/**
 * Keeps everything in collections of one MongoDB database, for any number of processes on any number of machines. One
 * collection per kind (`batuta_task` ...); a document has the record's value as JSON text, and beside it the fields of the
 * indexes that it is in, so that it can be read with any MongoDB tool. A replica set is needed; one member is enough.
 *
 * What was committed is on a majority of the members, and is what every query sees.
 *
 * Several orchestrators of one process may share one storage: it is closed when each that opened it has closed it.
 * @throws OPTIONS_INVALID
 */
export function mongodbStorage(options: MongodbStorageOptions): Storage {
  return new MongodbStorage(mongodbSettings(options))
}

/** What there is while the storage is open. */
interface Open {
  readonly client: MongodbClient
  readonly connection: MongodbConnection
  readonly sessions: MongodbSessions
  readonly transactions: MongodbTransactions
  readonly commit: MongodbCommit
  readonly schema: StorageSchema
  readonly channels: Set<StorageChannel>
}

/** A moment of the store: what was committed by then is what a read after it must see. */
interface Moment {
  readonly now: number
  /** The server's own mark for it. */
  readonly operationTime: unknown
}

class MongodbStorage implements Storage {
  readonly name = 'mongodb'
  readonly outcomeAlwaysKnown = false
  readonly durable = true
  readonly channel?: () => StorageChannel
  readonly #settings: MongodbSettings
  readonly #clockCommand: MongodbDocument
  readonly #opening = new SharedOpening<Open>(this.name, 'MongoDB', (open) => this.#letGo(open))
  #lastMs = 0
  /** On our own monotonic clock: until then a commit need not ask first whether a newer version has taken the store over. */
  #knownUntil = 0

  constructor(settings: MongodbSettings) {
    this.#settings = settings
    if (settings.channel) this.channel = () => this.#channel()
    this.#clockCommand = {
      find: metaCollection(settings.prefix),
      filter: { _id: 'layout' },
      projection: { layout: 1, now: '$$NOW' },
      limit: 1,
      singleBatch: true,
    }
  }

  async open(schema: StorageSchema): Promise<StorageAnswer> {
    const open = await this.#opening.open(() => this.#connect(schema))
    try {
      return { now: (await this.#moment(open)).now }
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async read(keys: readonly RecordKey[]) {
    const open = this.#opening.get()
    for (const { kind } of keys) assertKind(open.schema, kind)
    await open.transactions.settle()
    return await this.#read(open, keys)
  }

  async query(name: string, query: IndexQuery) {
    const open = this.#opening.get()
    const index = indexOf(open.schema, name)
    checkQuery(index, query)
    const span = spanOf(index, query, query)
    await open.transactions.settle()
    const { now, operationTime } = await this.#moment(open)
    if (span === undefined || isEmptySpan(span, compareParts)) return { now, records: [] }
    // One more than asked for tells whether a cursor is due.
    const documents = await open.connection.find({
      find: this.#collection(index.kind),
      ...walk(index, span, 'filter', operationTime),
      sort: sortOf(index, query.order ?? 'asc'),
      projection: query.keysOnly ? keyFieldsOf(index) : RECORD_FIELDS,
      limit: query.limit + 1,
      batchSize: query.limit + 1,
    })
    if (query.keysOnly) {
      const keys = documents.map((document) => keyOf(index, document))
      return { now, ...keyPageOf(keys, query.limit) }
    }
    const records = documents.map((document) => recordOf(index.kind, document))
    return { now, ...pageOf(index, records, query.limit) }
  }

  async count(name: string, range: IndexRange) {
    const open = this.#opening.get()
    const index = indexOf(open.schema, name)
    checkRange(index, range)
    const span = spanOf(index, range)
    await open.transactions.settle()
    const { now, operationTime } = await this.#moment(open)
    if (span === undefined || isEmptySpan(span, compareParts)) return { now, count: 0 }
    const count = this.#collection(index.kind)
    const answer = await open.connection.read({
      count,
      ...walk(index, span, 'query', operationTime),
      limit: COUNT_LIMIT,
    })
    return { now, count: Number(answer.n) }
  }

  async commit(sets: readonly WriteSet[]) {
    const open = this.#opening.get()
    const prepared = prepareSets(sets, (kind) => {
      assertKind(open.schema, kind)
      return open.schema.indexes.filter((index) => index.kind === kind)
    })
    await open.transactions.settle()
    // Beside the question it may be written though the answer is no: only for those who were told otherwise just now.
    if (realClock.monotonic() > this.#knownUntil) await this.#moment(open)
    const [moment, committed] = await Promise.allSettled([this.#moment(open), open.commit.run(prepared)])
    if (committed.status === 'rejected') throw committed.reason
    if (moment.status === 'rejected') throw asUnknown(moment.reason, sets)
    return { now: moment.value.now, results: prepared.map((one) => one.result as SetResult) }
  }

  async close(): Promise<void> {
    const open = this.#opening.leave()
    if (open !== undefined) await this.#letGo(open)
  }

  #channel(): StorageChannel {
    const { connection, channels } = this.#opening.get()
    const channel = new MongodbChannel(connection, this.#settings.prefix)
    channels.add(channel)
    return channel
  }

  async #letGo({ sessions, client, channels }: Open): Promise<void> {
    await Promise.all([...channels].map((channel) => channel.close()))
    await sessions.close()
    if (this.#settings.client === undefined) await client.close()
  }

  async #connect(schema: StorageSchema): Promise<Open> {
    const client = await clientOf(this.#settings)
    const { database, prefix, channel, migrate, commandTimeoutMs, openTimeoutMs } = this.#settings
    const connection = new MongodbConnection(client, database, commandTimeoutMs)
    const sessions = new MongodbSessions(connection, prefix)
    const prepare = async () => {
      await connection.connect()
      assertSuitable(await connection.read({ hello: 1 }))
      await new MongodbLayout(connection, prefix, schema).prepare(migrate)
      await sessions.open()
      // Found out now that this user may not follow one, rather than never.
      if (channel) await (await MongodbStream.open(connection, channelCollection(prefix))).close()
    }
    try {
      await pRetry(prepare, {
        retries: 50,
        minTimeout: 100,
        maxTimeout: 1_000,
        maxRetryTime: openTimeoutMs,
        shouldRetry: ({ error }) => isBatutaError(error) && error.retryable,
      })
    } catch (error) {
      if (this.#settings.client === undefined) await client.close()
      throw toStorageError(error, 0)
    }
    const { default: PQueue } = await import('p-queue')
    const queue = new PQueue({ concurrency: TRANSACTIONS_AT_ONCE })
    const transactions = new MongodbTransactions(connection, sessions, this.#clockCommand, queue)
    const collection = (kind: string) => this.#collection(kind)
    const read = (keys: readonly RecordKey[]) => this.#read({ connection, schema }, keys)
    const commit = new MongodbCommit({ connection, transactions, sessions, collection, read })
    return { client, connection, sessions, transactions, commit, schema, channels: new Set() }
  }

  /**
   * Asks the primary for its time, and for the mark of the last write that it knows: every commit that was answered is at
   * or before that, even if this server has only just become the primary. Also finds out that a newer version of the
   * library has taken the store over: the older one begins nothing more half a command's time after it was last told
   * otherwise, and whoever migrates waits for a whole one.
   */
  async #moment({ connection, schema }: Pick<Open, 'connection' | 'schema'>): Promise<Moment> {
    const knownUntil = realClock.monotonic() + connection.timeoutMs / 2
    const { cursor, operationTime } = await connection.read(this.#clockCommand)
    const [meta] = (cursor as { readonly firstBatch: readonly { readonly layout: number; readonly now: Date }[] })
      .firstBatch
    if (meta === undefined) throw outdated(0, schema)
    if (meta.layout > schema.layout) this.#knownUntil = 0
    assertNotNewer(meta.layout, schema)
    this.#knownUntil = knownUntil
    this.#lastMs = Math.max(this.#lastMs, meta.now.getTime())
    return { now: this.#lastMs, operationTime }
  }

  async #read(open: Pick<Open, 'connection' | 'schema'>, keys: readonly RecordKey[]) {
    const { now, operationTime } = await this.#moment(open)
    const found = new Map<string, Map<string, StoredRecord>>()
    for (const { kind } of keys) if (!found.has(kind)) found.set(kind, new Map())
    const readKind = async ([kind, records]: [string, Map<string, StoredRecord>]) => {
      const ids = [...new Set(keys.flatMap((key) => (key.kind === kind ? [key.id] : [])))]
      const documents = await open.connection.find({
        find: this.#collection(kind),
        filter: { _id: { $in: ids } },
        projection: RECORD_FIELDS,
        // Without a limit the server would keep a full batch's cursor open, for one more round trip.
        limit: ids.length,
        batchSize: ids.length,
        readConcern: { level: 'majority', afterClusterTime: operationTime },
      })
      for (const document of documents) {
        const record = recordOf(kind, document)
        records.set(record.id, record)
      }
    }
    await Promise.all([...found].map(readKind))
    return { now, records: keys.map(({ kind, id }) => found.get(kind)?.get(id)) }
  }

  #collection(kind: string): string {
    return collectionOf(this.#settings.prefix, kind)
  }
}

/** What a walk over an index must say, so that it sees what was committed and uses that index whatever the server thinks. */
function walk(index: IndexDefinition, span: Span, filter: 'filter' | 'query', operationTime: unknown): MongodbDocument {
  return {
    [filter]: filterOf(index, span),
    hint: index.name,
    readConcern: { level: 'majority', afterClusterTime: operationTime },
  }
}

/** The commit went through, but not the question what time it is. The sets may be sent again: they count as applied. */
function asUnknown(error: unknown, sets: readonly WriteSet[]): unknown {
  if (sets.length === 0 || !isBatutaError(error, 'STORAGE_UNAVAILABLE')) return error
  return new BatutaError('STORAGE_OUTCOME_UNKNOWN', 'MongoDB went away while it was asked for its time.', {
    data: { storage: 'mongodb' },
    cause: error,
  })
}

function assertKind(schema: StorageSchema, kind: string): void {
  if (!schema.kinds.includes(kind)) throw notDeclared('kind', kind)
}

function indexOf(schema: StorageSchema, name: string): IndexDefinition {
  const index = schema.indexes.find((one) => one.name === name)
  if (index === undefined) throw notDeclared('index', name)
  return index
}
