import { decodeCursor } from './index-range.js'
import type { IndexDefinition, IndexKey, IndexQuery, IndexRange, KeyPart } from './storage.js'
import { compareParts } from './text-order.js'

/** One end of a span: the parts after the prefix. */
export interface SpanEnd {
  readonly parts: IndexKey
  readonly strict: boolean
}

/**
 * A range of an index in the one form that databases walk without filtering: equal on the first columns, and at most
 * one row value on each side over the columns that follow.
 */
export interface Span {
  readonly prefix: IndexKey
  readonly lower?: SpanEnd
  readonly upper?: SpanEnd
}

/** What the prefix leaves of a bound: `all` keys with that prefix are inside, `none` is, or a shorter bound decides. */
function afterPrefix(prefix: IndexKey, bound: IndexKey, side: -1 | 1, strict: boolean): SpanEnd | 'all' | 'none' {
  const shared = Math.min(prefix.length, bound.length)
  for (let i = 0; i < shared; i++) {
    const order = compareParts(bound[i] as KeyPart, prefix[i] as KeyPart)
    if (order !== 0) return order * side > 0 ? 'all' : 'none'
  }
  if (bound.length > prefix.length) return { parts: bound.slice(prefix.length), strict }
  return strict ? 'none' : 'all'
}

/**
 * The span of a range, or `undefined` when nothing can be in it. A cursor takes the place of the bound that the walk
 * started from.
 * @throws OPTIONS_INVALID when the cursor is not one of this index.
 */
export function spanOf(index: IndexDefinition, range: IndexRange, query?: IndexQuery): Span | undefined {
  const prefix = range.prefix ?? []
  const cursor = query?.cursor === undefined ? undefined : decodeCursor(index, query.cursor)
  const down = query?.order === 'desc'
  const after = down ? range.after : (cursor ?? range.after)
  const upTo = down ? (cursor ?? range.upTo) : range.upTo
  const lower = after === undefined ? 'all' : afterPrefix(prefix, after, -1, true)
  const upper = upTo === undefined ? 'all' : afterPrefix(prefix, upTo, 1, down && cursor !== undefined)
  if (lower === 'none' || upper === 'none') return undefined
  return { prefix, ...(lower !== 'all' && { lower }), ...(upper !== 'all' && { upper }) }
}
