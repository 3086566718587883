import { createHash } from 'node:crypto'
import { columnsOf, indexName, isOwn, META_TABLE, quoted, quotedList, tableName } from '../sql/names.js'
import type { IndexDefinition, StorageSchema } from '../storage.js'
import { commitBody, commitParameters } from './postgres-commit-sql.js'
import { WALK_BODY, WALK_PARAMETERS } from './postgres-walk-sql.js'

/** The names of one store, each with its schema in front, and what makes its structures. */
export interface PostgresLayout {
  readonly schema: string
  /** The name of the meta table. */
  readonly meta: string
  /** The name of a kind's table. */
  table(kind: string): string
  /** The name of the function that commits: another one wherever it does it in another way, so that versions do not mix. */
  readonly commit: string
  /** The name of the function that walks indexes: another one wherever it does it in another way. */
  readonly walk: string
  /** The names of both in the schema. */
  readonly functions: readonly string[]
  /** Names tables, columns and indexes; kept beside the layout number. */
  readonly structure: string
  /** What makes them and the functions, step by step, each statement safe to run again. */
  readonly create: {
    /** The schema, and tables without the columns of indexes. */
    readonly tables: readonly string[]
    readonly columns: readonly string[]
    readonly indexes: readonly string[]
    readonly functions: readonly string[]
    /** Says what was made. */
    readonly mark: string
  }
}

/** The columns of a kind's indexes with their types, in the order of the indexes. */
export function typedColumns(indexes: readonly IndexDefinition[]): { name: string; type: 'text' | 'number' }[] {
  return indexes.flatMap((index) => {
    const columns = columnsOf(index)
    return index.fields.flatMap(({ type }, i) => (isOwn(index, i) ? { name: columns[i] as string, type } : []))
  })
}

/** The indexes of a kind. */
export function indexesOf(schema: StorageSchema, kind: string): readonly IndexDefinition[] {
  return schema.indexes.filter((index) => index.kind === kind)
}

/**
 * Where the structure is kept. Version 0.1.0 keeps one of its own as `structure`, with the text of its function in it, and migrates
 * where it finds another; so that is left alone.
 */
export const STRUCTURE = 'tables'

const COLUMN_TYPES = { text: 'text COLLATE "C"', number: 'double precision' }

/** What stands where. */
export function layoutOf(schemaName: string, schema: StorageSchema): PostgresLayout {
  const inSchema = (name: string) => `${quoted(schemaName)}.${quoted(name)}`
  const table = (kind: string) => inSchema(tableName(kind))
  const meta = inSchema(META_TABLE)
  const kinds = schema.kinds.map((kind) => ({ table: table(kind), columns: typedColumns(indexesOf(schema, kind)) }))
  const body = commitBody(meta, kinds)
  const tables = schema.kinds.map(
    (kind) => `CREATE TABLE IF NOT EXISTS ${table(kind)} (
  id text COLLATE "C" PRIMARY KEY,
  version text COLLATE "C" NOT NULL,
  value text NOT NULL
)`,
  )
  const columns = kinds.flatMap(({ table, columns }) =>
    columns.map(
      ({ name, type }) => `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${quoted(name)} ${COLUMN_TYPES[type]}`,
    ),
  )
  const indexes = schema.indexes.map((index) => {
    const columns = columnsOf(index)
    const where = `${quoted(columns[0] as string)} IS NOT NULL`
    return `CREATE INDEX IF NOT EXISTS ${quoted(indexName(index))} ON ${table(index.kind)} (${quotedList(columns)}) WHERE ${where}`
  })
  const structures = [...tables, ...columns, ...indexes]
  const structure = fingerprint(structures)
  const functions = [
    `batuta_commit_${fingerprint([...structures, body])}`,
    `batuta_walk_${fingerprint([WALK_PARAMETERS, WALK_BODY])}`,
  ]
  const [commit, walk] = functions.map(inSchema) as [string, string]
  const create = {
    tables: [
      createSchema(schemaName),
      `CREATE TABLE IF NOT EXISTS ${meta} (name text PRIMARY KEY, value text NOT NULL)`,
      ...tables,
    ],
    columns,
    indexes,
    functions: [
      `CREATE OR REPLACE FUNCTION ${commit}(${commitParameters(kinds)}) ${body}`,
      `CREATE OR REPLACE FUNCTION ${walk}(${WALK_PARAMETERS}) ${WALK_BODY}`,
    ],
    mark: `INSERT INTO ${meta} (name, value) VALUES ('layout', '${schema.layout}'), ('${STRUCTURE}', '${structure}'), ('createdAt', now()::text)
ON CONFLICT (name) DO UPDATE SET value = CASE ${META_TABLE}.name WHEN 'createdAt' THEN ${META_TABLE}.value ELSE excluded.value END`,
  }
  return { schema: schemaName, meta, table, commit, walk, functions, structure, create }
}

/** IF NOT EXISTS takes the right to create schemas also where there is one already, which its owner may not have. */
function createSchema(name: string): string {
  return `DO $schema$ BEGIN IF to_regnamespace('${quoted(name)}') IS NULL THEN CREATE SCHEMA ${quoted(name)}; END IF; END $schema$`
}

function fingerprint(statements: readonly string[]): string {
  return createHash('sha256').update(statements.join(';')).digest('hex').slice(0, 12)
}
