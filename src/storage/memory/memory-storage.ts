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
 */
export function memoryStorage(options: MemoryStorageOptions = {}): Storage {
  return new MemoryStorage(options.now ?? realClock.now)
}

/** For each write of a commit, one after the other: its table, and its value's index keys unless it leaves none. */
interface Plan {
  readonly tables: MemoryTable[]
  readonly keys: (Keys | undefined)[]
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
    const plan = this.#plan(sets)
    const now = this.#now()
    const results: SetResult[] = []
    let from = 0
    for (const set of sets) {
      results.push(this.#applySet(set, plan, from, now))
      from += set.writes.length
    }
    return { now, results }
  }

  async close(): Promise<void> {
    if (this.#users > 0) this.#users--
  }

  /** All index keys are made before anything is written: should a key function throw, nothing was. */
  #plan(sets: readonly WriteSet[]): Plan {
    const plan: Plan = { tables: [], keys: [] }
    for (const { writes } of sets) {
      for (const { kind, id, leave } of writes) {
        const table = this.#table(kind)
        plan.tables.push(table)
        plan.keys.push(leave ? table.keysOf(leave.value, id) : undefined)
      }
    }
    return plan
  }

  #applySet(set: WriteSet, { tables, keys }: Plan, from: number, now: number): SetResult {
    const { writes } = set
    if (now > set.notAfter) return this.#refuse(set, now)
    const cells: (Cell | undefined)[] = []
    for (let i = 0; i < writes.length; i++) {
      const { id, expect } = writes[i] as Write
      const cell = (tables[from + i] as MemoryTable).get(id)
      if ((cell === undefined ? null : cell.version) !== expect) return this.#refuse(set, now)
      cells.push(cell)
    }
    for (let i = 0; i < writes.length; i++) {
      const { id, leave } = writes[i] as Write
      if (leave) (tables[from + i] as MemoryTable).put(cells[i], id, leave.version, leave.value, keys[from + i] as Keys)
      else if (leave === null) (tables[from + i] as MemoryTable).delete(cells[i])
    }
    return APPLIED
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
