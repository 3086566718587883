import { decodeCursor } from '../index-range.js'
import type { IndexDefinition, IndexKey, IndexQuery, IndexRange, RecordValue } from '../storage.js'
import type { KeyOrder } from './key-order.js'
import { type Place, SortedList } from './sorted-list.js'

/** A record in its place. Changed where it stands; what is handed out is a copy of its fields. */
export interface Cell {
  readonly id: string
  version: string
  value: RecordValue
  /** Its key in each index of its kind, in the order of declaration; `undefined` where it is not in the index. */
  keys: readonly (IndexKey | undefined)[]
}

/** The cells whose keys begin with the same texts. */
interface Group {
  readonly parts: IndexKey
  readonly name: string
  readonly cells: SortedList<Cell>
}

/** One end of a range: keys on the far side of `key` are out, and if `strict` those that start with it too. */
interface Bound {
  readonly key: IndexKey
  readonly strict: boolean
}

/** A range as bounds. All lower ones must hold, and all upper ones. */
interface Bounds {
  readonly lower: readonly Bound[]
  readonly upper: readonly Bound[]
}

/** The texts that a key begins with, leaving at least one part: what its group is known by. */
function groupDepth(definition: IndexDefinition): number {
  const { fields } = definition
  let depth = 0
  while (depth < fields.length - 1 && fields[depth]?.type === 'text') depth++
  return depth
}

/**
 * One index: groups of cells by the texts that their keys begin with, groups and cells both sorted. Most changes hit
 * the group of the change before, at one of its ends, and then cost neither a search nor a joined text.
 */
export class MemoryIndex {
  readonly definition: IndexDefinition
  /** Its place in a cell's `keys`. */
  readonly #slot: number
  readonly #depth: number
  readonly #order: KeyOrder
  readonly #groups: SortedList<Group>
  readonly #byName = new Map<string, Group>()
  #recent: Group | undefined
  /** One group may stand empty, so that a group that fills and empties in turn is not made anew each time. */
  #empty: Group | undefined

  constructor(definition: IndexDefinition, slot: number, order: KeyOrder) {
    this.definition = definition
    this.#slot = slot
    this.#depth = groupDepth(definition)
    this.#order = order
    this.#groups = new SortedList((a, b) => order.compare(a.parts, b.parts, 0))
  }

