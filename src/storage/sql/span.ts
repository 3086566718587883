import { decodeCursor } from '../index-range.js'
import type { IndexDefinition, IndexKey, IndexQuery, IndexRange, KeyPart } from '../storage.js'
import { compareParts } from '../text-order.js'
import { columnsOf, quoted, quotedList } from './names.js'

/** One end of a span: the parts after the prefix. */
interface End {
  readonly parts: IndexKey
  readonly strict: boolean
}

/**
 * A range of an index in the one form that databases walk without filtering: equal on the first columns, and at most
 * one row value on each side over the columns that follow.
 */
export interface Span {
  readonly prefix: IndexKey
  readonly lower?: End
  readonly upper?: End
}

/** What the prefix leaves of a bound: `all` keys with that prefix are inside, `none` is, or a shorter bound decides. */
function afterPrefix(prefix: IndexKey, bound: IndexKey, side: -1 | 1, strict: boolean): End | 'all' | 'none' {
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

/** The values of a span's conditions, in the order in which {@link spanConditions} asks for them. */
export function spanValues({ prefix, lower, upper }: Span): KeyPart[] {
  return [...prefix, ...(lower?.parts ?? []), ...(upper?.parts ?? [])]
}

/** Names the text that {@link spanConditions} makes of a span, for caching statements. */
export function spanShape({ prefix, lower, upper }: Span): string {
  return `${prefix.length},${lower?.parts.length ?? 0},${upper?.parts.length ?? 0}${upper?.strict ? '!' : ''}`
}

/**
 * The conditions of a span, joined by AND. The first says that the record is in the index at all, in the words of a
 * partial index's own condition, without which a database would not use it.
 * @param placeholder - the next parameter: `?`, or `$1` and so on.
 */
export function spanConditions(index: IndexDefinition, span: Span, placeholder: () => string): string {
  const columns = columnsOf(index)
  const conditions = [`${quoted(columns[0] as string)} IS NOT NULL`]
  const from = span.prefix.length
  for (const column of columns.slice(0, from)) conditions.push(`${quoted(column)} = ${placeholder()}`)
  const compare = ({ parts, strict }: End, operator: '<' | '>') => {
    const names = quotedList(columns.slice(from, from + parts.length))
    const values = parts.map(placeholder).join(', ')
    const sign = strict ? operator : `${operator}=`
    conditions.push(parts.length === 1 ? `${names} ${sign} ${values}` : `(${names}) ${sign} (${values})`)
  }
  if (span.lower !== undefined) compare(span.lower, '>')
  if (span.upper !== undefined) compare(span.upper, '<')
  return conditions.join(' AND ')
}
