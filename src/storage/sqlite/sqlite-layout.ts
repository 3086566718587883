import { BatutaError } from '../../errors/base-error.js'
import {
  columnsOf,
  indexName,
  isOwn,
  META_TABLE,
  ownColumnsOf,
  ownPartsOf,
  quoted,
  quotedList,
  tableName,
} from '../sql/names.js'
import type { IndexDefinition, StorageSchema } from '../storage.js'
import type { SqliteDatabase, SqlValue } from './sqlite-driver.js'

/** What processes tell each other: the last of it. */
export const CHANNEL_TABLE = 'batuta_channel'

/** How many rows are read at a time when their index columns are filled again. */
const PAGE = 500

/**
 * Brings tables, columns and indexes to what the schema asks for. Must run inside a write transaction, so that of two
 * processes that open a new file one finds the work done.
 *
 * Index columns are filled again when an index or a column is new, or when the layout moved on: its keys may be made
 * in another way.
 * @throws STORAGE_NEWER when the file has a higher layout; STORAGE_OUTDATED when something is missing and `migrate` is
 * off.
 */
export function prepareLayout(
  db: SqliteDatabase,
  schema: StorageSchema,
  options: { migrate: boolean; now: number },
): void {
  const found = exists(db, META_TABLE) ? readLayout(db) : undefined
  assertNotNewer(found, schema)
  const missing = missingParts(db, schema)
  if (found === schema.layout && missing.size === 0) {
    db.exec(TOUCH_SQL)
    return
  }
  if (!options.migrate) throw outdated(found, schema)
  writeMeta(db, schema.layout, options.now)
  db.exec(`CREATE TABLE IF NOT EXISTS ${CHANNEL_TABLE} (seq INTEGER PRIMARY KEY, text TEXT NOT NULL)`)
  for (const kind of schema.kinds) {
    const indexes = schema.indexes.filter((index) => index.kind === kind)
    const isNew = createTable(db, kind, indexes)
    if (!isNew && (found !== schema.layout || indexes.some((index) => missing.has(index.name)))) {
      fillColumns(db, kind, indexes)
    }
    for (const index of indexes) createIndex(db, index)
  }
}

/** The layout of a file that has been prepared; cheap enough to ask in every transaction. */
export const LAYOUT_SQL = `SELECT value FROM ${META_TABLE} WHERE name = 'layout'`

/** Writes without changing anything; a read-only database refuses it, though it lets a write transaction begin. */
export const TOUCH_SQL = `UPDATE ${META_TABLE} SET value = value WHERE name = 'layout'`

/** @throws STORAGE_NEWER when a newer version of the library has migrated the file. */
export function assertNotNewer(found: number | undefined, schema: StorageSchema): void {
  if (found === undefined || found <= schema.layout) return
  throw new BatutaError('STORAGE_NEWER', `The database has layout ${found}; this version knows ${schema.layout}.`, {
    data: { storage: 'sqlite', found, known: schema.layout },
    fix: 'Use the newer version of batuta for every process that opens this file.',
  })
}

function outdated(found: number | undefined, schema: StorageSchema): BatutaError<'STORAGE_OUTDATED'> {
  const has = found === undefined ? 'is not prepared' : `has layout ${found}, or lacks an index or a table`
  return new BatutaError('STORAGE_OUTDATED', `The database ${has}; this version needs layout ${schema.layout}.`, {
    data: { storage: 'sqlite', found: found ?? 0, known: schema.layout },
    fix: 'Open it once with migrate: true.',
  })
}

function readLayout(db: SqliteDatabase): number | undefined {
  const row = db.prepare(LAYOUT_SQL).get() as { value: string } | undefined
  return row === undefined ? undefined : Number(row.value)
}

function writeMeta(db: SqliteDatabase, layout: number, now: number): void {
  db.exec(`CREATE TABLE IF NOT EXISTS ${META_TABLE} (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)`)
  const put = `INSERT INTO ${META_TABLE} (name, value) VALUES (?, ?) ON CONFLICT (name)`
  db.prepare(`${put} DO UPDATE SET value = excluded.value`).run('layout', String(layout))
  db.prepare(`${put} DO NOTHING`).run('createdAt', new Date(now).toISOString())
}

