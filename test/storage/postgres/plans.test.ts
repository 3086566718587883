import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type PostgresQuery, postgresStorage } from '../../../src/storage/postgres/index.js'
import { SCHEMA } from '../../../src/storage/records.js'
import type { IndexDefinition, IndexRange, KeyPart, Storage } from '../../../src/storage/storage.js'
import { leave, setOf } from '../asking.js'
import { describePostgres, newSchema, watched } from './support.js'

const RECORDS = 100_000

/** A key of this many parts, about in the middle of what is there. */
function parts({ fields }: IndexDefinition, length: number): KeyPart[] {
  return fields.slice(0, length).map(({ type }, at) => {
    if (at < fields.length - 2) return 'm2'
    return type === 'number' ? RECORDS / 2 : `m${String(RECORDS / 2).padStart(6, '0')}`
  })
}

/** Ranges of every shape that says where to look. */
function rangesOf(index: IndexDefinition): IndexRange[] {
  const whole = parts(index, index.fields.length)
  return index.fields.flatMap((_, i) => {
    const prefix = parts(index, i)
    const bound = parts(index, i + 1)
    return [
      {},
      { prefix: bound },
      { after: bound },
      { upTo: bound },
      { prefix, after: bound },
      { prefix, after: whole },
      { prefix, upTo: bound },
      { prefix, after: whole, upTo: [...prefix, index.fields[i]?.type === 'number' ? RECORDS : 'z'] },
    ]
  })
}

interface Plan {
  readonly 'Node Type': string
  readonly 'Index Name'?: string
  readonly 'Rows Removed by Filter'?: number
  readonly 'Actual Rows'?: number
  readonly Plans?: readonly Plan[]
}

function nodesOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]
}

describePostgres(`plans at ${RECORDS} records of a kind`, [], (server) => {
  const schema = newSchema()
  let pool: pg.Pool
  let storage: Storage
  let asked: PostgresQuery[]

  beforeAll(async () => {
    pool = new pg.Pool({ connectionString: server().url, max: 2 })
    const both = watched(pool)
    asked = both.asked
    storage = postgresStorage({ pool: both.pool, schema, commandTimeoutMs: 60_000 })
    await storage.open(SCHEMA)
    for (const kind of new Set(SCHEMA.indexes.map((index) => index.kind))) {
      const columns: string[] = []
      const values: string[] = []
      for (const index of SCHEMA.indexes.filter((one) => one.kind === kind)) {
        index.fields.forEach(({ name, type }, at) => {
          if (at > 0 && name === 'id') return
          columns.push(`"${index.name}_${name}"`)
          const text = at < index.fields.length - 2 ? `'m' || n % 5` : `'m' || lpad(n::text, 6, '0')`
          values.push(type === 'number' ? 'n' : text)
        })
      }
      await pool.query(`INSERT INTO ${schema}.batuta_${kind} (id, version, value, ${columns.join(', ')})
        SELECT 'm' || lpad(n::text, 6, '0'), 'v', '{}', ${values.join(', ')} FROM generate_series(1, ${RECORDS}) n`)
    }
    await pool.query('VACUUM ANALYZE')
  }, 240_000)
  afterAll(async () => {
    await storage.close()
    await pool.end()
  })

  /** Every node of the plan of the statement that was asked last. */
  async function explained(): Promise<Plan[]> {
    const { text, values } = asked.at(-1) as PostgresQuery
    const { rows } = await pool.query({ text: `EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values: values ?? [] })
    return nodesOf(rows[0]['QUERY PLAN'][0].Plan)
  }

  for (const index of SCHEMA.indexes) {
    it(`a query of ${index.name} walks its own index in order, and no more of it than it answers`, async () => {
      let plans = 0
      for (const range of rangesOf(index)) {
        for (const [order, keysOnly] of [
          ['asc', false],
          ['desc', false],
          ['asc', true],
        ] as const) {
          const before = asked.length
          await storage.query(index.name, { ...range, order, keysOnly, limit: 10 })
          if (asked.length === before || !asked.at(-1)?.text.includes('ORDER BY')) continue
          const nodes = await explained()
          const own = `batuta_${index.kind}_${index.name}`
          const about = JSON.stringify({ range, order, text: asked.at(-1)?.text })
          expect(
            nodes.map((node) => node['Node Type']).filter((type) => /Seq Scan|Sort|Bitmap|Gather/.test(type)),
            about,
          ).toEqual([])
          const scans = nodes.filter((node) => node['Index Name'] !== undefined)
          // Where the whole key is given, with the id in it, the primary key finds the one record as well.
          const isWhole = range.prefix?.length === index.fields.length && index.fields.at(-1)?.name === 'id'
          const name = scans[0]?.['Index Name']
          expect(scans).toHaveLength(1)
          expect(isWhole && name === `batuta_${index.kind}_pkey` ? own : name, about).toBe(own)
          expect(scans[0]?.['Rows Removed by Filter'] ?? 0, about).toBeLessThanOrEqual(isWhole ? 1 : 0)
          expect(scans[0]?.['Actual Rows'], about).toBeLessThanOrEqual(11)
          plans++
        }
      }
      expect(plans).toBeGreaterThan(5)
    }, 60_000)

    it(`a count of ${index.name} stops at its limit`, async () => {
      for (const range of rangesOf(index)) {
        const before = asked.length
        await storage.count(index.name, range)
        if (asked.length === before || !asked.at(-1)?.text.includes('count(*)')) continue
        const nodes = await explained()
        for (const node of nodes) expect(node['Actual Rows'], JSON.stringify(range)).toBeLessThanOrEqual(10_000)
      }
    }, 60_000)
  }

  it('a read and a guarded write go by the id', async () => {
    await storage.read(Array.from({ length: 500 }, (_, i) => ({ kind: 'task', id: `m${String(i).padStart(6, '0')}` })))
    const scans = (await explained()).filter((node) => /Scan$/.test(node['Node Type']))
    expect(scans.map((node) => node['Index Name']).filter(Boolean)).toEqual(['batuta_task_pkey'])
    const reads = async () => {
      await pool.query('SELECT pg_stat_force_next_flush()')
      const { rows } = await pool.query(
        `SELECT seq_tup_read::int AS read FROM pg_stat_user_tables WHERE schemaname = $1 AND relname = 'batuta_task'`,
        [schema],
      )
      return rows[0].read as number
    }
    const before = await reads()
    for (let round = 0; round < 10; round++) {
      const version = (n: number) => (round === 0 ? 'v' : `${round - 1}-${n}`)
      const sets = Array.from({ length: 20 }, (_, n) => {
        const id = `m${String(n + 1).padStart(6, '0')}`
        const write = leave(id, { state: 'x', createdAt: 1 }, version(n), 'task')
        return setOf({ ...write, leave: { version: `${round}-${n}`, value: { state: 'x', createdAt: 1 } } })
      })
      expect((await storage.commit(sets)).results.every(({ applied }) => applied)).toBe(true)
    }
    expect((await reads()) - before).toBe(0)
  }, 60_000)
})
