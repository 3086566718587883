import type {
  IndexDefinition,
  IndexKey,
  IndexQuery,
  KeyPart,
  SetResult,
  StoredRecord,
  WriteSet,
} from '../../storage/storage.js'
import { KIT_SCHEMA } from './schema.js'

/** The contract in its plainest form: a map, and a sort for each query. Nothing is late here. */
export class StorageModel {
  readonly #records = new Map<string, StoredRecord>()

  read(kind: string, id: string): StoredRecord | undefined {
    return this.#records.get(`${kind}/${id}`)
  }

  /** Every record there is. */
  all(): StoredRecord[] {
    return [...this.#records.values()]
  }

  commit({ writes }: WriteSet): SetResult {
    const found = writes.map(({ kind, id }) => this.read(kind, id))
    const holds = writes.every(({ expect }, i) => (found[i]?.version ?? null) === expect)
    const leaving = writes.filter(({ leave }) => leave !== undefined)
    const done = leaving.every(({ kind, id, leave }) => this.read(kind, id)?.version === leave?.version)
    if (!holds) return leaving.length > 0 && done ? { applied: true } : { applied: false, reason: 'conflict', found }
    for (const { kind, id, leave } of leaving) {
      if (leave) this.#records.set(`${kind}/${id}`, { kind, id, version: leave.version, value: leave.value })
      else this.#records.delete(`${kind}/${id}`)
    }
    return { applied: true }
  }

  /** Everything in a range, in order, without a limit. */
  query(name: string, { prefix = [], after, upTo, order }: Partial<IndexQuery>): StoredRecord[] {
    const index = KIT_SCHEMA.indexes.find((one) => one.name === name) as IndexDefinition
    const found = this.all().flatMap((record) => {
      const key = record.kind === index.kind ? index.key(record.value, record.id) : undefined
      return key === undefined ? [] : [{ key, record }]
    })
    const inside = found.filter(
      ({ key }) =>
        compareStart(key, prefix) === 0 &&
        (after === undefined || compareStart(key, after) > 0) &&
        (upTo === undefined || compareStart(key, upTo) <= 0),
    )
    inside.sort((a, b) => compareStart(a.key, b.key) * (order === 'desc' ? -1 : 1))
    return inside.map(({ record }) => record)
  }
}

/** Compares as much of a key as the bound has parts. */
function compareStart(key: IndexKey, bound: IndexKey): number {
  for (const [i, part] of bound.entries()) {
    const order = comparePart(key[i] as KeyPart, part)
    if (order !== 0) return order
  }
  return 0
}

function comparePart(a: KeyPart, b: KeyPart): number {
  return typeof a === 'number' ? a - (b as number) : Buffer.compare(Buffer.from(a), Buffer.from(b as string))
}
