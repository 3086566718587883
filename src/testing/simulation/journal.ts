import type { Clock } from '../../internal/clock.js'
import type { SetResult, Storage, StorageSchema, StoredRecord, WriteSet } from '../../storage/storage.js'
import type { Change, EventLog } from './event-log.js'

/** How long after an operation's first sending its sets may still be applied, by design. */
const NOT_AFTER_MS = 60_000

/**
 * Stands between the faults and the storage and writes down every set that was applied, in the order of the storage:
 * the truth that invariants are stated over. Keeps its own copy of the records, so that it also notices a storage that
 * breaks its contract, and freezes values, so that nobody changes one after handing it over.
 */
export class Journal {
  readonly #inner: Storage
  readonly #log: EventLog
  readonly #clock: Clock
  readonly #records = new Map<string, StoredRecord>()
  /** Values by the version that left them: a version is never used for two. */
  readonly #usedVersions = new Map<string, object>()
  /** Told of each applied set, after it was written down. */
  onApplied: (node: string, changes: readonly Change[]) => void = () => {}
  #opened: ReturnType<Storage['open']> | undefined
  #commits: Promise<unknown> = Promise.resolve()

  constructor(inner: Storage, log: EventLog, clock: Clock) {
    this.#inner = inner
    this.#log = log
    this.#clock = clock
  }

  /** A record as it stands. */
  get(kind: string, id: string): StoredRecord | undefined {
    return this.#records.get(keyOf({ kind, id }))
  }

  /** All records of a kind, in the order in which they were made. */
  *all(kind: string): Iterable<StoredRecord> {
    for (const record of this.#records.values()) if (record.kind === kind) yield record
  }

  /** The storage as one process uses it: its commits are written down under its name. */
  view(node: string): Storage {
    const inner = this.#inner
    return {
      name: inner.name,
      outcomeAlwaysKnown: inner.outcomeAlwaysKnown,
      durable: inner.durable,
      open: (schema) => this.#open(schema),
      read: (keys) => inner.read(keys),
      query: (index, query) => inner.query(index, query),
      count: (index, range) => inner.count(index, range),
      commit: (sets) => this.#commit(node, sets),
      close: async () => undefined,
    }
  }

  #open(schema: StorageSchema) {
    this.#opened ??= this.#inner.open(schema)
    return this.#opened
  }

  /** One after another, so that the order of the journal is the order of the storage. */
  #commit(node: string, sets: readonly WriteSet[]) {
    const done = this.#commits.then(async () => {
      this.#checkSets(node, sets)
      for (const set of sets) for (const write of set.writes) freeze(write.leave?.value)
      const answer = await this.#inner.commit(sets)
      sets.forEach((set, i) => {
        this.#record(node, set, answer.results[i])
      })
      return answer
    })
    this.#commits = done.catch(() => undefined)
    return done
  }

  #record(node: string, set: WriteSet, result: SetResult | undefined): void {
    const stands = (write: WriteSet['writes'][number]) => this.#records.get(keyOf(write))
    const holds = set.writes.every((write) => (stands(write)?.version ?? null) === write.expect)
    const isRepeat = set.writes.every((write) => {
      if (write.leave === undefined) return true
      return (stands(write)?.version ?? null) === (write.leave?.version ?? null)
    })
    if (result?.applied !== true) {
      if (result?.reason !== 'conflict') return
      const isEmpty = set.writes.every((write) => write.leave === undefined)
      if (holds) this.#broken('refused a set whose expectations hold', node, set)
      else if (isRepeat && !isEmpty) this.#broken('refused a set that it had applied', node, set)
      return
    }
    if (!holds) {
      if (!isRepeat) this.#broken('applied a set whose expectations do not hold', node, set)
      return
    }
    const changes: Change[] = []
    for (const write of set.writes) {
      if (write.leave === undefined) continue
      const before = stands(write)
      const after = write.leave === null ? undefined : { kind: write.kind, id: write.id, ...write.leave }
      if (after === undefined) this.#records.delete(keyOf(write))
      else this.#put(node, set, after)
      if (before !== undefined || after !== undefined) {
        changes.push({ kind: write.kind, id: write.id, before, after })
      }
    }
    if (changes.length === 0) return
    this.#log.add({ type: 'commit', node, notAfter: set.notAfter, changes })
    this.onApplied(node, changes)
  }

  #put(node: string, set: WriteSet, record: StoredRecord): void {
    const use = `${keyOf(record)} ${record.version}`
    const earlier = this.#usedVersions.get(use)
    // The same value again is a late copy of the set that made a record which was deleted since.
    if (earlier !== undefined && earlier !== record.value)
      this.#broken(`used version ${record.version} twice`, node, set)
    this.#usedVersions.set(use, record.value)
    this.#records.set(keyOf(record), record)
  }

  /** What the port asks of those who commit. */
  #checkSets(node: string, sets: readonly WriteSet[]): void {
    const owners = new Map<string, { set: WriteSet; writes: boolean }>()
    for (const set of sets) {
      if (set.notAfter > this.#clock.now() + NOT_AFTER_MS + 1)
        this.#broken('sent a set with a late notAfter', node, set)
      const mine = new Set<string>()
      for (const write of set.writes) {
        const key = keyOf(write)
        if (mine.has(key)) this.#broken(`named ${key} twice in one set`, node, set)
        mine.add(key)
        const other = owners.get(key)
        const writes = write.leave !== undefined
        if (other !== undefined && other.set !== set && (other.writes || writes)) {
          this.#broken(`named ${key} in two sets of one commit`, node, set)
        }
        owners.set(key, { set, writes: writes || (other?.writes ?? false) })
      }
    }
  }

  #broken(what: string, node: string, set: WriteSet): void {
    this.#log.add({ type: 'broken', text: `${node} ${what}: ${JSON.stringify(set)}` })
  }
}

function keyOf({ kind, id }: { readonly kind: string; readonly id: string }): string {
  return `${kind} ${id}`
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const part of Object.values(value)) freeze(part)
}
