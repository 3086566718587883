import pRetry from 'p-retry'
import { isBatutaError } from '../../errors/base-error.js'
import { realClock } from '../../internal/clock.js'
import { checkQuery, checkRange, indexOf, keyPageOf, notDeclared, pageOf } from '../index-range.js'
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
import { PostgresChannel } from './postgres-channel.js'
import { type CommitRow, PostgresCommit } from './postgres-commit.js'
import { PostgresConnection } from './postgres-connection.js'
import { OTHER_LAYOUT, sqlState } from './postgres-errors.js'
import { assertNotNewer, outdated } from './postgres-found.js'
import { indexesOf, layoutOf, type PostgresLayout, typedColumns } from './postgres-layout.js'
import { prepareLayout } from './postgres-migration.js'
import { type PostgresSettings, type PostgresStorageOptions, postgresSettings } from './postgres-options.js'
import {
  askCount,
  askRecords,
  askSpan,
  askTime,
  type CountRow,
  type KeyRow,
  keyColumns,
  keysOf,
  RECORD_COLUMNS,
  type RecordRow,
  recordOf,
  type TimedRow,
  type Walk,
} from './postgres-queries.js'

/** Pauses between two tries to open a server that is starting or away. */
const OPEN_PAUSE_MS = { minTimeout: 50, maxTimeout: 1_000, retries: 1_000 }

/**
 * Keeps everything in a PostgreSQL database (14 or later): several processes on several machines. One table per kind, its
 * value as JSON text beside the columns of its indexes, so that it can be read with any tool. A commit is one call of a
 * function in the database, and one round trip, however many sets it has.
 *
 * Several orchestrators of one process may share one storage: it is closed when each that opened it has closed it.
 * @throws OPTIONS_INVALID
 */
export function postgresStorage(options: PostgresStorageOptions): Storage {
  return new PostgresStorage(postgresSettings(options))
}

/** What there is while the storage is open. */
interface Opened {
  readonly connection: PostgresConnection
  readonly schema: StorageSchema
  readonly layout: PostgresLayout
  readonly commit: PostgresCommit
  readonly kinds: ReadonlySet<string>
  readonly indexes: ReadonlyMap<string, IndexDefinition>
  readonly channels: Set<StorageChannel>
}

class PostgresStorage implements Storage {
  readonly name = 'postgres'
  readonly outcomeAlwaysKnown = false
  readonly durable = true
  readonly channel?: () => StorageChannel
  readonly #settings: PostgresSettings
  readonly #opening = new SharedOpening<Opened>(this.name, 'PostgreSQL', ({ connection }) => connection.close())
  #lastMs = 0

  constructor(settings: PostgresSettings) {
    this.#settings = settings
    if (settings.channel) this.channel = () => this.#channel()
  }