function exists(db: SqliteDatabase, name: string): boolean {
  return db.prepare('SELECT 1 FROM sqlite_master WHERE name = ?').get(name) !== undefined
}

/** The names of the declared indexes that are not there as declared, and of what has no table yet. */
function missingParts(db: SqliteDatabase, schema: StorageSchema): Set<string> {
  const missing = new Set<string>()
  if (!exists(db, CHANNEL_TABLE)) missing.add(CHANNEL_TABLE)
  for (const kind of schema.kinds) if (!exists(db, tableName(kind))) missing.add(kind)
  const sqlOf = db.prepare('SELECT sql FROM sqlite_master WHERE name = ?')
  for (const index of schema.indexes) {
    const row = sqlOf.get(indexName(index)) as { sql: string } | undefined
    if (row?.sql !== indexSql(index)) missing.add(index.name)
  }
  return missing
}

/** Creates the table, or adds the columns it lacks. Whether it is new. */
function createTable(db: SqliteDatabase, kind: string, indexes: readonly IndexDefinition[]): boolean {
  const table = tableName(kind)
  const isNew = !exists(db, table)
  if (isNew) {
    db.exec(`CREATE TABLE ${quoted(table)} (id TEXT PRIMARY KEY NOT NULL, version TEXT NOT NULL, value TEXT NOT NULL)`)
  }
  const rows = db.prepare(`PRAGMA table_info(${quoted(table)})`).all() as { name: string }[]
  const present = new Set(rows.map((row) => row.name))
  for (const index of indexes) {
    index.fields.forEach(({ type }, i) => {
      if (!isOwn(index, i)) return
      const column = columnsOf(index)[i] as string
      // NUMERIC keeps whole numbers whole, so that a person can read times in the table.
      const affinity = type === 'text' ? 'TEXT' : 'NUMERIC'
      if (!present.has(column)) db.exec(`ALTER TABLE ${quoted(table)} ADD COLUMN ${quoted(column)} ${affinity}`)
    })
  }
  return isNew
}

function indexSql(index: IndexDefinition): string {
  const columns = columnsOf(index)
  const where = `${quoted(columns[0] as string)} IS NOT NULL`
  const on = `${quoted(tableName(index.kind))} (${quotedList(columns)})`
  return `CREATE INDEX ${quoted(indexName(index))} ON ${on} WHERE ${where}`
}

function createIndex(db: SqliteDatabase, index: IndexDefinition): void {
  const row = db.prepare('SELECT sql FROM sqlite_master WHERE name = ?').get(indexName(index)) as
    | { sql: string }
    | undefined
  if (row?.sql === indexSql(index)) return
  if (row !== undefined) db.exec(`DROP INDEX ${quoted(indexName(index))}`)
  db.exec(indexSql(index))
}

/** Makes every row's index columns again from its value. */
function fillColumns(db: SqliteDatabase, kind: string, indexes: readonly IndexDefinition[]): void {
  const table = quoted(tableName(kind))
  const columns = indexes.flatMap(ownColumnsOf)
  if (columns.length === 0) return
  const page = db.prepare(`SELECT rowid AS at, id, value FROM ${table} WHERE rowid > ? ORDER BY rowid LIMIT ${PAGE}`)
  const put = db.prepare(`UPDATE ${table} SET ${columns.map((name) => `${quoted(name)} = ?`).join(', ')} WHERE id = ?`)
  for (let last = Number.MIN_SAFE_INTEGER; ; ) {
    const rows = page.all(last) as { at: number; id: string; value: string }[]
    for (const { at, id, value } of rows) {
      const parsed = JSON.parse(value)
      const keys = indexes.flatMap((index): SqlValue[] => {
        const key = index.key(parsed, id)
        return key === undefined ? ownColumnsOf(index).map(() => null) : [...ownPartsOf(index, key)]
      })
      put.run(...keys, id)
      last = at
    }
    if (rows.length < PAGE) return
  }
}
