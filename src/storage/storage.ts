/**
 * The storage port: records with versions and declared indexes, changed only by guarded commits.
 *
 * An adapter knows nothing of tasks. It is told the indexes when it is opened, keeps records, answers queries over
 * those indexes, and applies write sets whole or not at all. `batuta/testing` has the conformance kit.
 */

/**
 * A record's value: an object of JSON. A property that is undefined counts as absent, however deep. Never changed once
 * handed over.
 */
export type RecordValue = object

/** Names one record. */
export interface RecordKey {
  readonly kind: string
  readonly id: string
}

/** A record as it stands. */
export interface StoredRecord extends RecordKey {
  /** Opaque; chosen by the writer; never used twice for one record. */
  readonly version: string
  readonly value: RecordValue
}

/**
 * One condition of a write set, and what to leave behind.
 *
 * - `expect`: the version that must stand there now, or `null` when the record must be absent.
 * - `leave`: the version and value to leave; `null` deletes the record; absent: the write only expects.
 */
export interface Write extends RecordKey {
  readonly expect: string | null
  readonly leave?: { readonly version: string; readonly value: RecordValue } | null | undefined
}

/**
 * Writes that happen together or not at all. No record appears twice in a set. A set that was applied may be sent
 * again: it counts as applied while its records carry the versions that it would leave.
 */
export interface WriteSet {
  readonly writes: readonly Write[]
  /** Storage time after which the set must be refused as `late`, so that a copy still under way can do no harm. */
  readonly notAfter: number
}

/** What became of one set. */
export type SetResult =
  | { readonly applied: true }
  | {
      readonly applied: false
      /** `conflict`: an expectation failed. `late`: the set came after its `notAfter`. */
      readonly reason: 'conflict' | 'late'
      /** What stands at each write of the set, in its order; `undefined` where nothing does. */
      readonly found: readonly (StoredRecord | undefined)[]
    }
  | {
      readonly applied: false
      /**
       * `busy`: somebody else's unfinished transaction holds one of its records. Nothing of the set was written, nor will be
       * until it is sent again. For storages where a process that died may leave records locked behind.
       */
      readonly reason: 'busy'
    }

/** One value of an index key. Numbers sort as numbers, texts by their UTF-8 bytes (for ids and lanes: as in ASCII). */
export type KeyPart = string | number
/** An index key: as many parts as the index has fields. */
export type IndexKey = readonly KeyPart[]

/** A declared index: which records are in it, and in what order. */
export interface IndexDefinition {
  /** Unique among all indexes; letters only, so that it may name a column or a key. */
  readonly name: string
  /** The kind of record it covers. */
  readonly kind: string
  /** The fields of its key, outermost first. The last one makes the key unique. A field named `id` is the record's id. */
  readonly fields: readonly { readonly name: string; readonly type: 'text' | 'number' }[]
  /** The key of a value, or `undefined` when the record is not in the index (and costs no write there). */
  key(value: RecordValue, id: string): IndexKey | undefined
}

/** A part of an index to look at. */
export interface IndexRange {
  /** Only keys that start with these parts. Empty or absent: the whole index. */
  readonly prefix?: IndexKey | undefined
  /** Only keys after this one, exclusive. May be shorter than a key: then after every key that starts with it. */
  readonly after?: IndexKey | undefined
  /** Only keys up to this one, inclusive. May be shorter than a key: then every key that starts with it is included. */
  readonly upTo?: IndexKey | undefined
}

/** A query: a range, an order, a bound. */
export interface IndexQuery extends IndexRange {
  /** At most this many records, from 1 to 1,000. */
  readonly limit: number
  /** `asc` by default. `desc` walks the same range from its end. */
  readonly order?: 'asc' | 'desc' | undefined
  /** Goes on where an earlier query with the same range and order stopped. Opaque. */
  readonly cursor?: string | undefined
  /** Their keys are enough: what a node asks that looks at more than it takes. */
  readonly keysOnly?: boolean | undefined
}

/** Every answer of a storage carries its time: all durable times are on this clock, never on a machine's. */
export interface StorageAnswer {
  /** Milliseconds since the Unix epoch, by the storage's clock. */
  readonly now: number
}

/**
 * Short texts between the processes that share a store. Every text may be lost, doubled or late; a sender may hear its own.
 * The bus over it says what they mean, and sends those of some milliseconds together.
 */
export interface StorageChannel {
  /** The longest text that it carries, in bytes of UTF-8. */
  readonly maxBytes: number
  /** Sends a text. Never throws; a text that can't be sent is lost. */
  publish(text: string): void
  /** Listens; the answer stops it. A channel that lost its connection comes back by itself. */
  subscribe(listener: (text: string) => void): () => void
  /** Lets go of what it holds. Safe to call twice. */
  close(): Promise<void>
}

/** What a query finds, in key order. */
export interface QueryAnswer extends StorageAnswer {
  readonly records: readonly StoredRecord[]
  /** The keys, instead of the records, of a query for `keysOnly`. A storage may leave them out, and answer with the records. */
  readonly keys?: readonly IndexKey[]
  /** Where there is more. */
  readonly cursor?: string
}

/** What an adapter is told when it is opened. */
export interface StorageSchema {
  /** The layout number: versions of the library with the same number may share a store. */
  readonly layout: number
  /** The kinds of record there are. */
  readonly kinds: readonly string[]
  readonly indexes: readonly IndexDefinition[]
}

/** Counting stops here: a larger number is of no use to anybody and costs more than it tells. */
export const COUNT_LIMIT = 10_000

/**
 * Where the truth is kept. All methods reject with `STORAGE_UNAVAILABLE` when nothing was done, and `commit` with
 * `STORAGE_OUTCOME_UNKNOWN` when it can't say. Adapters never resend by themselves.
 */
export interface Storage {
  /** A short name for status and errors: `memory`, `sqlite`. */
  readonly name: string
  /**
   * Whether the outcome of a commit is always known when the call returns (memory, a file of our own). Then
   * `STORAGE_OUTCOME_UNKNOWN` never happens, no copy of a commit can come late, and records may be purged at once.
   */
  readonly outcomeAlwaysKnown: boolean
  /** Whether what was committed outlives the process. */
  readonly durable: boolean
  /** Gets ready: connects, creates or migrates its structures. Called once, before anything else. */
  open(schema: StorageSchema): Promise<StorageAnswer>
  /** The records of these keys, in their order; `undefined` where there is none. Not a snapshot. */
  read(keys: readonly RecordKey[]): Promise<StorageAnswer & { readonly records: readonly (StoredRecord | undefined)[] }>
  /** The records of a range of an index, in key order. Sees every commit that was answered before it began. */
  query(index: string, query: IndexQuery): Promise<QueryAnswer>
  /** How many records a range holds, counted up to {@link COUNT_LIMIT}. */
  count(index: string, range: IndexRange): Promise<StorageAnswer & { readonly count: number }>
  /** Applies each set whole or not at all, each on its own; the answers are in the order of the sets. No record that one set writes appears in another set of the same call. */
  commit(sets: readonly WriteSet[]): Promise<StorageAnswer & { readonly results: readonly SetResult[] }>
  /** Opens a channel to the others that share the store, after `open`. Absent where there is none: they find out by polling. */
  channel?(): StorageChannel
  /** Lets go of everything. What was committed stays. Safe to call twice. */
  close(): Promise<void>
}
