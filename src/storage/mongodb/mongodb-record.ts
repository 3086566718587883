import { BatutaError } from '../../errors/base-error.js'
import type { IndexDefinition, IndexKey, KeyPart, RecordValue, StoredRecord } from '../storage.js'
import type { MongodbDocument } from './mongodb-client.js'

/** The largest value: a document of MongoDB has 16 MiB at most, keys of its indexes included. */
const MAX_VALUE_BYTES = 15 * 1024 * 1024

/** What is read of a document to make a record of it. */
export const RECORD_FIELDS = { version: 1, value: 1 } as const

/** The collection of a kind. */
export function collectionOf(prefix: string, kind: string): string {
  return `${prefix}_${kind}`
}

/** Where the layout number is kept. */
export function metaCollection(prefix: string): string {
  return `${prefix}_meta`
}

/** What processes tell each other: the last of each. */
export function channelCollection(prefix: string): string {
  return `${prefix}_channel`
}

/**
 * The path of an index's field in a document: `ready.lane`. The field `id` is the record's own id; where it comes first it is
 * kept once more, since the first field says whether a record is in the index.
 */
export function pathOf(index: IndexDefinition, at: number): string {
  return isOwn(index, at) ? `${index.name}.${index.fields[at]?.name}` : '_id'
}

function isOwn(index: IndexDefinition, at: number): boolean {
  return at === 0 || index.fields[at]?.name !== 'id'
}

/** The keys of a value beside it, one object for each index that it is in: `{ ready: { lane, tenant, rank } }`. */
export function keysOf(indexes: readonly IndexDefinition[], value: RecordValue, id: string): MongodbDocument {
  const keys: MongodbDocument = {}
  for (const index of indexes) {
    const key = index.key(value, id)
    if (key === undefined) continue
    const parts: Record<string, KeyPart> = {}
    for (const [at, { name }] of index.fields.entries()) if (isOwn(index, at)) parts[name] = key[at] as KeyPart
    keys[index.name] = parts
  }
  return keys
}

/**
 * A record as it is stored. The value is JSON text: BSON keeps neither undefined apart from null nor a number's kind,
 * limits depth, and gives `$` and `.` in names a meaning.
 * @throws PAYLOAD_TOO_LARGE
 */
export function documentOf(
  indexes: readonly IndexDefinition[],
  id: string,
  version: string,
  value: RecordValue,
): { readonly document: MongodbDocument; readonly bytes: number } {
  const text = JSON.stringify(value)
  const keys = keysOf(indexes, value, id)
  const bytes = Buffer.byteLength(text) + bytesOf(keys)
  if (bytes > MAX_VALUE_BYTES) {
    throw new BatutaError('PAYLOAD_TOO_LARGE', `The record ${id} has ${bytes} bytes; MongoDB takes 16 MiB.`, {
      data: { bytes, maxBytes: MAX_VALUE_BYTES },
      fix: 'Keep large content elsewhere, and its address here.',
    })
  }
  return { document: { _id: id, version, value: text, ...keys }, bytes }
}

/** What keys weigh beside their value: their texts, of which only a caller of the port could make much. */
function bytesOf(keys: MongodbDocument): number {
  let bytes = 0
  for (const key of Object.values(keys)) {
    for (const part of Object.values(key as Record<string, KeyPart>)) {
      if (typeof part === 'string') bytes += Buffer.byteLength(part)
    }
  }
  return bytes
}

/** What is read of a document to make an index's key of it: the index has all of it. */
export function keyFieldsOf(index: IndexDefinition): MongodbDocument {
  return { _id: 0, ...Object.fromEntries(index.fields.map((_, at) => [pathOf(index, at), 1])) }
}

/** The key in a document. */
export function keyOf(index: IndexDefinition, document: MongodbDocument): IndexKey {
  const own = document[index.name] as Readonly<Record<string, KeyPart>>
  return index.fields.map(({ name }, at) => (isOwn(index, at) ? own[name] : document._id) as KeyPart)
}

/** The record in a document. */
export function recordOf(kind: string, document: MongodbDocument): StoredRecord {
  const { _id, version, value } = document as { readonly _id: string; readonly version: string; readonly value: string }
  return { kind, id: _id, version, value: JSON.parse(value) }
}
