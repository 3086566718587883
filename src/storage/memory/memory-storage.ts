import { BatutaError } from '../../errors/base-error.js'
import { realClock } from '../../internal/clock.js'
import { checkQuery, checkRange, encodeCursor, notDeclared } from '../index-range.js'
import {
  COUNT_LIMIT,
  type IndexQuery,
  type IndexRange,
  type RecordKey,
  type SetResult,
  type Storage,
  type StorageAnswer,
  type StorageSchema,
  type StoredRecord,
  type WriteSet,
} from '../storage.js'
import { KeyOrder } from './key-order.js'
import type { MemoryIndex } from './memory-index.js'
import { type Keys, MemoryTable } from './memory-table.js'

/** Settings of {@link memoryStorage}. */
export interface MemoryStorageOptions {
  /** Storage time in milliseconds since the Unix epoch. Default: the machine's. May jump; the storage never goes back. */
  readonly now?: (() => number) | undefined
}

/**
 * Keeps everything in this process: the default. Fast, and gone with the process. Values are kept as they are handed
 * over, neither copied nor frozen.
 *
 * Several orchestrators may share one storage: it is closed when each that opened it has closed it. It may be opened
 * again after that, and what was committed is still there.
 */
export function memoryStorage(options: MemoryStorageOptions = {}): Storage {
  return new MemoryStorage(options.now ?? realClock.now)
}

const APPLIED: SetResult = Object.freeze({ applied: true })

class MemoryStorage implements Storage {
  readonly name = 'memory'
  readonly outcomeAlwaysKnown = true
  readonly durable = false
  readonly #clock: () => number
  readonly #order = new KeyOrder()
  readonly #tables = new Map<string, MemoryTable>()
  readonly #indexes = new Map<string, MemoryIndex>()
  #schema: StorageSchema | undefined
  #users = 0
  #lastMs = 0

  constructor(clock: () => number) {
    this.#clock = clock
  }

  async open(schema: StorageSchema): Promise<StorageAnswer> {
    const found = this.#schema?.layout ?? schema.layout
    if (found > schema.layout) {
      throw new BatutaError('STORAGE_NEWER', `The storage has layout ${found}; this version knows ${schema.layout}.`, {
        data: { storage: this.name, found, known: schema.layout },
        fix: 'Use the newer version of batuta for every user of this storage.',
      })
    }
    if (schema !== this.#schema) this.#declare(schema)
    this.#users++
    return { now: this.#now() }
  }

  async read(keys: readonly RecordKey[]) {
    this.#assertOpen()
    const records = keys.map(({ kind, id }) => this.#table(kind).read(id))
    return { now: this.#now(), records }
  }

  async query(name: string, query: IndexQuery) {
    const index = this.#index(name)
    checkQuery(index.definition, query)
    const cells = index.query(query)
    const more = cells.length > query.limit
    if (more) cells.pop()
    const { kind } = index.definition
    const records: StoredRecord[] = []
    for (const { id, version, value } of cells) records.push({ kind, id, version, value })
    const now = this.#now()
    const last = cells[cells.length - 1]
    return more && last !== undefined ? { now, records, cursor: encodeCursor(index.keyOf(last)) } : { now, records }
  }

  async count(name: string, range: IndexRange) {
    const index = this.#index(name)
    checkRange(index.definition, range)
    return { now: this.#now(), count: index.count(range, COUNT_LIMIT) }
  }

  async commit(sets: readonly WriteSet[]) {
    this.#assertOpen()
    // All index keys first: should a key function throw, nothing was written.
    const keys: (Keys | undefined)[] = []
    for (const { writes } of sets) {
      for (const { kind, id, leave } of writes) keys.push(leave ? this.#table(kind).keysOf(leave.value, id) : undefined)
    }
    const now = this.#now()
    const results: SetResult[] = []
    let from = 0
    for (const set of sets) {
      results.push(this.#applySet(set, keys, from, now))
      from += set.writes.length
    }
    return { now, results }
  }

  async close(): Promise<void> {
    if (this.#users > 0) this.#users--
  }

  #applySet(set: WriteSet, keys: readonly (Keys | undefined)[], from: number, now: number): SetResult {
    const { writes } = set
    let holds = now <= set.notAfter
    for (let i = 0; holds && i < writes.length; i++) {
      const { kind, id, expect } = writes[i] as (typeof writes)[number]
      holds = this.#table(kind).versionOf(id) === expect
    }
    if (!holds) return this.#refuse(set, now)
    for (let i = 0; i < writes.length; i++) {
      const { kind, id, leave } = writes[i] as (typeof writes)[number]
      if (leave) this.#table(kind).put(id, leave.version, leave.value, keys[from + i] as Keys)
      else if (leave === null) this.#table(kind).delete(id)
    }
    return APPLIED
  }

  /** A set that can't be applied: because it was before, or because it came too late, or because something moved. */
  #refuse({ writes, notAfter }: WriteSet, now: number): SetResult {
    const leaving = writes.filter(({ leave }) => leave !== undefined)
    const left = ({ kind, id, leave }: (typeof writes)[number]) =>
      this.#table(kind).versionOf(id) === (leave?.version ?? null)
    if (leaving.length > 0 && leaving.every(left)) return APPLIED
    const found = writes.map(({ kind, id }) => this.#table(kind).read(id))
    return { applied: false, reason: now > notAfter ? 'late' : 'conflict', found }
  }

  /** Makes the tables and indexes of a schema; records that are there already are put into new indexes. */
  #declare(schema: StorageSchema): void {
    this.#indexes.clear()
    for (const kind of schema.kinds) {
      const definitions = schema.indexes.filter((index) => index.kind === kind)
      const table = new MemoryTable(kind, definitions, this.#order, this.#tables.get(kind))
      this.#tables.set(kind, table)
      for (const index of table.indexes) this.#indexes.set(index.definition.name, index)
    }
    this.#schema = schema
  }

  #table(kind: string): MemoryTable {
    const table = this.#tables.get(kind)
    if (table === undefined) throw notDeclared('kind', kind)
    return table
  }

  #index(name: string): MemoryIndex {
    this.#assertOpen()
    const index = this.#indexes.get(name)
    if (index === undefined) throw notDeclared('index', name)
    return index
  }

  #now(): number {
    this.#lastMs = Math.max(this.#lastMs, this.#clock())
    return this.#lastMs
  }

  #assertOpen(): void {
    if (this.#users > 0) return
    const state = this.#schema === undefined ? 'was not opened' : 'is closed'
    throw new BatutaError('STORAGE_CLOSED', `The memory storage ${state}.`, {
      data: { storage: this.name },
      fix: 'Call open() first.',
    })
  }
}
