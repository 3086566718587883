import type { IndexDefinition, IndexKey, RecordValue, StoredRecord } from '../storage.js'
import type { KeyOrder } from './key-order.js'
import { type Cell, MemoryIndex } from './memory-index.js'

/** A value's key in each index of its kind, in their order; `undefined` where it is not in the index. */
export type Keys = readonly (IndexKey | undefined)[]

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
    this.indexes = definitions.map((definition) => new MemoryIndex(definition, order))
    if (from === undefined) return
    for (const { id, version, value } of from.#cells.values()) {
      this.put(undefined, id, version, value, this.keysOf(value, id))
    }
  }

  get(id: string): Cell | undefined {
    return this.#cells.get(id)
  }

  read(id: string): StoredRecord | undefined {
    const cell = this.#cells.get(id)
    return cell && { kind: this.kind, id, version: cell.version, value: cell.value }
  }

  keysOf(value: RecordValue, id: string): Keys {
    const keys: (IndexKey | undefined)[] = []
    for (let i = 0; i < this.indexes.length; i++) keys.push((this.indexes[i] as MemoryIndex).definition.key(value, id))
    return keys
  }

  /**
   * Leaves a version and value.
   * @param cell - what stands there; `undefined` when there is nothing.
   * @param keys - the value's keys.
   */
  put(cell: Cell | undefined, id: string, version: string, value: RecordValue, keys: Keys): void {
    if (cell === undefined) this.#add({ id, version, value }, keys)
    else this.#change(cell, version, value, keys)
  }

  delete(cell: Cell | undefined): void {
    if (cell === undefined) return
    for (const index of this.indexes) {
      const key = index.definition.key(cell.value, cell.id)
      if (key !== undefined) index.remove(cell, key)
    }
    this.#cells.delete(cell.id)
  }

  #add(cell: Cell, keys: Keys): void {
    this.#order.note(cell.id)
    this.#cells.set(cell.id, cell)
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]
      if (key !== undefined) (this.indexes[i] as MemoryIndex).add(cell, key)
    }
  }

  /** The cell leaves the indexes whose key changes while it still has its old value, and joins them with the new one. */
  #change(cell: Cell, version: string, value: RecordValue, keys: Keys): void {
    const old = this.keysOf(cell.value, cell.id)
    for (let i = 0; i < keys.length; i++) {
      const was = old[i]
      if (was !== undefined && !same(was, keys[i])) (this.indexes[i] as MemoryIndex).remove(cell, was)
    }
    cell.version = version
    cell.value = value
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]
      if (key !== undefined && !same(key, old[i])) (this.indexes[i] as MemoryIndex).add(cell, key)
    }
  }
}

function same(a: IndexKey, b: IndexKey | undefined): boolean {
  if (b === undefined) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
