import { decodeCursor } from '../index-range.js'
import type { IndexDefinition, IndexKey, IndexQuery, IndexRange, RecordValue } from '../storage.js'
import type { KeyOrder } from './key-order.js'
import { type Place, SortedList } from './sorted-list.js'

/** A record in its place. Changed where it stands; what is handed out is a copy of its fields. */
export interface Cell {
  readonly id: string
  version: string
  value: RecordValue
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

/** A range as bounds: a key must keep to all of them. */
interface Bounds {
  readonly lower: readonly Bound[]
  readonly upper: readonly Bound[]
}

/** How many texts a key begins with, its last part not counted: what its group is known by. */
function groupDepth({ fields }: IndexDefinition): number {
  let depth = 0
  while (depth < fields.length - 1 && fields[depth]?.type === 'text') depth++
  return depth
}

/**
 * One index: groups of cells by the texts that their keys begin with, groups and cells both sorted. Most changes hit
 * the group of the change before, at one of its ends, and then cost neither a search nor a joined text. Keys are not
 * kept: they are a pure function of the value, and making one again is cheaper than what it takes up.
 */
export class MemoryIndex {
  readonly definition: IndexDefinition
  readonly #depth: number
  readonly #order: KeyOrder
  readonly #groups: SortedList<Group>
  readonly #byName = new Map<string, Group>()
  readonly #keyOf: (cell: Cell) => IndexKey
  #recent: Group | undefined
  /** One group may stand empty, so that a group that fills and empties in turn is not made anew each time. */
  #empty: Group | undefined

  constructor(definition: IndexDefinition, order: KeyOrder) {
    this.definition = definition
    this.#depth = groupDepth(definition)
    this.#order = order
    this.#groups = new SortedList(order, 0, (group) => group.parts)
    this.#keyOf = (cell) => definition.key(cell.value, cell.id) as IndexKey
  }

  /** Adds a cell that carries the value that this key was made from. */
  add(cell: Cell, key: IndexKey): void {
    for (let i = this.#depth; i < key.length; i++) {
      const part = key[i]
      if (typeof part === 'string' && part !== cell.id) this.#order.note(part)
    }
    this.#groupOf(key).cells.add(cell, key)
  }

  /** Removes a cell that still carries the value under which it was added. */
  remove(cell: Cell, key: IndexKey): void {
    const group = this.#groupOf(key)
    group.cells.remove(cell, key)
    if (!group.cells.isEmpty || group === this.#empty) return
    if (this.#empty?.cells.isEmpty === true) this.#drop(this.#empty)
    this.#empty = group
  }

  /** The cells of a range in its order: at most `limit`, and one more that only tells that there are more. */
  query(query: IndexQuery): Cell[] {
    const bounds = this.#boundsOf(query, query)
    const down = query.order === 'desc'
    const [from, to] = this.#span(this.#groups, bounds)
    const found: Cell[] = []
    for (const { cells } of down ? this.#groups.backwards(from, to) : this.#groups.between(from, to)) {
      const [first, end] = this.#span(cells, bounds)
      for (const cell of down ? cells.backwards(first, end) : cells.between(first, end)) {
        if (found.push(cell) > query.limit) return found
      }
    }
    return found
  }

  /** How many cells a range holds, up to `limit`. */
  count(range: IndexRange, limit: number): number {
    const bounds = this.#boundsOf(range)
    let count = 0
    for (const { cells } of this.#groups.between(...this.#span(this.#groups, bounds))) {
      count += cells.countBetween(...this.#span(cells, bounds))
      if (count >= limit) return limit
    }
    return count
  }

  keyOf(cell: Cell): IndexKey {
    return this.#keyOf(cell)
  }

  /** Where the range begins and ends in a list of cells or, if it covers them partly, of groups. */
  #span<T>(list: SortedList<T>, { lower, upper }: Bounds): readonly [Place, Place] {
    const from = list.partition((key) => lower.some((bound) => this.#isOut(key, bound, -1)))
    const to =
      upper.length === 0 ? list.end : list.partition((key) => !upper.some((bound) => this.#isOut(key, bound, 1)))
    return [from, to]
  }

  /** Whether a key, or everything that starts with the parts of a group, lies on this side of a bound. */
  #isOut(key: IndexKey, { key: bound, strict }: Bound, side: -1 | 1): boolean {
    const order = this.#order.compare(key, bound, 0)
    return order * side > 0 || (order === 0 && strict && bound.length <= key.length)
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
    const group: Group = { parts, name, cells: new SortedList(this.#order, this.#depth, this.#keyOf) }
    this.#byName.set(name, group)
    this.#groups.add(group, parts)
    return group
  }

  #drop(group: Group): void {
    this.#byName.delete(group.name)
    this.#groups.remove(group, group.parts)
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
