import { createHash } from 'node:crypto'
import { columnsOf, indexName, isOwn, META_TABLE, quoted, quotedList, tableName } from '../sql/names.js'
import type { IndexDefinition, StorageSchema } from '../storage.js'
import { commitBody, commitParameters } from './postgres-commit-sql.js'

/** The names of one store, each with its schema in front, and what makes its structures. */
export interface PostgresLayout {
  readonly schema: string
  /** The name of the meta table. */
  readonly meta: string
  /** The name of a kind's table. */
  table(kind: string): string
  /** The name of the function that commits: another one for other structures, so that old and new nodes do not mix. */
  readonly commit: string
  /** Names these structures; kept beside the layout number. */
  readonly structure: string
  /** What makes them, in order, each safe to run again. */
  readonly statements: readonly string[]
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

const COLUMN_TYPES = { text: 'text COLLATE "C"', number: 'double precision' }

/** What stands where. */
export function layoutOf(schemaName: string, schema: StorageSchema): PostgresLayout {
  const inSchema = (name: string) => `${quoted(schemaName)}.${quoted(name)}`
  const table = (kind: string) => inSchema(tableName(kind))
  const meta = inSchema(META_TABLE)
  const kinds = schema.kinds.map((kind) => ({ table: table(kind), columns: typedColumns(indexesOf(schema, kind)) }))
  const body = commitBody(meta, kinds)
  const tables = schema.kinds.flatMap((kind, i) => [
    `CREATE TABLE IF NOT EXISTS ${table(kind)} (
  id text COLLATE "C" PRIMARY KEY,
  version text COLLATE "C" NOT NULL,
  value text NOT NULL
)`,
    ...(kinds[i]?.columns ?? []).map(
      ({ name, type }) => `ALTER TABLE ${table(kind)} ADD COLUMN IF NOT EXISTS ${quoted(name)} ${COLUMN_TYPES[type]}`,
    ),
  ])
  const indexes = schema.indexes.map((index) => {
    const columns = columnsOf(index)
    const where = `${quoted(columns[0] as string)} IS NOT NULL`
    return `CREATE INDEX IF NOT EXISTS ${quoted(indexName(index))} ON ${table(index.kind)} (${quotedList(columns)}) WHERE ${where}`
  })
  const structure = createHash('sha256')
    .update([...tables, ...indexes, body].join(';'))
    .digest('hex')
    .slice(0, 12)
  const commit = inSchema(`batuta_commit_${structure}`)
  const statements = [
    `CREATE SCHEMA IF NOT EXISTS ${quoted(schemaName)}`,
    `CREATE TABLE IF NOT EXISTS ${meta} (name text PRIMARY KEY, value text NOT NULL)`,
    ...tables,
    ...indexes,
    `CREATE OR REPLACE FUNCTION ${commit}(${commitParameters(kinds)}) ${body}`,
    `INSERT INTO ${meta} (name, value) VALUES ('layout', '${schema.layout}'), ('structure', '${structure}'), ('createdAt', now()::text)
ON CONFLICT (name) DO UPDATE SET value = CASE ${META_TABLE}.name WHEN 'createdAt' THEN ${META_TABLE}.value ELSE excluded.value END`,
  ]
  return { schema: schemaName, meta, table, commit, structure, statements }
}
