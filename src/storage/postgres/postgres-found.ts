import { BatutaError } from '../../errors/base-error.js'
import type { StorageSchema } from '../storage.js'
import type { PostgresConnection } from './postgres-connection.js'
import type { PostgresClient } from './postgres-driver.js'
import { fromStandby, otherIsolation, unsuitable } from './postgres-errors.js'
import { type PostgresLayout, STRUCTURE } from './postgres-layout.js'

/** The store as it was found. */
export interface Found {
  readonly layout: number
  /** Names its tables, columns and indexes; a store of 0.1.0 does not say. */
  readonly structure: string | undefined
  readonly hasFunctions: boolean
}

interface Facts {
  readonly meta: string | null
  readonly functions: number
  readonly is_standby: boolean
  readonly encoding: string
  readonly isolation: string
}

/** Functions are looked for in the catalog itself: what a session remembers of it may be of before it waited for a lock. */
const FACTS = `SELECT to_regclass($1)::text AS meta, pg_is_in_recovery() AS is_standby,
  (SELECT count(*)::int FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE n.nspname = $2 AND p.proname = ANY ($3::text[])) AS functions,
  current_setting('server_encoding') AS encoding, current_setting('transaction_isolation') AS isolation`

/**
 * Looks at the server and the store.
 * @returns `undefined` where there is none.
 * @throws STORAGE_UNSUITABLE
 */
export async function findStore(
  connection: PostgresConnection,
  client: PostgresClient,
  { schema, meta, functions }: PostgresLayout,
): Promise<Found | undefined> {
  const [facts] = await connection.ask<Facts>(client, FACTS, [meta, schema, functions])
  if (facts === undefined) return undefined
  // It may lack what the primary has had for long.
  if (facts.is_standby) throw fromStandby()
  assertSuitable(facts)
  if (facts.meta === null) return undefined
  const rows = await connection.ask<{ name: string; value: string }>(client, `SELECT name, value FROM ${meta}`)
  const values = new Map(rows.map(({ name, value }) => [name, value]))
  const layout = values.get('layout')
  if (layout === undefined) return undefined
  return {
    layout: Number(layout),
    structure: values.get(STRUCTURE),
    hasFunctions: facts.functions === functions.length,
  }
}

function assertSuitable({ encoding, isolation }: Facts): void {
  if (encoding !== 'UTF8') {
    throw unsuitable('server_encoding', encoding, 'UTF8', "Make a database with ENCODING 'UTF8' TEMPLATE template0.")
  }
  if (isolation !== 'read committed') throw otherIsolation(isolation)
}

/** What a store lacks. */
export type Missing = 'nothing' | 'functions' | 'everything'

/**
 * What a store lacks. Versions with the same layout number have the same tables and indexes, and each may have functions of its own.
 * @throws STORAGE_NEWER
 */
export function missingFrom(found: Found | undefined, schema: StorageSchema, layout: PostgresLayout): Missing {
  assertNotNewer(found?.layout, schema)
  if (found?.layout !== schema.layout || (found.structure ?? layout.structure) !== layout.structure) return 'everything'
  return found.hasFunctions ? 'nothing' : 'functions'
}

/** @throws STORAGE_NEWER when a newer version of the library has migrated the store. */
export function assertNotNewer(found: number | undefined, schema: StorageSchema): void {
  if (found === undefined || found <= schema.layout) return
  throw new BatutaError('STORAGE_NEWER', `The store has layout ${found}; this version knows ${schema.layout}.`, {
    data: { storage: 'postgres', found, known: schema.layout },
    fix: 'Use the newer version of batuta for every process that shares this store.',
  })
}

/** The error for a store that has to be changed before this version can use it. */
export function outdated(
  found: Pick<Found, 'layout'> | undefined,
  { layout }: StorageSchema,
  missing: Missing,
): BatutaError<'STORAGE_OUTDATED'> {
  const [has, fix] =
    found === undefined
      ? ['is not prepared', 'Run what postgresDdl() gives, or open it once with migrate: true.']
      : missing === 'functions'
        ? ['lacks a function of this version', 'Run what postgresDdl() gives, as its owner.']
        : [
            `has layout ${found.layout}, or other indexes`,
            'Open it once with migrate: true, as its owner: no script moves records on.',
          ]
  return new BatutaError('STORAGE_OUTDATED', `The store ${has}; this version needs layout ${layout}.`, {
    data: { storage: 'postgres', found: found?.layout ?? 0, known: layout },
    fix,
  })
}

const MISSING_RIGHTS = `SELECT missing, string_agg(what, ', ' ORDER BY what) AS on FROM (
  SELECT what, string_agg(privilege, ', ' ORDER BY privilege) AS missing FROM (
    SELECT t AS what, p AS privilege, has_table_privilege(t, p) AS is_held
    FROM unnest($1::text[]) AS t, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p
    UNION ALL SELECT f, 'EXECUTE', has_function_privilege(to_regproc(f), 'EXECUTE') FROM unnest($2::text[]) AS f) AS rights
  WHERE NOT is_held GROUP BY what) AS lacking
GROUP BY missing`

/** @throws STORAGE_UNAVAILABLE where this role may not use a table, or a function. */
export async function assertAllowed(
  connection: PostgresConnection,
  { kinds }: StorageSchema,
  { table, commit, walk }: PostgresLayout,
): Promise<void> {
  type Row = { readonly missing: string; readonly on: string }
  const rows = await connection.run<Row>('reads', MISSING_RIGHTS, [kinds.map(table), [commit, walk]])
  if (rows.length === 0) return
  const missing = rows.map((row) => `${row.missing} on ${row.on}`).join('; ')
  throw new BatutaError('STORAGE_UNAVAILABLE', `PostgreSQL forbids what is needed: ${missing}.`, {
    data: { storage: 'postgres' },
    fix: 'Grant it as docs/storage-postgres.md says: ON ALL TABLES only means those that are there at that moment.',
    retryable: false,
  })
}