  /** Adds a cell that carries its key. */
  add(cell: Cell): void {
    const key = cell.keys[this.#slot] as IndexKey
    for (let i = this.#depth; i < key.length; i++) {
      const part = key[i]
      if (typeof part === 'string' && part !== cell.id) this.#order.note(part)
    }
    this.#groupOf(key).cells.add(cell)
  }

  /** Removes a cell that carries the key under which it was added. */
  remove(cell: Cell): void {
    const group = this.#groupOf(cell.keys[this.#slot] as IndexKey)
    group.cells.remove(cell)
    if (!group.cells.isEmpty || group === this.#empty) return
    if (this.#empty?.cells.isEmpty === true) this.#drop(this.#empty)
    this.#empty = group
  }

  /** The cells of a range in its order: at most `limit`, and one more that only tells that there are more. */
  query(query: IndexQuery): Cell[] {
    const bounds = this.#boundsOf(query, query)
    const found: Cell[] = []
    if (query.order === 'desc') this.#collectDown(bounds, query.limit + 1, found)
    else this.#collectUp(bounds, query.limit + 1, found)
    return found
  }

  /** How many cells a range holds, up to `limit`. */
  count(range: IndexRange, limit: number): number {
    const bounds = this.#boundsOf(range)
    let count = 0
    for (const group of this.#groups.upFrom(this.#firstGroup(bounds))) {
      if (this.#above(group.parts, bounds)) break
      const from = group.cells.partition((cell) => this.#below(this.keyOf(cell), bounds))
      const to = group.cells.partition((cell) => !this.#above(this.keyOf(cell), bounds))
      count += group.cells.countBetween(from, to)
      if (count >= limit) return limit
    }
    return count
  }

  keyOf(cell: Cell): IndexKey {
    return cell.keys[this.#slot] as IndexKey
  }

  #collectUp(bounds: Bounds, limit: number, found: Cell[]): void {
    for (const group of this.#groups.upFrom(this.#firstGroup(bounds))) {
      if (this.#above(group.parts, bounds)) return
      for (const cell of group.cells.upFrom(group.cells.partition((one) => this.#below(this.keyOf(one), bounds)))) {
        if (this.#above(this.keyOf(cell), bounds) || found.push(cell) === limit) return
      }
    }
  }

  #collectDown(bounds: Bounds, limit: number, found: Cell[]): void {
    for (const group of this.#groups.downFrom(this.#groups.partition((one) => !this.#above(one.parts, bounds)))) {
      if (this.#below(group.parts, bounds)) return
      for (const cell of group.cells.downFrom(group.cells.partition((one) => !this.#above(this.keyOf(one), bounds)))) {
        if (this.#below(this.keyOf(cell), bounds) || found.push(cell) === limit) return
      }
    }
  }

  #firstGroup(bounds: Bounds): Place {
    return this.#groups.partition((group) => this.#below(group.parts, bounds))
  }

  #boundsOf(range: IndexRange, query?: IndexQuery): Bounds {
    const lower: Bound[] = []
    const upper: Bound[] = []
    if (range.prefix !== undefined) {
      lower.push({ key: range.prefix, strict: false })
      upper.push({ key: range.prefix, strict: false })
    }
    if (range.after !== undefined) lower.push({ key: range.after, strict: true })
    if (range.upTo !== undefined) upper.push({ key: range.upTo, strict: false })
    if (query?.cursor !== undefined) {
      const bound: Bound = { key: decodeCursor(this.definition, query.cursor), strict: true }
      if (query.order === 'desc') upper.push(bound)
      else lower.push(bound)
    }
    return { lower, upper }
  }

  /** Whether a key, or everything that starts with the parts of a group, lies before the range. */
  #below(key: IndexKey, bounds: Bounds): boolean {
    for (const bound of bounds.lower) {
      const order = this.#order.compare(key, bound.key, 0)
      if (order < 0 || (order === 0 && bound.strict && bound.key.length <= key.length)) return true
    }
    return false
  }

  /** Whether a key, or everything that starts with the parts of a group, lies behind the range. */
  #above(key: IndexKey, bounds: Bounds): boolean {
    for (const bound of bounds.upper) {
      const order = this.#order.compare(key, bound.key, 0)
      if (order > 0 || (order === 0 && bound.strict && bound.key.length <= key.length)) return true
    }
    return false
  }

  #groupOf(key: IndexKey): Group {
    const recent = this.#recent
    if (recent !== undefined && startsWith(key, recent.parts)) return recent
    const name = this.#depth === 1 ? (key[0] as string) : joined(key, this.#depth)
    const group = this.#byName.get(name) ?? this.#make(name, key.slice(0, this.#depth))
    this.#recent = group
    return group
  }

  #make(name: string, parts: IndexKey): Group {
    for (const part of parts) this.#order.note(part as string)
    const slot = this.#slot
    const depth = this.#depth
    const order = this.#order
    const compare = (a: Cell, b: Cell) => order.compare(a.keys[slot] as IndexKey, b.keys[slot] as IndexKey, depth)
    const group: Group = { parts, name, cells: new SortedList(compare) }
    this.#byName.set(name, group)
    this.#groups.add(group)
    return group
  }

  #drop(group: Group): void {
    this.#byName.delete(group.name)
    this.#groups.remove(group)
    if (this.#recent === group) this.#recent = undefined
  }
}

function startsWith(key: IndexKey, parts: IndexKey): boolean {
  for (let i = 0; i < parts.length; i++) if (key[i] !== parts[i]) return false
  return true
}

/** One text for several, never the same for different ones: each is preceded by its length. */
function joined(key: IndexKey, depth: number): string {
  let name = ''
  for (let i = 0; i < depth; i++) name += `${(key[i] as string).length}:${key[i]}`
  return name
}
