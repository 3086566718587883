import pg from 'pg'
import type { IndexDefinition } from '../../../src/storage/storage.js'
import type { PostgresServer } from '../../support/postgres-server.js'

/** A node of a plan that was carried out. */
export interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Rows Removed by Filter'?: number
  readonly 'Actual Rows'?: number
  readonly 'Actual Loops'?: number
  readonly 'Shared Hit Blocks'?: number
  readonly 'Shared Read Blocks'?: number
  readonly Plans?: readonly PlanNode[]
}

/** Every plan is told to the session, those of statements in functions too. */
const SETTINGS = {
  session_preload_libraries: 'auto_explain',
  'auto_explain.log_min_duration': '0',
  'auto_explain.log_analyze': 'on',
  'auto_explain.log_buffers': 'on',
  'auto_explain.log_timing': 'off',
  'auto_explain.log_format': 'json',
  'auto_explain.log_level': 'notice',
  'auto_explain.log_nested_statements': 'on',
}

/** One connection that says how each statement was carried out. */
export function explaining(server: PostgresServer): {
  pool: pg.Pool
  plansOf: <T>(work: () => Promise<T>) => Promise<PlanNode[]>
} {
  const options = Object.entries(SETTINGS).map(([name, value]) => `-c ${name}=${value}`)
  const pool = new pg.Pool({ connectionString: server.url, max: 1, options: options.join(' ') })
  let plans: PlanNode[] = []
  pool.on('connect', (client) => {
    client.on('notice', ({ message }) => {
      const json = /plan:\n(\{[\s\S]*)$/.exec(message ?? '')?.[1]
      if (json !== undefined) plans.push(JSON.parse(json).Plan)
    })
  })
  return {
    pool,
    async plansOf(work) {
      plans = []
      await work()
      return plans
    },
  }
}

/** A plan and all that is below it. */
export function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]
}

/** Where the rows of tables were looked for; a bitmap heap scan takes what the index scan below it found. */
export function scansOf(plans: readonly PlanNode[]): PlanNode[] {
  return plans
    .flatMap(nodesOf)
    .filter((node) => /^(Seq|Index|Index Only|Bitmap Index|Tid.*) Scan$/.test(node['Node Type']))
}

/** How many pages a plan has looked at. */
export function pagesOf(plan: PlanNode): number {
  return (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0)
}

/** Fills a table behind the storage's back: record n of `count` is in every index, about as far in as it is in the table. */
export function fillSql(schema: string, kind: string, indexes: readonly IndexDefinition[], count: number): string {
  const columns: string[] = []
  const values: string[] = []
  for (const index of indexes.filter((one) => one.kind === kind)) {
    index.fields.forEach(({ name, type }, at) => {
      if (at > 0 && name === 'id') return
      columns.push(`"${index.name}_${name}"`)
      const text = at < index.fields.length - 2 ? `'m' || n % 5` : `'m' || lpad(n::text, 6, '0')`
      values.push(type === 'number' ? 'n' : text)
    })
  }
  return `INSERT INTO ${schema}.batuta_${kind} (id, version, value, ${columns.join(', ')})
    SELECT 'm' || lpad(n::text, 6, '0'), 'v', '{"text":"' || repeat('x', 300) || '"}', ${values.join(', ')}
    FROM generate_series(1, ${count}) n`
}
