/** What every adapter checks before it looks into an index, and how cursors are written. */
import { BatutaError } from '../errors/base-error.js'
import type { SchemaIssue } from '../errors/codes.js'
import type { IndexDefinition, IndexKey, IndexQuery, IndexRange, StoredRecord } from './storage.js'

/** The most records that one query may ask for. */
export const QUERY_LIMIT = 1_000

function invalid(message: string, path: string): BatutaError<'OPTIONS_INVALID'> {
  const issues: SchemaIssue[] = [{ message, path: [path] }]
  return new BatutaError('OPTIONS_INVALID', message, { data: { issues } })
}

/** The error for a kind of record or an index that the schema does not declare. */
export function notDeclared(what: 'kind' | 'index', name: string): BatutaError<'OPTIONS_INVALID'> {
  return invalid(`The storage was opened without the ${what} "${name}".`, what)
}

/**
 * Refuses a bound with more parts than the index has fields, or with parts of another type.
 * @throws OPTIONS_INVALID
 */
export function checkRange(index: IndexDefinition, range: IndexRange): void {
  for (const name of ['prefix', 'after', 'upTo'] as const) {
    const bound = range[name]
    if (bound !== undefined && !fits(index, bound)) {
      throw invalid(`The bound "${name}" does not fit the fields of index "${index.name}".`, name)
    }
  }
}

/**
 * Refuses a limit out of bounds, and what {@link checkRange} refuses.
 * @throws OPTIONS_INVALID
 */
export function checkQuery(index: IndexDefinition, query: IndexQuery): void {
  checkRange(index, query)
  if (!Number.isInteger(query.limit) || query.limit < 1 || query.limit > QUERY_LIMIT) {
    throw invalid(`A query's limit must be a whole number from 1 to ${QUERY_LIMIT}, not ${query.limit}.`, 'limit')
  }
}

function fits(index: IndexDefinition, key: IndexKey): boolean {
  if (key.length > index.fields.length) return false
  for (let i = 0; i < key.length; i++) {
    if (typeof key[i] !== (index.fields[i]?.type === 'number' ? 'number' : 'string')) return false
  }
  return true
}

/** A cursor: the last key that was answered. */
export function encodeCursor(key: IndexKey): string {
  return JSON.stringify(key)
}

/** The index of this name. @throws OPTIONS_INVALID when the schema declares none. */
export function indexOf(indexes: ReadonlyMap<string, IndexDefinition>, name: string): IndexDefinition {
  const index = indexes.get(name)
  if (index === undefined) throw notDeclared('index', name)
  return index
}

/**
 * What a query answers, of records that were read in its order: at most `limit`, and a cursor if there is one more.
 * @param found - one more than asked for tells whether there is; it is taken out.
 */
export function pageOf(
  index: IndexDefinition,
  found: StoredRecord[],
  limit: number,
): { readonly records: readonly StoredRecord[]; readonly cursor?: string } {
  if (found.length <= limit) return { records: found }
  found.pop()
  const last = found[found.length - 1] as StoredRecord
  return { records: found, cursor: encodeCursor(index.key(last.value, last.id) as IndexKey) }
}

/** The same of keys alone. */
export function keyPageOf(
  found: IndexKey[],
  limit: number,
): { readonly records: readonly []; readonly keys: readonly IndexKey[]; readonly cursor?: string } {
  if (found.length <= limit) return { records: [], keys: found }
  found.pop()
  return { records: [], keys: found, cursor: encodeCursor(found[found.length - 1] as IndexKey) }
}

/**
 * The key in a cursor.
 * @throws OPTIONS_INVALID when it is not a cursor of this index.
 */
export function decodeCursor(index: IndexDefinition, cursor: string): IndexKey {
  try {
    const key: unknown = JSON.parse(cursor)
    if (Array.isArray(key) && key.length === index.fields.length && fits(index, key)) return key
  } catch {
    // Falls through to the same error.
  }
  throw invalid(`This cursor does not belong to index "${index.name}".`, 'cursor')
}
