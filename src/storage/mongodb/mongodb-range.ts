import type { Span } from '../span.js'
import type { IndexDefinition, IndexKey, KeyPart } from '../storage.js'
import type { MongodbDocument } from './mongodb-client.js'
import { pathOf } from './mongodb-record.js'

interface Bound {
  readonly operator: '$gt' | '$gte' | '$lt' | '$lte'
  readonly part: KeyPart
}

/**
 * The filter of a span. MongoDB compares fields, not tuples, so a range of tuples becomes ranges that are equal on the
 * first fields and bounded on the next one, side by side: of two fields, "after (a, b)" is "first = a and second > b", or
 * "first > a". The server walks one piece of the index for each and merges them in order.
 */
export function filterOf(index: IndexDefinition, { prefix, lower, upper }: Span): MongodbDocument {
  const low = [...prefix, ...(lower?.parts ?? [])]
  const high = [...prefix, ...(upper?.parts ?? [])]
  let fork = prefix.length
  while (fork < Math.min(low.length, high.length) && low[fork] === high[fork]) fork++
  const pieces: MongodbDocument[] = []
  const add = (equal: IndexKey, ...bounds: readonly Bound[]) => pieces.push(pieceOf(index, equal, bounds))
  if (lower !== undefined) {
    for (let at = low.length - 1; at > fork; at--) add(low.slice(0, at), { operator: '$gt', part: low[at] as KeyPart })
  }
  const last: Bound['operator'] = upper?.strict ? '$lt' : '$lte'
  const middle: Bound[] = []
  if (fork < low.length) middle.push({ operator: '$gt', part: low[fork] as KeyPart })
  if (fork < high.length) {
    middle.push({ operator: fork === high.length - 1 ? last : '$lt', part: high[fork] as KeyPart })
  }
  if (fork < low.length || fork < high.length || (lower === undefined && upper === undefined)) {
    add(low.slice(0, fork), ...middle)
  }
  if (upper !== undefined) {
    for (let at = fork + 1; at < high.length; at++) {
      add(high.slice(0, at), { operator: at === high.length - 1 ? last : '$lt', part: high[at] as KeyPart })
    }
  }
  return pieces.length === 1 ? (pieces[0] as MongodbDocument) : { $or: pieces }
}

/** The first field is always compared: only then does the server use an index that leaves records out. */
function pieceOf(index: IndexDefinition, equal: IndexKey, bounds: readonly Bound[]): MongodbDocument {
  const piece: MongodbDocument = {}
  for (const [at, part] of equal.entries()) piece[pathOf(index, at)] = part
  if (bounds.length > 0) {
    piece[pathOf(index, equal.length)] = Object.fromEntries(bounds.map(({ operator, part }) => [operator, part]))
  } else if (equal.length === 0) {
    piece[pathOf(index, 0)] = { $gte: index.fields[0]?.type === 'number' ? Number.NEGATIVE_INFINITY : '' }
  }
  return piece
}

/** Whether nothing can be in a span: its ends meet or cross. */
export function isEmptySpan({ lower, upper }: Span, compare: (a: KeyPart, b: KeyPart) => number): boolean {
  if (lower === undefined || upper === undefined) return false
  const shared = Math.min(lower.parts.length, upper.parts.length)
  for (let at = 0; at < shared; at++) {
    const order = compare(lower.parts[at] as KeyPart, upper.parts[at] as KeyPart)
    if (order !== 0) return order > 0
  }
  // What the shorter end says of all keys that begin with it decides.
  return lower.parts.length <= upper.parts.length || upper.strict
}

/** The order of an index, as `sort` takes it. */
export function sortOf(index: IndexDefinition, order: 'asc' | 'desc'): MongodbDocument {
  return Object.fromEntries(index.fields.map((_, at) => [pathOf(index, at), order === 'asc' ? 1 : -1]))
}
