/** Plans from statistics that were true once: of a moment when there was little, or when the table was another one. */
import { expect, it } from 'vitest'
import { postgresStorage } from '../../../src/storage/postgres/index.js'
import { SCHEMA } from '../../../src/storage/records.js'
import type { IndexQuery, Storage } from '../../../src/storage/storage.js'
import { explaining, scansOf } from './plan-support.js'
import { describePostgres, newSchema } from './support.js'

const MANY = 100_000

describePostgres('plans by statistics of long ago', ['autovacuum=off'], (server) => {
  /** A store, what runs SQL on its table of tasks, and what looks at the plan of a query. */
  async function withTasks(
    work: (
      storage: Storage,
      run: (sql: (table: string) => string) => Promise<unknown>,
      expectWalk: (index: string, query: IndexQuery) => Promise<void>,
    ) => Promise<void>,
  ): Promise<void> {
    const schema = newSchema()
    const { pool, plansOf } = explaining(server())
    const storage = postgresStorage({ pool, schema, channel: false, commandTimeoutMs: 60_000 })
    await storage.open(SCHEMA)
    const expectWalk = async (index: string, query: IndexQuery) => {
      const [scan, ...others] = scansOf(await plansOf(() => storage.query(index, query)))
      const about = JSON.stringify({ index, query })
      expect(others, about).toEqual([])
      expect(scan?.['Node Type'], about).toMatch(/^Index (Only )?Scan$/)
      expect(scan?.['Index Name'], about).toBe(`batuta_task_${index}`)
      expect(scan?.['Rows Removed by Filter'] ?? 0, about).toBe(0)
      expect(scan?.['Actual Rows'], about).toBeLessThanOrEqual(query.limit + 1)
    }
    await work(storage, (sql) => pool.query(sql(`${schema}.batuta_task`)), expectWalk)
    await storage.close()
    await pool.end()
  }

  /** Adds tasks by their numbers `n`, with these columns. */
  const adding = (from: number, count: number, columns: Readonly<Record<string, string>>) => (table: string) =>
    `INSERT INTO ${table} (id, version, value, ${Object.keys(columns).join(', ')})
      SELECT 't' || lpad(n::text, 7, '0'), 'v', '{"text":"' || repeat('x', 600) || '"}', ${Object.values(columns).join(', ')}
      FROM generate_series(${from}, ${from + count - 1}) n`

  it('a page of a lane in which little was ready does not sort the burst that came since', async () => {
    await withTasks(async (storage, run, expectWalk) => {
      // Lanes lie side by side in the table.
      const ready = {
        ready_lane: "'lane' || n * 79 % 1009 % 5",
        ready_tenant: "'t' || n % 3",
        ready_rank: 'n',
        listed_state: "'ready'",
        '"listed_createdAt"': 'n',
      }
      await run(
        adding(1, MANY, {
          ended_state: "'completed'",
          ended_at: 'n',
          listed_state: "'completed'",
          '"listed_createdAt"': 'n',
        }),
      )
      await run(adding(MANY + 1, 100, ready))
      await run((table) => `ANALYZE ${table}`)
      await run(adding(2 * MANY, MANY, ready))
      for (const limit of [1, 10, 64, 256, 1_000]) {
        for (const keysOnly of [false, true]) await expectWalk('ready', { prefix: ['lane3'], limit, keysOnly })
        await expectWalk('ready', { prefix: ['lane3', 't1'], limit })
        await expectWalk('ready', { prefix: ['lane3', 't1'], after: ['lane3', 't1', 2 * MANY + 50], limit })
        await expectWalk('listed', { prefix: ['ready'], limit, order: 'desc' })
      }
      expect((await storage.count('ready', { prefix: ['lane3'] })).count).toBe(10_000)
    })
  }, 120_000)

  it('what an owner holds is not looked for among all tasks by their ids, though it held all of them once', async () => {
    await withTasks(async (storage, run, expectWalk) => {
      await run(adding(1, 2_000, { held_owner: "'o1'", delayed_key: "'k1'" }))
      await run((table) => `ANALYZE ${table}`)
      await run((table) => `UPDATE ${table} SET held_owner = NULL, delayed_key = NULL WHERE id < 't0001990'`)
      await run(adding(2_001, MANY, { ended_state: "'completed'", ended_at: 'n' }))
      for (const limit of [1, 10, 500]) {
        for (const keysOnly of [false, true]) {
          await expectWalk('held', { prefix: ['o1'], limit, keysOnly })
          await expectWalk('held', { prefix: ['o1'], after: ['o1', 't0001992'], limit, keysOnly })
          await expectWalk('delayed', { prefix: ['k1'], limit, keysOnly })
        }
      }
      expect((await storage.count('held', { prefix: ['o1'] })).count).toBe(11)
    })
  }, 120_000)
})
