import { BatutaError } from '../../errors/base-error.js'
import { SCHEMA } from '../records.js'
import { indexName, quoted } from '../sql/names.js'
import type { StorageSchema } from '../storage.js'
import type { PostgresConnection } from './postgres-connection.js'
import type { PostgresClient } from './postgres-driver.js'
import { indexesOf, layoutOf, type PostgresLayout, typedColumns } from './postgres-layout.js'
import { assertSchemaName, DEFAULT_SCHEMA } from './postgres-options.js'
import { escapeText, unescapeText } from './postgres-text.js'

/** How many rows are read at a time when their index columns are filled again. */
const PAGE = 500

interface Found {
  readonly layout: number
  readonly structure: string
}

/**
 * Brings tables, columns, indexes and the commit function to what the schema asks for, in one transaction that of several
 * processes one goes through at a time. Index columns are filled again from the values when anything was there before.
 * @throws STORAGE_NEWER when the store has a higher layout; STORAGE_OUTDATED when it must change and `migrate` is off.
 */
export async function prepareLayout(
  connection: PostgresConnection,
  schema: StorageSchema,
  layout: PostgresLayout,
  migrate: boolean,
): Promise<void> {
  const isReady = (found: Found | undefined) => {
    assertNotNewer(found?.layout, schema)
    return found?.layout === schema.layout && found.structure === layout.structure
  }
  const found = await connection.use('reads', (client) => findLayout(connection, client, layout))
  if (isReady(found)) return
  if (!migrate) throw outdated(found, schema)
  await connection.use('reads', async (client) => {
    const run = (text: string, values: unknown[] = []) => client.query({ text, values })
    await run('BEGIN')
    try {
      await run('SET LOCAL statement_timeout = 0')
      await run("SELECT pg_advisory_xact_lock(hashtextextended('batuta migrates ' || $1, 0))", [layout.schema])
      const before = await findLayout(connection, client, layout)
      if (!isReady(before)) await migrateStore(client, schema, layout, before !== undefined)
      await run('COMMIT')
    } catch (error) {
      // A connection that is gone has rolled back.
      await run('ROLLBACK').catch(() => undefined)
      throw error
    }
  })
}

/** @throws STORAGE_NEWER when a newer version of the library has migrated the store. */
export function assertNotNewer(found: number | undefined, schema: StorageSchema): void {
  if (found === undefined || found <= schema.layout) return
  throw new BatutaError('STORAGE_NEWER', `The store has layout ${found}; this version knows ${schema.layout}.`, {
    data: { storage: 'postgres', found, known: schema.layout },
    fix: 'Use the newer version of batuta for every process that shares this store.',
  })
}

function outdated(found: Found | undefined, schema: StorageSchema): BatutaError<'STORAGE_OUTDATED'> {
  const has = found === undefined ? 'is not prepared' : `has layout ${found.layout}, or other structures`
  return new BatutaError('STORAGE_OUTDATED', `The store ${has}; this version needs layout ${schema.layout}.`, {
    data: { storage: 'postgres', found: found?.layout ?? 0, known: schema.layout },
    fix: 'Open it once with migrate: true, or run what postgresDdl() gives.',
  })
}

async function findLayout(
  connection: PostgresConnection,
  client: PostgresClient,
  { meta }: PostgresLayout,
): Promise<Found | undefined> {
  const [there] = await connection.ask<{ meta: string | null }>(client, 'SELECT to_regclass($1)::text AS meta', [meta])
  if (there?.meta == null) return undefined
  const rows = await connection.ask<{ name: string; value: string }>(client, `SELECT name, value FROM ${meta}`)
  const values = new Map(rows.map(({ name, value }) => [name, value]))
  const layout = values.get('layout')
  return layout === undefined ? undefined : { layout: Number(layout), structure: values.get('structure') ?? '' }
}

async function migrateStore(client: PostgresClient, schema: StorageSchema, layout: PostgresLayout, isOld: boolean) {
  // Commits hold this table from their beginning to their end: those before are over, those after see the new layout.
  if (isOld) await client.query({ text: `LOCK TABLE ${layout.meta} IN ACCESS EXCLUSIVE MODE` })
  for (const index of isOld ? schema.indexes : []) {
    await client.query({ text: `DROP INDEX IF EXISTS ${quoted(layout.schema)}.${quoted(indexName(index))}` })
  }
  const [first, last] = splitAtIndexes(layout.statements)
  for (const text of first) await client.query({ text })
  if (isOld) for (const kind of schema.kinds) await fillColumns(client, schema, layout, kind)
  for (const text of last) await client.query({ text })
}

/** Indexes are made once the columns are filled. */
function splitAtIndexes(statements: readonly string[]): readonly [readonly string[], readonly string[]] {
  const at = statements.findIndex((text) => text.startsWith('CREATE INDEX'))
  return [statements.slice(0, at === -1 ? statements.length : at), at === -1 ? [] : statements.slice(at)]
}

/** Makes every row's index columns again from its value. */
async function fillColumns(client: PostgresClient, schema: StorageSchema, layout: PostgresLayout, kind: string) {
  const indexes = indexesOf(schema, kind)
  const columns = typedColumns(indexes)
  if (columns.length === 0) return
  const table = layout.table(kind)
  const page = `SELECT id, value FROM ${table} WHERE id > $1 ORDER BY id LIMIT ${PAGE}`
  const arrays = columns.map(({ type }, i) => `$${i + 2}::${type === 'text' ? 'text' : 'float8'}[]`)
  const names = columns.map((_, i) => `c${i}`)
  const set = columns.map(({ name }, i) => `${quoted(name)} = w.c${i}`).join(', ')
  const put = `UPDATE ${table} t SET ${set} FROM unnest($1::text[], ${arrays.join(', ')}) AS w(id, ${names.join(', ')}) WHERE t.id = w.id`
  for (let last = ''; ; ) {
    const rows = (await client.query({ text: page, values: [last] })).rows as { id: string; value: string }[]
    if (rows.length > 0) {
      const keys = rows.map(({ id, value }) => keyColumns(indexes, JSON.parse(value), unescapeText(id)))
      const values = columns.map((_, i) => keys.map((key) => key[i]))
      await client.query({ text: put, values: [rows.map(({ id }) => id), ...values] })
    }
    last = rows[rows.length - 1]?.id ?? last
    if (rows.length < PAGE) return
  }
}

function keyColumns(indexes: ReturnType<typeof indexesOf>, value: object, id: string): (string | number | null)[] {
  return indexes.flatMap((index) => {
    const key = index.key(value, id)
    const own = typedColumns([index]).length
    if (key === undefined) return new Array<null>(own).fill(null)
    return key.slice(0, own).map((part) => (typeof part === 'string' ? escapeText(part) : part))
  })
}

/**
 * What `open` would run on an empty database, as a script for psql: for databases whose application may not create. Safe to
 * run again, and with `open` of several processes at once.
 * @throws OPTIONS_INVALID for a name that is none.
 */
export function postgresDdl(options: { readonly schema?: string | undefined } = {}): string {
  const schema = options.schema ?? DEFAULT_SCHEMA
  assertSchemaName(schema)
  const { statements } = layoutOf(schema, SCHEMA)
  const lock = `SELECT pg_advisory_xact_lock(hashtextextended('batuta migrates ' || '${schema}', 0))`
  return `${['BEGIN', lock, ...statements, 'COMMIT'].join(';\n\n')};\n`
}
