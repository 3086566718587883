import type { Span } from '../span.js'
import { columnsOf, indexName, isOwn, ownColumnsOf, quoted, quotedList, tableName } from '../sql/names.js'
import { spanConditions, spanShape, spanValues } from '../sql/span.js'
import type { IndexDefinition, IndexKey, KeyPart, RecordValue, StoredRecord } from '../storage.js'
import type { SqliteDatabase, SqliteStatement, SqlValue } from './sqlite-driver.js'

interface Row {
  readonly id: string
  readonly version: string
  readonly value: string
}

/** The statements over the table of one kind. None of them begins or ends a transaction. */
export class SqliteTable {
  readonly kind: string
  readonly #name: string
  readonly #indexes: readonly IndexDefinition[]
  readonly #columns: readonly (readonly string[])[]
  readonly #prepare: (sql: string) => SqliteStatement
  readonly #version: SqliteStatement
  readonly #read: SqliteStatement
  readonly #delete: SqliteStatement
  /** By which indexes the value is in, so that only their columns are bound. */
  readonly #inserts = new Map<number, SqliteStatement>()
  readonly #updates = new Map<number, SqliteStatement>()
  readonly #ranges = new Map<string, SqliteStatement>()

  constructor(database: SqliteDatabase, kind: string, indexes: readonly IndexDefinition[]) {
    this.kind = kind
    this.#name = quoted(tableName(kind))
    this.#indexes = indexes
    this.#columns = indexes.map(ownColumnsOf)
    this.#prepare = (sql) => database.prepare(sql)
    this.#version = this.#prepare(`SELECT version FROM ${this.#name} WHERE id = ?`)
    this.#read = this.#prepare(`SELECT version, value FROM ${this.#name} WHERE id = ?`)
    this.#delete = this.#prepare(`DELETE FROM ${this.#name} WHERE id = ? AND version = ?`)
  }

  /** `null` when there is no such record. */
  versionOf(id: string): string | null {
    return (this.#version.get(id) as Row | undefined)?.version ?? null
  }

  read(id: string): StoredRecord | undefined {
    const row = this.#read.get(id) as Row | undefined
    return row && { kind: this.kind, id, version: row.version, value: JSON.parse(row.value) }
  }

  /** Adds a record unless there is one already. Whether it did. */
  insert(id: string, version: string, value: RecordValue): boolean {
    const values: SqlValue[] = [id, version, JSON.stringify(value)]
    const mask = this.#bindKeys(value, id, values)
    const statement = this.#cached(this.#inserts, mask, () => this.#insertSql(mask))
    return Number(statement.run(...values).changes) === 1
  }

  /** Changes a record that still has the expected version. Whether it did. */
  update(id: string, expect: string, version: string, value: RecordValue): boolean {
    const values: SqlValue[] = [version, JSON.stringify(value)]
    const mask = this.#bindKeys(value, id, values)
    values.push(id, expect)
    const statement = this.#cached(this.#updates, mask, () => this.#updateSql(mask))
    return Number(statement.run(...values).changes) === 1
  }

  /** Deletes a record that still has the expected version. Whether it did. */
  delete(id: string, expect: string): boolean {
    return Number(this.#delete.run(id, expect).changes) === 1
  }

  /** The records of a span in key order, at most `limit`. */
  select(index: IndexDefinition, span: Span, order: 'asc' | 'desc', limit: number): StoredRecord[] {
    const statement = this.#cached(this.#ranges, `${order} ${index.name} ${spanShape(span)}`, () =>
      this.#selectSql(index, span, order, ['id', 'version', 'value']),
    )
    const rows = statement.all(...spanValues(span), limit) as Row[]
    return rows.map(({ id, version, value }) => ({ kind: this.kind, id, version, value: JSON.parse(value) }))
  }

  /** The keys of a span in order, at most `limit`: the index has them, and no record is read. */
  selectKeys(index: IndexDefinition, span: Span, order: 'asc' | 'desc', limit: number): IndexKey[] {
    const statement = this.#cached(this.#ranges, `keys ${order} ${index.name} ${spanShape(span)}`, () =>
      this.#selectSql(
        index,
        span,
        order,
        columnsOf(index).map((column, i) => `${quoted(column)} AS k${i}`),
      ),
    )
    const rows = statement.all(...spanValues(span), limit) as Record<string, KeyPart>[]
    return rows.map((row) => index.fields.map((_, i) => row[`k${i}`] as KeyPart))
  }

  /** How many records a span holds, at most `limit`. */
  count(index: IndexDefinition, span: Span, limit: number): number {
    const statement = this.#cached(this.#ranges, `count ${index.name} ${spanShape(span)}`, () => {
      return `SELECT count(*) AS n FROM (SELECT 1 FROM ${this.#from(index, span)} LIMIT ?)`
    })
    return Number((statement.get(...spanValues(span), limit) as { n: number | bigint }).n)
  }

  #selectSql(index: IndexDefinition, span: Span, order: 'asc' | 'desc', what: readonly string[]): string {
    const by = columnsOf(index).map((column) => `${quoted(column)} ${order}`)
    return `SELECT ${what.join(', ')} FROM ${this.#from(index, span)} ORDER BY ${by.join(', ')} LIMIT ?`
  }

  /** INDEXED BY makes a plan that would not use the index an error, whatever the table's statistics say. */
  #from(index: IndexDefinition, span: Span): string {
    return `${this.#name} INDEXED BY ${quoted(indexName(index))} WHERE ${spanConditions(index, span, () => '?')}`
  }

  #cached<K>(statements: Map<K, SqliteStatement>, key: K, sql: () => string): SqliteStatement {
    const known = statements.get(key)
    if (known !== undefined) return known
    const statement = this.#prepare(sql())
    statements.set(key, statement)
    return statement
  }

  /** Appends the parts of every index that the value is in; returns which those are, one bit each. */
  #bindKeys(value: RecordValue, id: string, values: SqlValue[]): number {
    let mask = 0
    for (let i = 0; i < this.#indexes.length; i++) {
      const index = this.#indexes[i] as IndexDefinition
      const key: IndexKey | undefined = index.key(value, id)
      if (key === undefined) continue
      mask += 2 ** i
      for (let part = 0; part < key.length; part++) if (isOwn(index, part)) values.push(key[part] as SqlValue)
    }
    return mask
  }

  #columnsIn(mask: number, inside: boolean): string[] {
    return this.#columns.flatMap((columns, i) => ((Math.floor(mask / 2 ** i) % 2 === 1) === inside ? columns : []))
  }

  #insertSql(mask: number): string {
    const columns = ['id', 'version', 'value', ...this.#columnsIn(mask, true)]
    const values = columns.map(() => '?').join(', ')
    return `INSERT INTO ${this.#name} (${quotedList(columns)}) VALUES (${values}) ON CONFLICT DO NOTHING`
  }

  #updateSql(mask: number): string {
    const set = ['version', 'value', ...this.#columnsIn(mask, true)].map((column) => `${quoted(column)} = ?`)
    const clear = this.#columnsIn(mask, false).map((column) => `${quoted(column)} = NULL`)
    return `UPDATE ${this.#name} SET ${[...set, ...clear].join(', ')} WHERE id = ? AND version = ?`
  }
}
