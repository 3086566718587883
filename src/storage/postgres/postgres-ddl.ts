import { SCHEMA } from '../records.js'
import { layoutOf, type PostgresLayout, STRUCTURE } from './postgres-layout.js'
import { ddlSchema } from './postgres-options.js'

/** Begins what changes a store. Under another isolation it would not see what was committed while it waited for the lock. */
export const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED'

/** Of several processes that change a store, one does so at a time. */
export function migrationLock(schema: string): string {
  return `SELECT pg_advisory_xact_lock(hashtextextended('batuta migrates ' || '${schema}', 0))`
}

/**
 * What `open` would run on an empty database, as a script for psql: for databases whose application may not create. Safe to
 * run again, and with `open` of several processes at once. On a store of another layout it fails, and changes nothing: only
 * `open` with `migrate: true` moves records on.
 * @throws OPTIONS_INVALID for a name that is none, and for an option that there is not.
 */
export function postgresDdl(options: { readonly schema?: string | undefined } = {}): string {
  const schema = ddlSchema(options)
  const layout = layoutOf(schema, SCHEMA)
  const { functions, mark } = layout.create
  return `${[BEGIN, migrationLock(schema), tablesOnce(layout), ...functions, mark, 'COMMIT'].join(';\n\n')};\n`
}

/** Where the tables are there, they are left alone: also to find that there is nothing to change takes locks of them. */
function tablesOnce({ meta, structure, create: { tables, columns, indexes } }: PostgresLayout): string {
  return `DO $do$
DECLARE
  found_layout text;
BEGIN
  IF to_regclass('${meta}') IS NOT NULL THEN
    SELECT value INTO found_layout FROM ${meta} WHERE name = 'layout';
    IF found_layout <> '${SCHEMA.layout}' OR EXISTS (SELECT FROM ${meta} WHERE name = '${STRUCTURE}' AND value <> '${structure}') THEN
      RAISE EXCEPTION 'The store has layout %, or other indexes; this script makes layout ${SCHEMA.layout}.', found_layout
        USING HINT = 'Open it once with migrate: true, as its owner, in the version of batuta that it is to have.';
    END IF;
  END IF;
  IF found_layout IS NULL THEN
${[...tables, ...columns, ...indexes].join(';\n\n')};
  END IF;
END
$do$`
}
