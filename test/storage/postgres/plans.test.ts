import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgresStorage } from '../../../src/storage/postgres/index.js'
import { SCHEMA } from '../../../src/storage/records.js'
import type { IndexDefinition, IndexRange, KeyPart, Storage } from '../../../src/storage/storage.js'
import { explaining, fillSql, nodesOf, type PlanNode, pagesOf, scansOf } from './plan-support.js'
import { describePostgres, newSchema } from './support.js'

const RECORDS = 100_000

/** What a query of ten looks at: its rows, their pages, and the way down the index. */
const PAGES_OF_TEN = 30

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

describePostgres(`plans at ${RECORDS} records of a kind`, ['autovacuum=off'], (server) => {
  const schema = newSchema()
  let pool: pg.Pool
  let storage: Storage
  let plansOf: ReturnType<typeof explaining>['plansOf']

  beforeAll(async () => {
    const explained = explaining(server())
    pool = explained.pool
    plansOf = explained.plansOf
    storage = postgresStorage({ pool, schema, channel: false, commandTimeoutMs: 60_000 })
    await storage.open(SCHEMA)
    for (const kind of new Set(SCHEMA.indexes.map((index) => index.kind))) {
      await pool.query(fillSql(schema, kind, SCHEMA.indexes, RECORDS))
    }
  }, 240_000)
  afterAll(async () => {
    await storage.close()
    await pool.end()
  })

  /** The plan over the table; none where a range holds nothing, and nothing is asked. */
  async function planOf(work: () => Promise<unknown>): Promise<PlanNode | undefined> {
    const plans = (await plansOf(work)).filter((plan) => scansOf([plan]).length > 0)
    expect(plans.length).toBeLessThanOrEqual(1)
    return plans[0]
  }

  describe.each([
    ['nobody has analyzed', ''],
    ['were analyzed', 'ANALYZE'],
    ['were vacuumed', 'VACUUM ANALYZE'],
  ])('of tables that %s', (_, upkeep) => {
    beforeAll(async () => {
      await pool.query(upkeep)
    }, 120_000)

    for (const index of SCHEMA.indexes) {
      const own = `batuta_${index.kind}_${index.name}`

      /** The one scan of a plan, which walks the index in order. */
      function walkOf(plan: PlanNode, range: IndexRange, about: string): PlanNode {
        const others = nodesOf(plan).filter((node) => !/^(Limit|Aggregate|Subquery Scan)$/.test(node['Node Type']))
        expect(
          others.map((node) => node['Node Type']).filter((type) => !/^Index (Only )?Scan$/.test(type)),
          about,
        ).toEqual([])
        expect(others, about).toHaveLength(1)
        const [scan] = others as [PlanNode]
        // Where the whole key is given, with the id in it, the primary key finds the one record as well.
        const isWhole = range.prefix?.length === index.fields.length && index.fields.at(-1)?.name === 'id'
        const name = scan['Index Name']
        expect(isWhole && name === `batuta_${index.kind}_pkey` ? own : name, about).toBe(own)
        expect(scan['Rows Removed by Filter'] ?? 0, about).toBeLessThanOrEqual(isWhole ? 1 : 0)
        return scan
      }

      it(`a query of ${index.name} walks its own index in order, and no more of it than it answers`, async () => {
        let plans = 0
        for (const range of rangesOf(index)) {
          for (const [order, keysOnly, limit] of [
            ['asc', false, 10],
            ['desc', false, 10],
            ['asc', true, 10],
            ['asc', false, 1_000],
            ['asc', true, 256],
          ] as const) {
            const plan = await planOf(() => storage.query(index.name, { ...range, order, keysOnly, limit }))
            if (plan === undefined) continue
            const about = JSON.stringify({ range, order, keysOnly, limit })
            expect(walkOf(plan, range, about)['Actual Rows'], about).toBeLessThanOrEqual(limit + 1)
            if (limit === 10) expect(pagesOf(plan), about).toBeLessThanOrEqual(PAGES_OF_TEN)
            plans++
          }
        }
        expect(plans).toBeGreaterThan(5)
      }, 60_000)

      it(`a count of ${index.name} walks its own index, and stops at its limit`, async () => {
        for (const range of rangesOf(index)) {
          const plan = await planOf(() => storage.count(index.name, range))
          if (plan === undefined) continue
          const about = JSON.stringify(range)
          expect(walkOf(plan, range, about)['Actual Rows'], about).toBeLessThanOrEqual(10_000)
        }
      }, 60_000)
    }

    it('a read goes by the id', async () => {
      const keys = Array.from({ length: 500 }, (_, n) => ({
        kind: 'task',
        id: `m${String(200 * n + 1).padStart(6, '0')}`,
      }))
      const plans = await plansOf(() => storage.read(keys))
      const scans = scansOf(plans)
      expect(scans.map((scan) => scan['Index Name'])).toEqual(['batuta_task_pkey'])
      expect(scans[0]?.['Actual Rows']).toBe(500)
    })
  })
})
