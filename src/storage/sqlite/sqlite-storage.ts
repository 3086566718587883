import { realClock } from '../../internal/clock.js'
import { checkQuery, checkRange, indexOf, keyPageOf, notDeclared, pageOf } from '../index-range.js'
import { SharedOpening } from '../shared-opening.js'
import { spanOf } from '../span.js'
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
  type Write,
  type WriteSet,
} from '../storage.js'
import { SqliteChannel } from './sqlite-channel.js'
import { connect, connectBeside, transaction } from './sqlite-connection.js'
import type { SqliteDatabase, SqliteStatement } from './sqlite-driver.js'
import { isBusy, toStorageError } from './sqlite-errors.js'
import { assertNotNewer, LAYOUT_SQL } from './sqlite-layout.js'
import { type SqliteSettings, type SqliteStorageOptions, sqliteSettings } from './sqlite-options.js'
import { SqliteTable } from './sqlite-table.js'

/**
 * Keeps everything in one SQLite file: what was committed survives crashes and power cuts, and several processes on one
 * machine may share the file. One table per kind (`batuta_task` ...), its value as JSON text beside the columns of its
 * indexes, so that it can be read with any SQLite tool.
 *
 * Several orchestrators of one process may share one storage: it is closed when each that opened it has closed it.
 * @throws OPTIONS_INVALID
 */
export function sqliteStorage(options: SqliteStorageOptions): Storage {
  return new SqliteStorage(sqliteSettings(options))
}

/** Between two tries to get a lock that another process holds. */
const LOCK_PAUSE_MS = 1

const APPLIED: SetResult = Object.freeze({ applied: true })

/** What there is while the storage is open. */
interface Connection {
  readonly db: SqliteDatabase
  readonly schema: StorageSchema
  readonly layout: SqliteStatement
  readonly tables: ReadonlyMap<string, SqliteTable>
  readonly indexes: ReadonlyMap<string, IndexDefinition>
  readonly channels: Set<StorageChannel>
}

class SqliteStorage implements Storage {
  readonly name = 'sqlite'
  readonly outcomeAlwaysKnown = true
  readonly durable: boolean
  readonly channel?: () => StorageChannel
  readonly #settings: SqliteSettings
  readonly #opening = new SharedOpening<Connection>(this.name, 'SQLite', (opened) => this.#letGo(opened))
  #lastMs = 0

  constructor(settings: SqliteSettings) {
    this.#settings = settings
    this.durable = settings.path !== ':memory:'
    if (settings.channel) this.channel = () => this.#channel()
  }

  async open(schema: StorageSchema): Promise<StorageAnswer> {
    await this.#opening.open(() => this.#connect(schema))
    return { now: this.#now() }
  }

  async read(keys: readonly RecordKey[]) {
    const { tables } = this.#opening.get()
    return this.#guarded(() => {
      const records = keys.map(({ kind, id }) => tableOf(tables, kind).read(id))
      return { now: this.#now(), records }
    })
  }

  async query(name: string, query: IndexQuery) {
    const { tables, indexes } = this.#opening.get()
    const index = indexOf(indexes, name)
    checkQuery(index, query)
    const span = spanOf(index, query, query)
    if (span === undefined) return { now: this.#now(), records: [] }
    return this.#guarded(() => {
      const table = tableOf(tables, index.kind)
      const { order = 'asc', limit, keysOnly } = query
      // One more than asked for tells whether a cursor is due.
      const page = keysOnly
        ? keyPageOf(table.selectKeys(index, span, order, limit + 1), limit)
        : pageOf(index, table.select(index, span, order, limit + 1), limit)
      return { now: this.#now(), ...page }
    })
  }

