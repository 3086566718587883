import type { IndexDefinition, IndexKey, RecordValue, StoredRecord } from '../storage.js'
import type { KeyOrder } from './key-order.js'
import { type Cell, MemoryIndex } from './memory-index.js'

/** A value's key in each index of its kind. */
export type Keys = (IndexKey | undefined)[]

/** The records of one kind, and the indexes over them. */
export class MemoryTable {
  readonly kind: string
  readonly indexes: readonly MemoryIndex[]
  readonly #order: KeyOrder
  readonly #cells = new Map<string, Cell>()

  /** @param from - the same kind under an earlier schema, whose records are taken over. */
  constructor(kind: string, definitions: readonly IndexDefinition[], order: KeyOrder, from?: MemoryTable) {
    this.kind = kind
    this.#order = order
    this.indexes = definitions.map((definition, slot) => new MemoryIndex(definition, slot, order))
    if (from === undefined) return
    for (const { id, version, value } of from.#cells.values()) this.put(id, version, value, this.keysOf(value, id))
  }

  /** `null` when there is no such record. */
  versionOf(id: string): string | null {
    const cell = this.#cells.get(id)
    return cell === undefined ? null : cell.version
  }

  read(id: string): StoredRecord | undefined {
    const cell = this.#cells.get(id)
    return cell && { kind: this.kind, id, version: cell.version, value: cell.value }
  }

  keysOf(value: RecordValue, id: string): Keys {
    const keys: Keys = []
    for (const { definition } of this.indexes) keys.push(definition.key(value, id))
    return keys
  }

  put(id: string, version: string, value: RecordValue, keys: Keys): void {
    const cell = this.#cells.get(id)
    if (cell === undefined) this.#add({ id, version, value, keys })
    else {
      this.#move(cell, keys)
      cell.version = version
      cell.value = value
    }
  }

  delete(id: string): void {
    const cell = this.#cells.get(id)
    if (cell === undefined) return
    for (let slot = 0; slot < cell.keys.length; slot++) {
      if (cell.keys[slot] !== undefined) (this.indexes[slot] as MemoryIndex).remove(cell)
    }
    this.#cells.delete(id)
  }

  #add(cell: Cell): void {
    this.#order.note(cell.id)
    this.#cells.set(cell.id, cell)
    for (let slot = 0; slot < cell.keys.length; slot++) {
      if (cell.keys[slot] !== undefined) (this.indexes[slot] as MemoryIndex).add(cell)
    }
  }

  /** Gives a cell new keys. It leaves the indexes whose key changed while it still has the old ones. */
  #move(cell: Cell, keys: Keys): void {
    const old = cell.keys
    for (let slot = 0; slot < keys.length; slot++) {
      const was = old[slot]
      if (was === undefined) continue
      if (same(was, keys[slot])) keys[slot] = was
      else (this.indexes[slot] as MemoryIndex).remove(cell)
    }
    cell.keys = keys
    for (let slot = 0; slot < keys.length; slot++) {
      if (keys[slot] !== undefined && keys[slot] !== old[slot]) (this.indexes[slot] as MemoryIndex).add(cell)
    }
  }
}

function same(a: IndexKey, b: IndexKey | undefined): boolean {
  if (b === undefined || a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
