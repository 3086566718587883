import { BatutaError } from '../../errors/base-error.js'
import { realClock } from '../../internal/clock.js'
import { checkOptions } from '../../task/option-check.js'
import { checkQuery, checkRange, keyPageOf, notDeclared, pageOf } from '../index-range.js'
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
  type Write,
  type WriteSet,
} from '../storage.js'
import { KeyOrder } from './key-order.js'
import type { Cell, MemoryIndex } from './memory-index.js'
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
 * @throws OPTIONS_INVALID.
 */
export function memoryStorage(options: MemoryStorageOptions = {}): Storage {
  checkOptions('memoryStorage', options, { now: (check, path, value) => check.fn(path, value) })
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
  /** For each write of the commit at work: its table, and its value's keys. Kept, so that a commit allocates little. */
  readonly #planned: MemoryTable[] = []
  readonly #keys: Keys = []
  /** What stands at each write of the set at work. */
  readonly #found: (Cell | undefined)[] = []
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
    const now = this.#now()
    if (query.keysOnly) {
      const keys = cells.map((cell) => index.keyOf(cell))
      return { now, ...keyPageOf(keys, query.limit) }
    }
    const { kind } = index.definition
    const records = cells.map(({ id, version, value }): StoredRecord => ({ kind, id, version, value }))
    return { now, ...pageOf(index.definition, records, query.limit) }
  }

  async count(name: string, range: IndexRange) {
    const index = this.#index(name)
    checkRange(index.definition, range)
    return { now: this.#now(), count: index.count(range, COUNT_LIMIT) }
  }

  async commit(sets: readonly WriteSet[]) {
    this.#assertOpen()
    this.#plan(sets)
    const now = this.#now()
    const results: SetResult[] = []
    let write = 0
    let key = 0
    for (const set of sets) {
      const holds = now <= set.notAfter && this.#holds(set.writes, write)
      results.push(holds ? APPLIED : this.#refuse(set, now))
      for (let i = 0; i < set.writes.length; i++) {
        const table = this.#planned[write++] as MemoryTable
        const { id, leave } = set.writes[i] as Write
        const cell = this.#found[i]
        if (holds && leave) table.put(cell, id, leave.version, leave.value, this.#keys, key)
        else if (holds && leave === null) table.delete(cell)
        if (leave) key += table.indexes.length
      }
    }
    return { now, results }
  }

  async close(): Promise<void> {
    if (this.#users > 0) this.#users--
  }

  /** All index keys are made before anything is written: should a key function throw, nothing was. */
  #plan(sets: readonly WriteSet[]): void {
    let write = 0
    let key = 0
    for (const { writes } of sets) {
      for (const { kind, id, leave } of writes) {
        const table = this.#table(kind)
        this.#planned[write++] = table
        if (!leave) continue
        table.keysOf(leave.value, id, this.#keys, key)
        key += table.indexes.length
      }
    }
  }

  /** Whether every guard of a set holds; leaves what stands there in `#found`. */
  #holds(writes: readonly Write[], planned: number): boolean {
    for (let i = 0; i < writes.length; i++) {
      const { id, expect } = writes[i] as Write
      const cell = (this.#planned[planned + i] as MemoryTable).get(id)
      if ((cell === undefined ? null : cell.version) !== expect) return false
      this.#found[i] = cell
    }
    return true
  }

  /** A set that can't be applied: because it was before, or because it came too late, or because something moved. */
  #refuse({ writes, notAfter }: WriteSet, now: number): SetResult {
    const found = writes.map(({ kind, id }) => this.#table(kind).read(id))
    const leaving = writes.some(({ leave }) => leave !== undefined)
    if (leaving && writes.every(({ leave }, i) => leave === undefined || found[i]?.version === leave?.version)) {
      return APPLIED
    }
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
