import type { Span } from '../span.js'
import { columnsOf, quoted } from '../sql/names.js'
import { spanConditions, spanValues } from '../sql/span.js'
import type { IndexDefinition, IndexKey, KeyPart, StoredRecord } from '../storage.js'
import { escapeText, unescapeText } from './postgres-text.js'

/** The server's time in whole milliseconds, as a column. */
const NOW = 'floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms'

/** A statement and its values. */
export interface Asking {
  readonly text: string
  readonly values: unknown[]
}

/** A row of an answer; `id` is null in a row that only carries the time. */
export interface RecordRow {
  readonly now_ms: number
  readonly kind?: number
  readonly id: string | null
  readonly version: string | null
  readonly value: string | null
}

/** Only the time. */
export const askTime: Asking = { text: `SELECT ${NOW}`, values: [] }

/** Records by their ids, a table and its ids at a time; `kind` in the answer counts the tables. */
export function askRecords(tables: readonly { readonly table: string; readonly ids: readonly string[] }[]): Asking {
  const parts = tables.map(({ table }, i) => {
    return `SELECT ${i} AS kind, id, version, value FROM ${table} WHERE id = ANY ($${i + 1}::text[])`
  })
  return {
    text: `SELECT now.now_ms, r.* FROM (SELECT ${NOW}) now LEFT JOIN (${parts.join(' UNION ALL ')}) r ON true`,
    values: tables.map(({ ids }) => ids.map(escapeText)),
  }
}

/** What makes a record. */
export const RECORD_COLUMNS = 'id, version, value'

/** What makes a key, all of which the index has. */
export function keyColumns(index: IndexDefinition): string {
  return columnsOf(index)
    .map((column, i) => `${quoted(column)} AS k${i}`)
    .join(', ')
}

/** A row of keys; the first is null in a row that only carries the time. */
export type KeyRow = { readonly now_ms: number } & Readonly<Record<string, KeyPart | null>>

/** The keys in rows. */
export function keysOf(index: IndexDefinition, rows: readonly KeyRow[]): IndexKey[] {
  const found = rows.filter(({ k0 }) => k0 !== null)
  return found.map((row) =>
    index.fields.map((_, i) => {
      const part = row[`k${i}`] as KeyPart
      return typeof part === 'string' ? unescapeText(part) : part
    }),
  )
}

/** These columns of a span in key order, at most `limit` rows. */
export function askSpan(
  what: string,
  table: string,
  index: IndexDefinition,
  span: Span,
  order: 'asc' | 'desc',
  limit: number,
): Asking {
  const by = columnsOf(index).map((column) => `${quoted(column)} ${order}`)
  const { where, values } = conditions(index, span)
  const rows = `SELECT ${what} FROM ${table} WHERE ${where} ORDER BY ${by.join(', ')} LIMIT ${limit}`
  return { text: `SELECT now.now_ms, r.* FROM (SELECT ${NOW}) now LEFT JOIN LATERAL (${rows}) r ON true`, values }
}

/** How many records a span holds, at most `limit`. */
export function askCount(table: string, index: IndexDefinition, span: Span, limit: number): Asking {
  const { where, values } = conditions(index, span)
  const rows = `SELECT 1 FROM ${table} WHERE ${where} LIMIT ${limit}`
  return { text: `SELECT ${NOW}, (SELECT count(*)::int FROM (${rows}) r) AS count`, values }
}

/** The record in a row. */
export function recordOf(kind: string, { id, version, value }: RecordRow): StoredRecord {
  return {
    kind,
    id: unescapeText(id as string),
    version: unescapeText(version as string),
    value: JSON.parse(value as string),
  }
}

function conditions(index: IndexDefinition, span: Span): { where: string; values: unknown[] } {
  const values = spanValues(span).map((part: KeyPart) => (typeof part === 'string' ? escapeText(part) : part))
  let next = 0
  const where = spanConditions(index, span, () => {
    const value = values[next++]
    return typeof value === 'number' ? `$${next}::float8` : `$${next}::text`
  })
  return { where, values }
}
