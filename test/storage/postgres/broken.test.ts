import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { postgresStorage } from '../../../src/storage/postgres/index.js'
import { caught } from '../broken.js'
import { COMMIT_DEFECTS } from '../broken-commits.js'
import { QUERY_DEFECTS } from '../broken-queries.js'
import { describePostgres, newSchema } from './support.js'

describePostgres('over PostgreSQL the kit notices', [], (server) => {
  let pool: pg.Pool
  beforeAll(() => {
    pool = new pg.Pool({ connectionString: server().url, max: 10 })
  })
  afterAll(() => pool.end())

  for (const [name, { defect, cases }] of Object.entries({ ...COMMIT_DEFECTS, ...QUERY_DEFECTS })) {
    it(name, async () => {
      expect(await caught(defect, cases, () => postgresStorage({ pool, schema: newSchema() }))).toEqual(cases)
    }, 30_000)
  }
})
