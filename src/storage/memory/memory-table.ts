import type { IndexDefinition, IndexKey, RecordValue, StoredRecord } from '../storage.js'
import type { KeyOrder } from './key-order.js'
import { type Cell, MemoryIndex } from './memory-index.js'

/** Keys of several values, one for each index of the value's kind; `undefined` where it is not in the index. */
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
    this.indexes = definitions.map((definition) => new MemoryIndex(definition, order))
    if (from === undefined) return
    const keys: Keys = []
    for (const { id, version, value } of from.#cells.values()) {
      this.keysOf(value, id, keys, 0)
      this.put(undefined, id, version, value, keys, 0)
    }
  }

  get(id: string): Cell | undefined {
    return this.#cells.get(id)
  }

  read(id: string): StoredRecord | undefined {
    const cell = this.#cells.get(id)
    return cell && { kind: this.kind, id, version: cell.version, value: cell.value }
  }

  /** Puts a value's keys into `keys`, from `at` on. */
  keysOf(value: RecordValue, id: string, keys: Keys, at: number): void {
    for (let i = 0; i < this.indexes.length; i++)
      keys[at + i] = (this.indexes[i] as MemoryIndex).definition.key(value, id)
  }

  /**
   * Leaves a version and value.
   * @param cell - what stands there; `undefined` when there is nothing.
   * @param keys - has the value's keys from `at` on; they are used up.
   */
  put(cell: Cell | undefined, id: string, version: string, value: RecordValue, keys: Keys, at: number): void {
    if (cell === undefined) this.#add({ id, version, value }, keys, at)
    else this.#change(cell, version, value, keys, at)
  }

  delete(cell: Cell | undefined): void {
    if (cell === undefined) return
    for (const index of this.indexes) {
      const key = index.definition.key(cell.value, cell.id)
      if (key !== undefined) index.remove(cell, key)
    }
    this.#cells.delete(cell.id)
  }

  #add(cell: Cell, keys: Keys, at: number): void {
    this.#order.note(cell.id)
    this.#cells.set(cell.id, cell)
    this.#join(cell, keys, at)
  }

  /** The cell leaves the indexes whose key changes while it still has its old value, and joins them with the new one. */
  #change(cell: Cell, version: string, value: RecordValue, keys: Keys, at: number): void {
    for (let i = 0; i < this.indexes.length; i++) {
      const index = this.indexes[i] as MemoryIndex
      const was = index.definition.key(cell.value, cell.id)
      if (was === undefined) continue
      if (same(was, keys[at + i])) keys[at + i] = undefined
      else index.remove(cell, was)
    }
    cell.version = version
    cell.value = value
    this.#join(cell, keys, at)
  }

  #join(cell: Cell, keys: Keys, at: number): void {
    for (let i = 0; i < this.indexes.length; i++) {
      const key = keys[at + i]
      if (key !== undefined) (this.indexes[i] as MemoryIndex).add(cell, key)
    }
  }
}

function same(a: IndexKey, b: IndexKey | undefined): boolean {
  if (b === undefined) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
