import { strict as assert } from 'node:assert'
import type {
  IndexQuery,
  QueryAnswer,
  SetResult,
  Storage,
  StoredRecord,
  Write,
  WriteSet,
} from '../../storage/storage.js'
import { type Item, KIT_SCHEMA } from './schema.js'

/** Long enough that no set of the kit comes late unless it is meant to. */
const HOUR_MS = 3_600_000

/** A storage with the few verbs that the cases are written in. */
export class Probe {
  readonly storage: Storage
  readonly #startedAt: number
  readonly #writer: string
  #versions = 0

  /**
   * @param startedAt - storage time when it was opened.
   * @param writer - begins the versions; another one for each probe over the same data.
   */
  constructor(storage: Storage, startedAt: number, writer: string) {
    this.storage = storage
    this.#startedAt = startedAt
    this.#writer = writer
  }

  /** A version that was never used before. */
  version(): string {
    return `${this.#writer}.${++this.#versions}`
  }

  /** A set that has an hour to arrive, or came this long too late. */
  set(writes: readonly Write[], lateMs?: number): WriteSet {
    return { writes, notAfter: this.#startedAt + (lateMs === undefined ? HOUR_MS : -lateMs) }
  }

  /** A write that creates a record, or changes one when `expect` is given. */
  leave(id: string, value: Item, expect: string | null = null, kind = 'item'): Write {
    return { kind, id, expect, leave: { version: this.version(), value } }
  }

  async commit(...sets: readonly WriteSet[]): Promise<readonly SetResult[]> {
    return (await this.storage.commit(sets)).results
  }

  /** Commits one set of these writes and says what became of it. */
  async commitSet(...writes: readonly Write[]): Promise<SetResult> {
    const [result] = await this.commit(this.set(writes))
    assert.ok(result, 'commit answered with fewer results than sets')
    return result
  }

  /** Commits one set of these writes, which must be applied. */
  async apply(...writes: readonly Write[]): Promise<void> {
    const result = await this.commitSet(...writes)
    assert.deepEqual(result, { applied: true }, 'a set whose guards hold was not applied')
  }

  /** Creates a record, which must work. */
  async create(id: string, value: Item, kind = 'item'): Promise<StoredRecord> {
    const write = this.leave(id, value, null, kind)
    await this.apply(write)
    return recordOf(write)
  }

  /** Creates records in one commit of one set each. */
  async createAll(items: Readonly<Record<string, Item>>): Promise<void> {
    const sets = Object.entries(items).map(([id, value]) => this.set([this.leave(id, value)]))
    for (const result of await this.commit(...sets)) assert.deepEqual(result, { applied: true })
  }

  async read(id: string, kind = 'item'): Promise<StoredRecord | undefined> {
    const { records } = await this.storage.read([{ kind, id }])
    assert.equal(records.length, 1, 'read must answer once for each key')
    return records[0]
  }

  /** The ids that a query finds, in its order. */
  async ids(index: string, query: Partial<IndexQuery> = {}): Promise<string[]> {
    const { records } = await this.#page(index, { limit: 1_000, ...query })
    return records.map((record) => record.id)
  }

  /** The ids of a query walked to its end by cursors. */
  async walk(index: string, query: IndexQuery): Promise<string[]> {
    const found: string[] = []
    for (let cursor: string | undefined; ; ) {
      const answer = await this.#page(index, { ...query, cursor })
      assert.ok(answer.records.length <= query.limit, 'a query answered with more than its limit')
      found.push(...answer.records.map((record) => record.id))
      assert.ok(found.length <= 2_000, 'a walk by cursors does not end')
      if (answer.cursor === undefined) return found
      cursor = answer.cursor
    }
  }

  /** What a query answers; asked for keys only, it must find the same, and stop at the same place. */
  async #page(name: string, query: IndexQuery): Promise<QueryAnswer> {
    const answer = await this.storage.query(name, query)
    const { records, keys, cursor } = await this.storage.query(name, { ...query, keysOnly: true })
    const index = KIT_SCHEMA.indexes.find((one) => one.name === name)
    if (keys === undefined) assert.deepEqual(records, answer.records)
    else {
      const expected = answer.records.map(({ value, id }) => index?.key(value, id))
      assert.deepEqual(keys, expected, 'a query for keys only found others')
      assert.deepEqual(records, [], 'a query for keys only answered with records too')
    }
    assert.equal(cursor, answer.cursor, 'a query for keys only has another cursor')
    return answer
  }
}

/** The record that a write leaves. */
export function recordOf({ kind, id, leave }: Write): StoredRecord {
  assert.ok(leave)
  return { kind, id, version: leave.version, value: leave.value }
}

/** A promise that must reject with this code; without one, with any error. */
export async function rejects(work: () => Promise<unknown>, code?: string): Promise<void> {
  let promise: Promise<unknown>
  try {
    promise = work()
  } catch (error) {
    throw new assert.AssertionError({ message: `threw instead of rejecting: ${error}` })
  }
  const outcome = await promise.then(
    () => 'no error',
    (error: { code?: unknown }) => ({ code: error.code }),
  )
  assert.notEqual(outcome, 'no error', 'expected a rejection')
  if (code !== undefined) assert.deepEqual(outcome, { code })
}