  async open(schema: StorageSchema): Promise<StorageAnswer> {
    await this.#opening.open((isWanted) => this.#connect(schema, isWanted))
    try {
      return await this.read([])
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async read(keys: readonly RecordKey[]) {
    const { connection, layout, kinds } = this.#opening.get()
    const asked = new Map<string, string[]>()
    for (const { kind, id } of keys) {
      if (!kinds.has(kind)) throw notDeclared('kind', kind)
      const ids = asked.get(kind)
      if (ids === undefined) asked.set(kind, [id])
      else ids.push(id)
    }
    const tables = [...asked].map(([kind, ids]) => ({ kind, table: layout.table(kind), ids }))
    const rows = await connection.read<RecordRow>(tables.length === 0 ? askTime : askRecords(tables))
    const found = new Map<string, StoredRecord>()
    for (const row of rows) {
      if (typeof row.id !== 'string') continue
      const record = recordOf(tables[Number(row.kind)]?.kind as string, row)
      found.set(`${record.kind}/${record.id}`, record)
    }
    return { now: this.#now(rows), records: keys.map(({ kind, id }) => found.get(`${kind}/${id}`)) }
  }

  async query(name: string, query: IndexQuery) {
    const { connection, layout, indexes } = this.#opening.get()
    const index = indexOf(indexes, name)
    checkQuery(index, query)
    const span = spanOf(index, query, query)
    if (span === undefined) return { now: (await this.read([])).now, records: [] }
    // One more than asked for tells whether a cursor is due.
    const walk = walkOf(layout, index, span, query.limit + 1, query.order)
    if (query.keysOnly) {
      const rows = await connection.read<KeyRow>(askSpan(keyColumns(index), walk))
      return { now: this.#now(rows), ...keyPageOf(keysOf(index, rows), query.limit) }
    }
    const rows = await connection.read<RecordRow>(askSpan(RECORD_COLUMNS, walk))
    const now = this.#now(rows)
    const records = rows.filter(({ id }) => id !== null).map((row) => recordOf(index.kind, row))
    return { now, ...pageOf(index, records, query.limit) }
  }

  async count(name: string, range: IndexRange) {
    const { connection, layout, indexes } = this.#opening.get()
    const index = indexOf(indexes, name)
    checkRange(index, range)
    const span = spanOf(index, range)
    if (span === undefined) return { now: (await this.read([])).now, count: 0 }
    const rows = await connection.read<CountRow>(askCount(walkOf(layout, index, span, COUNT_LIMIT)))
    return { now: this.#now(rows), count: rows[0]?.count ?? 0 }
  }

  async commit(sets: readonly WriteSet[]) {
    const { connection, schema, commit } = this.#opening.get()
    if (sets.length === 0) return { now: (await this.read([])).now, results: [] as readonly SetResult[] }
    const placed = commit.place(sets)
    const values = commit.values(sets, placed)
    let rows: readonly CommitRow[]
    try {
      rows = await connection.run<CommitRow>('writes', commit.text, values)
    } catch (error) {
      throw otherLayout(error, schema) ?? error
    }
    const results = commit.results(sets, placed, rows)
    return { now: this.#now([{ now_ms: rows[0]?.at_now ?? 0 }]), results }
  }

  async close(): Promise<void> {
    const opened = this.#opening.leave()
    for (const channel of opened?.channels ?? []) await channel.close()
    await opened?.connection.close()
  }

  #channel(): StorageChannel {
    const { connection, channels } = this.#opening.get()
    const channel = new PostgresChannel(connection, `batuta_${this.#settings.schema}`)
    channels.add(channel)
    return channel
  }

  async #connect(schema: StorageSchema, isWanted: () => boolean): Promise<Opened> {
    const { migrate, openTimeoutMs } = this.#settings
    const connection = await PostgresConnection.open(this.#settings)
    const layout = layoutOf(this.#settings.schema, schema)
    const giveUpAt = realClock.monotonic() + openTimeoutMs
    try {
      await pRetry(() => prepareLayout(connection, schema, layout, migrate, giveUpAt), {
        ...OPEN_PAUSE_MS,
        maxRetryTime: openTimeoutMs,
        shouldRetry: ({ error }) => isWanted() && isBatutaError(error) && error.retryable,
      })
    } catch (error) {
      await connection.close()
      throw error
    }
    const indexes = schema.kinds.map((kind) => indexesOf(schema, kind))
    const kinds = schema.kinds.map((kind, i) => ({
      table: layout.table(kind),
      columns: typedColumns(indexes[i] ?? []),
    }))
    return {
      connection,
      schema,
      layout,
      commit: new PostgresCommit(layout.commit, schema, indexes, kinds),
      kinds: new Set(schema.kinds),
      indexes: new Map(schema.indexes.map((index) => [index.name, index])),
      channels: new Set(),
    }
  }

  /** The server's time. It may be set back, or another server's after a failover; ours never goes back. */
  #now(rows: readonly TimedRow[]): number {
    this.#lastMs = Math.max(this.#lastMs, rows[0]?.now_ms ?? 0)
    return this.#lastMs
  }
}

function walkOf(
  { table, walk }: PostgresLayout,
  index: IndexDefinition,
  span: Span,
  limit: number,
  order: 'asc' | 'desc' = 'asc',
): Walk {
  return { by: walk, table: table(index.kind), index, span, order, limit }
}

/** What a commit is told when the store has another layout than when it was opened: its writes would miss new indexes. */
function otherLayout(error: unknown, schema: StorageSchema): unknown {
  const cause = error instanceof Error ? error.cause : undefined
  if (sqlState(cause) !== OTHER_LAYOUT) return undefined
  const [found] = /\d+/.exec((cause as Error).message) ?? []
  try {
    assertNotNewer(Number(found ?? 0), schema)
    return outdated(found === undefined ? undefined : { layout: Number(found) }, schema, 'everything')
  } catch (newer) {
    return newer
  }
}
