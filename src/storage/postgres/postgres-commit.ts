import { notDeclared } from '../index-range.js'
import { isOwn } from '../sql/names.js'
import type { IndexDefinition, KeyPart, SetResult, StorageSchema, StoredRecord, Write, WriteSet } from '../storage.js'
import { boolArray, float8Array, intArray, textArray } from './postgres-array.js'
import { commitTypes, type KindColumns, slotCounts } from './postgres-commit-sql.js'
import { refused } from './postgres-errors.js'
import { escapeText, unescapeText } from './postgres-text.js'

/** A row of the commit function's answer. The first has the time, the others what stands at the writes of refused sets. */
export interface CommitRow {
  /** Counts from 1. */
  readonly at_write: number | null
  readonly at_version: string | null
  readonly at_value: string | null
  readonly at_now: number | null
}

/** A write, and where it came from. */
interface Placed {
  readonly write: Write
  readonly set: number
  /** Its place in the set. */
  readonly place: number
  readonly kind: number
  readonly id: string
}

/** Of the 2,704 bytes that a B-tree has for a row; the others are for its head and for the lengths of its columns. */
const MAX_KEY_BYTES = 2_600

const APPLIED: SetResult = Object.freeze({ applied: true })

/** Turns sets into the arrays of the commit function, and its answer into results. */
export class PostgresCommit {
  /** The call. */
  readonly text: string
  readonly #layout: number
  readonly #kinds: ReadonlyMap<string, number>
  readonly #indexes: readonly (readonly IndexDefinition[])[]
  readonly #slots: { readonly text: number; readonly number: number }

  constructor(
    functionName: string,
    schema: StorageSchema,
    indexes: readonly (readonly IndexDefinition[])[],
    kinds: readonly KindColumns[],
  ) {
    this.#layout = schema.layout
    this.#kinds = new Map(schema.kinds.map((kind, i) => [kind, i]))
    this.#indexes = indexes
    this.#slots = slotCounts(kinds)
    this.text = `SELECT * FROM ${functionName}(${commitTypes(kinds)
      .map((type, i) => `$${i + 1}::${type}`)
      .join(', ')})`
  }

  /** Every write in the order in which the function locks: by kind, then by id. @throws OPTIONS_INVALID for an unknown kind. */
  place(sets: readonly WriteSet[]): Placed[] {
    const placed: Placed[] = []
    sets.forEach(({ writes }, i) => {
      writes.forEach((write, place) => {
        const kind = this.#kinds.get(write.kind)
        if (kind === undefined) throw notDeclared('kind', write.kind)
        placed.push({ write, set: i + 1, place, kind, id: escapeText(write.id) })
      })
    })
    return placed.sort((a, b) => a.kind - b.kind || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  }

  /** The values of the call. @throws STORAGE_REFUSED for a new record whose id or key no index has room for. */
  values(sets: readonly WriteSet[], placed: readonly Placed[]): unknown[] {
    const texts = Array.from({ length: this.#slots.text }, (): (string | null)[] => placed.map(() => null))
    const numbers = Array.from({ length: this.#slots.number }, (): (number | null)[] => placed.map(() => null))
    placed.forEach(({ write: { id, expect, leave }, kind }, row) => {
      // What is there already was taken once: it compresses well, which a new one is not expected to.
      const isNew = expect === null
      if (isNew) assertFits([id])
      if (!leave) return
      let text = 0
      let number = 0
      for (const index of this.#indexes[kind] as readonly IndexDefinition[]) {
        const key = index.key(leave.value, id)
        if (isNew && key !== undefined) assertFits(key)
        for (let field = 0; field < index.fields.length; field++) {
          if (!isOwn(index, field)) continue
          const part = key?.[field]
          const slot = index.fields[field]?.type === 'text' ? texts[text++] : numbers[number++]
          if (slot !== undefined && part !== undefined) slot[row] = typeof part === 'string' ? escapeText(part) : part
        }
      }
    })
    return [
      this.#layout,
      float8Array(sets.map((set) => set.notAfter)),
      intArray(placed.map(({ set }) => set)),
      intArray(placed.map(({ kind }) => kind)),
      textArray(placed.map(({ id }) => id)),
      textArray(placed.map(({ write }) => (write.expect === null ? null : escapeText(write.expect)))),
      textArray(placed.map(({ write }) => (write.leave ? escapeText(write.leave.version) : null))),
      boolArray(placed.map(({ write }) => write.leave === null)),
      textArray(placed.map(({ write }) => (write.leave ? JSON.stringify(write.leave.value) : null))),
      ...texts.map(textArray),
      ...numbers.map(float8Array),
    ]
  }

  /** What became of each set. */
  results(sets: readonly WriteSet[], placed: readonly Placed[], rows: readonly CommitRow[]): readonly SetResult[] {
    const nowMs = rows[0]?.at_now ?? Number.NaN
    const found = new Map<number, (StoredRecord | undefined)[]>()
    for (const { at_write: at, at_version: version, at_value: value } of rows.slice(1)) {
      const { write, set, place } = placed[Number(at) - 1] as Placed
      const standing = found.get(set) ?? new Array<undefined>(sets[set - 1]?.writes.length ?? 0).fill(undefined)
      found.set(set, standing)
      if (version === null || value === null) continue
      standing[place] = { kind: write.kind, id: write.id, version: unescapeText(version), value: JSON.parse(value) }
    }
    return sets.map((set, i) => resultOf(set, found.get(i + 1), nowMs))
  }
}

/** @throws STORAGE_REFUSED */
function assertFits(key: readonly KeyPart[]): void {
  let units = 0
  for (const part of key) if (typeof part === 'string') units += part.length
  // A unit of UTF-16 has three bytes of UTF-8 at most.
  if (3 * units <= MAX_KEY_BYTES) return
  let bytes = 0
  for (const part of key) if (typeof part === 'string') bytes += Buffer.byteLength(escapeText(part))
  if (bytes <= MAX_KEY_BYTES) return
  throw refused(
    `an id or a key has ${bytes} bytes, and an index takes ${MAX_KEY_BYTES}`,
    'Use shorter ids, tenants and keys: a character that is not ASCII may take nine bytes in them.',
  )
}

/** A refused set that was sent before counts as applied while its records carry what it would leave. */
function resultOf(
  { writes, notAfter }: WriteSet,
  found: readonly (StoredRecord | undefined)[] | undefined,
  nowMs: number,
): SetResult {
  const isLate = nowMs > notAfter
  if (found === undefined) return isLate ? { applied: false, reason: 'late', found: [] } : APPLIED
  const leaving = writes.some(({ leave }) => leave !== undefined)
  const stands = writes.every(({ leave }, i) => leave === undefined || found[i]?.version === leave?.version)
  if (leaving && stands) return APPLIED
  return { applied: false, reason: isLate ? 'late' : 'conflict', found }
}