  async count(name: string, range: IndexRange) {
    const { tables, indexes } = this.#opening.get()
    const index = indexOf(indexes, name)
    checkRange(index, range)
    const span = spanOf(index, range)
    return this.#guarded(() => {
      const count = span === undefined ? 0 : tableOf(tables, index.kind).count(index, span, COUNT_LIMIT)
      return { now: this.#now(), count }
    })
  }

  async commit(sets: readonly WriteSet[]) {
    const { db, schema, layout, tables } = this.#opening.get()
    return this.#guarded(() =>
      transaction(db, () => {
        // Another process may have migrated the file since it was opened; our writes would miss its new indexes.
        assertNotNewer(Number((layout.get() as { value: string } | undefined)?.value), schema)
        const now = this.#now()
        return { now, results: sets.map((set) => applySet(tables, set, now)) }
      }),
    )
  }

  async close(): Promise<void> {
    const opened = this.#opening.leave()
    for (const channel of opened?.channels ?? []) await channel.close()
    if (opened !== undefined) this.#letGo(opened)
  }

  #channel(): StorageChannel {
    const { channels } = this.#opening.get()
    const channel = new SqliteChannel(() => connectBeside(this.#settings))
    channels.add(channel)
    return channel
  }

  #letGo({ db }: Connection): void {
    if (this.#settings.database === undefined) db.close()
  }

  async #connect(schema: StorageSchema): Promise<Connection> {
    try {
      const db = await connect(this.#settings, schema, this.#now())
      const indexesOf = (kind: string) => schema.indexes.filter((index) => index.kind === kind)
      const tables = new Map(schema.kinds.map((kind) => [kind, new SqliteTable(db, kind, indexesOf(kind))]))
      const indexes = new Map(schema.indexes.map((index) => [index.name, index]))
      return { db, schema, layout: db.prepare(LAYOUT_SQL), tables, indexes, channels: new Set() }
    } catch (error) {
      throw toStorageError(error, this.#settings.path)
    }
  }

  /**
   * While another process holds the lock, tries again and again: SQLite's own waiting would block this process, and sleeps on when
   * the lock is free. A live database waits in its own way.
   */
  async #guarded<T>(work: () => T): Promise<T> {
    const { path, database, busyTimeoutMs } = this.#settings
    const giveUpAt = realClock.monotonic() + (database === undefined ? busyTimeoutMs : 0)
    for (;;) {
      try {
        return work()
      } catch (error) {
        if (!isBusy(error) || realClock.monotonic() >= giveUpAt) throw toStorageError(error, path)
      }
      await new Promise<void>((resolve) => realClock.setTimer(resolve, LOCK_PAUSE_MS))
    }
  }

  #now(): number {
    this.#lastMs = Math.max(this.#lastMs, this.#settings.now())
    return this.#lastMs
  }
}

function tableOf(tables: ReadonlyMap<string, SqliteTable>, kind: string): SqliteTable {
  const table = tables.get(kind)
  if (table === undefined) throw notDeclared('kind', kind)
  return table
}

type Tables = ReadonlyMap<string, SqliteTable>

/** Every guard is read before anything is written, so that a refused set has nothing to take back. */
function applySet(tables: Tables, set: WriteSet, now: number): SetResult {
  const { writes, notAfter } = set
  if (now > notAfter) return refuse(tables, set, now)
  const [only] = writes
  if (writes.length === 1 && only !== undefined) return applyWrite(tables, only) ? APPLIED : refuse(tables, set, now)
  const holds = writes.every(({ kind, id, expect }) => tableOf(tables, kind).versionOf(id) === expect)
  if (!holds) return refuse(tables, set, now)
  for (const write of writes) {
    if (write.leave !== undefined && !applyWrite(tables, write)) {
      throw new Error(`A write set names the record ${write.kind}/${write.id} twice.`)
    }
  }
  return APPLIED
}

/** Does one write if its guard holds; the statement itself is the guard. Whether it held. */
function applyWrite(tables: Tables, { kind, id, expect, leave }: Write): boolean {
  const table = tableOf(tables, kind)
  if (leave) {
    const { version, value } = leave
    return expect === null ? table.insert(id, version, value) : table.update(id, expect, version, value)
  }
  if (leave === null && expect !== null) return table.delete(id, expect)
  return table.versionOf(id) === expect
}

/** A set that can't be applied: because it was before, or because it came too late, or because something moved. */
function refuse(tables: Tables, { writes, notAfter }: WriteSet, now: number): SetResult {
  const found = writes.map(({ kind, id }) => tableOf(tables, kind).read(id))
  const leaving = writes.some(({ leave }) => leave !== undefined)
  if (leaving && writes.every(({ leave }, i) => leave === undefined || found[i]?.version === leave?.version)) {
    return APPLIED
  }
  return { applied: false, reason: now > notAfter ? 'late' : 'conflict', found }
}
