import type { Span } from '../span.js'
import { columnsOf, quoted } from '../sql/names.js'
import { spanConditions, spanValues } from '../sql/span.js'
import type { IndexDefinition, IndexKey, KeyPart, StoredRecord } from '../storage.js'
import { float8Array, textArray } from './postgres-array.js'
import { escapeText, unescapeText } from './postgres-text.js'
import { READ_AT } from './postgres-walk-sql.js'

const NOW = `${READ_AT} AS now_ms`

/** A statement and its values. */
export interface Asking {
  readonly text: string
  readonly values: unknown[]
}

/** What every row of an answer has; null where a standby gave it. */
export interface TimedRow {
  readonly now_ms: number | null
}

/** A row of an answer; `id` is null in a row that only carries the time. */
export interface RecordRow extends TimedRow {
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

/** A column of an answer: where it comes from, its name and its type. */
export type Column = readonly [source: string, name: string, type: 'text' | 'float8' | 'int']

/** What makes a record. */
export const RECORD_COLUMNS: readonly Column[] = ['id', 'version', 'value'].map((name) => [name, name, 'text'])

/** What makes a key of an index. */
export function keyColumns(index: IndexDefinition): readonly Column[] {
  return columnsOf(index).map((column, i) => {
    return [quoted(column), `k${i}`, index.fields[i]?.type === 'text' ? 'text' : 'float8']
  })
}

/** A row of keys; the first is null in a row that only carries the time. */
export type KeyRow = TimedRow & Readonly<Record<string, KeyPart | null>>

/** How many there are. */
export interface CountRow extends TimedRow {
  readonly count: number
}

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

/** Where an index is walked. */
export interface Walk {
  /** The name of the function that walks. */
  readonly by: string
  readonly table: string
  readonly index: IndexDefinition
  readonly span: Span
  readonly order: 'asc' | 'desc'
  /** It ends after this many. */
  readonly limit: number
}

/** These columns of the records of a walk, in its order. */
export function askSpan(columns: readonly Column[], walk: Walk): Asking {
  const { rest, values } = walkSql(walk)
  return calling(walk.by, columns, rest, values)
}

/** How many records a walk meets. */
export function askCount(walk: Walk): Asking {
  const { rest, values } = walkSql(walk)
  return calling(walk.by, [['count(*)::int', 'count', 'int']], `FROM (SELECT ${rest}) r`, values)
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

/** A call of the function that walks. Its query finds the time in `$1`, the texts among the values in `$2`, the numbers in `$3`. */
function calling(by: string, columns: readonly Column[], rest: string, values: readonly KeyPart[]): Asking {
  const sources = columns.map(([source]) => source)
  const nulls = columns.map(([, , type]) => `NULL::${type}`)
  const types = columns.map(([, name, type]) => `${name} ${type}`)
  const texts = values.filter((value) => typeof value === 'string').map(escapeText)
  const numbers = values.filter((value) => typeof value === 'number')
  return {
    text: `SELECT * FROM ${by}($1, $2, $3, $4) AS r(now_ms float8, ${types.join(', ')})`,
    values: [
      `SELECT $1, ${sources.join(', ')} ${rest}`,
      `SELECT $1, ${nulls.join(', ')}`,
      textArray(texts),
      float8Array(numbers),
    ],
  }
}

/** What follows the columns, and the values in it. */
function walkSql({ table, index, span, order, limit }: Walk): { rest: string; values: KeyPart[] } {
  const open = withOpenEnd(span)
  const values = spanValues(open)
  let next = 0
  const nextOf = { string: 0, number: 0 }
  const where = spanConditions(index, open, () => {
    const type = typeof values[next++] as 'string' | 'number'
    return `${type === 'string' ? '$2' : '$3'}[${++nextOf[type]}]`
  })
  const by = columnsOf(index).map((column) => `${quoted(column)} ${order}`)
  return { rest: `FROM ${table} WHERE ${where} ORDER BY ${by.join(', ')} LIMIT ${limit}`, values }
}

/**
 * The same span with the last part of its prefix as a part of both bounds. Where all that a prefix leaves is the id, rows
 * in the order of the ids would be in order too, and a planner might walk the primary key past every record there is.
 */
function withOpenEnd(span: Span): Span {
  const { prefix, lower, upper } = span
  const last = prefix.at(-1)
  if (last === undefined) return span
  return {
    prefix: prefix.slice(0, -1),
    lower: { parts: [last, ...(lower?.parts ?? [])], strict: lower?.strict ?? false },
    upper: { parts: [last, ...(upper?.parts ?? [])], strict: upper?.strict ?? false },
  }
}
