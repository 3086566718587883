import { realClock } from '../../internal/clock.js'
import { indexName, quoted } from '../sql/names.js'
import type { StorageSchema } from '../storage.js'
import type { PostgresConnection } from './postgres-connection.js'
import { BEGIN, migrationLock } from './postgres-ddl.js'
import type { PostgresClient } from './postgres-driver.js'
import { isConnectionSpent } from './postgres-errors.js'
import { assertAllowed, findStore, missingFrom, outdated } from './postgres-found.js'
import { indexesOf, type PostgresLayout, typedColumns } from './postgres-layout.js'
import { escapeText, unescapeText } from './postgres-text.js'

/** How many rows are read at a time when their index columns are filled again. */
const PAGE = 500

/** How long a lock of a table is waited for, since everybody else who wants to use it waits behind. */
const LOCK_WAIT_MS = 1_000

/** The longest time that a setting of the server holds. */
const LONGEST_MS = 2 ** 31 - 1

/**
 * Brings tables, columns, indexes and functions to what the schema asks for, in one transaction that of several
 * processes one goes through at a time. Index columns are filled again from the values when a layout was there before.
 * @param giveUpAt - when other transactions are waited for no longer, by the monotonic clock.
 * @throws STORAGE_NEWER when the store has a higher layout; STORAGE_OUTDATED when it must change and `migrate` is off;
 * STORAGE_UNSUITABLE for a server that does not do; STORAGE_UNAVAILABLE when it is not there, or forbids what is needed.
 */
export async function prepareLayout(
  connection: PostgresConnection,
  schema: StorageSchema,
  layout: PostgresLayout,
  migrate: boolean,
  giveUpAt: number,
): Promise<void> {
  const found = await connection.use('reads', (client) => findStore(connection, client, layout))
  const missing = missingFrom(found, schema, layout)
  if (missing !== 'nothing') {
    if (!migrate) throw outdated(found, schema, missing)
    await connection.use('reads', (client) => migrateAlone(connection, client, schema, layout, giveUpAt))
  }
  await assertAllowed(connection, schema, layout)
}

async function migrateAlone(
  connection: PostgresConnection,
  client: PostgresClient,
  schema: StorageSchema,
  layout: PostgresLayout,
  giveUpAt: number,
): Promise<void> {
  const ask = (text: string, waitMs = 0) => connection.ask(client, text, [], waitMs)
  const run = async (statements: readonly string[]) => {
    // These work, as long as it takes.
    for (const text of statements) await client.query({ text })
  }
  const { tables, columns, indexes, functions, mark } = layout.create
  await ask(BEGIN)
  try {
    await ask('SET LOCAL statement_timeout = 0')
    const leftMs = Math.min(Math.max(1, Math.ceil(giveUpAt - realClock.monotonic())), LONGEST_MS)
    await ask(`SET LOCAL lock_timeout = ${leftMs}`)
    await ask(migrationLock(layout.schema), leftMs)
    await ask(`SET LOCAL lock_timeout = ${LOCK_WAIT_MS}`)
    const before = await findStore(connection, client, layout)
    const missing = missingFrom(before, schema, layout)
    if (missing === 'everything') {
      await run(tables)
      if (before !== undefined) {
        // Commits hold the first of these from their beginning to their end: those before are over, those after see the new
        // layout. The others are taken now, and not one by one in the middle of the work.
        const locked = [layout.meta, ...schema.kinds.map(layout.table)]
        await ask(`LOCK TABLE ${locked.join(', ')} IN ACCESS EXCLUSIVE MODE`, LOCK_WAIT_MS * locked.length)
        await ask('SET LOCAL lock_timeout = 0')
        await run(
          schema.indexes.map((index) => `DROP INDEX IF EXISTS ${quoted(layout.schema)}.${quoted(indexName(index))}`),
        )
      }
      await run(columns)
      if (before !== undefined) for (const kind of schema.kinds) await fillColumns(client, schema, layout, kind)
      await run(indexes)
    }
    if (missing !== 'nothing') await run([...functions, mark])
    await client.query({ text: 'COMMIT' })
  } catch (error) {
    // A connection that is closed rolls back by itself.
    if (!isConnectionSpent(error)) await ask('ROLLBACK')
    throw error
  }
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
