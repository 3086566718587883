import type { Span, SpanEnd } from '../span.js'
import type { IndexDefinition, KeyPart } from '../storage.js'
import { columnsOf, quoted, quotedList } from './names.js'

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
  const compare = ({ parts, strict }: SpanEnd, operator: '<' | '>') => {
    const names = quotedList(columns.slice(from, from + parts.length))
    const values = parts.map(placeholder).join(', ')
    const sign = strict ? operator : `${operator}=`
    conditions.push(parts.length === 1 ? `${names} ${sign} ${values}` : `(${names}) ${sign} (${values})`)
  }
  if (span.lower !== undefined) compare(span.lower, '>')
  if (span.upper !== undefined) compare(span.upper, '<')
  return conditions.join(' AND ')
}
