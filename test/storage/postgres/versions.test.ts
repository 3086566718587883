/** Versions of one layout number on one store: each has a function of its own, and leaves everything else as it is. */
import pg from 'pg'
import { expect, it } from 'vitest'
import { postgresDdl, postgresStorage } from '../../../src/storage/postgres/index.js'
import { LAYOUT, SCHEMA } from '../../../src/storage/records.js'
import { keptBuild, keptLayout } from '../../nodes/kept-build.js'
import { commit, failure, leave } from '../asking.js'
import { describePostgres, newSchema } from './support.js'

const task = (id: string) => leave(id, { state: 'x', createdAt: 1, attempts: [] }, null, 'task')

describePostgres('a version that only commits in another way', [], (server) => {
  const admin = (sql: string) =>
    server().admin(async (client) => {
      const { rows } = await client.query(sql)
      return rows
    })

  async function open(schema: string, migrate = true) {
    const storage = postgresStorage({ connectionString: server().url, schema, migrate, openTimeoutMs: 2_000 })
    await storage.open(SCHEMA)
    return storage
  }

  const functionsOf = async (schema: string) => {
    const rows = await admin(
      `SELECT proname FROM pg_proc WHERE proname ~ 'commit' AND pronamespace = '${schema}'::regnamespace`,
    )
    return rows.map(({ proname }) => String(proname)).sort()
  }

  /** A store with a task, whose index columns are not what a migration would make of it. */
  async function marked(): Promise<string> {
    const schema = newSchema()
    const storage = await open(schema)
    await commit(storage, task('t'))
    await storage.close()
    await admin(`UPDATE ${schema}.batuta_task SET "listed_createdAt" = 77`)
    return schema
  }

  const isUntouched = async (schema: string) => {
    const rows = await admin(`SELECT "listed_createdAt" AS at FROM ${schema}.batuta_task WHERE id = 't'`)
    return rows[0]?.at === 77
  }

  it('makes its function, waits for nobody, and changes neither rows nor indexes', async () => {
    const schema = await marked()
    const [own] = await functionsOf(schema)
    // As a store is that the version before has made.
    await admin(`DROP FUNCTION ${schema}.${own}; CREATE FUNCTION ${schema}.batuta_commit_0123456789ab() RETURNS int
      LANGUAGE sql AS 'SELECT 1'; UPDATE ${schema}.batuta_meta SET value = '0123456789ab' WHERE name = 'structure'`)
    const indexes = `SELECT indexrelid::int AS id FROM pg_index WHERE indrelid = '${schema}.batuta_task'::regclass ORDER BY 1`
    const before = await admin(indexes)
    await server().admin(async (client) => {
      await client.query(`BEGIN; SELECT FROM ${schema}.batuta_task; SELECT FROM ${schema}.batuta_meta`)
      const storage = await open(schema)
      expect(await commit(storage, task('u'))).toEqual({ applied: true })
      await storage.close()
      await client.query('ROLLBACK')
    })
    expect(await admin(indexes)).toEqual(before)
    expect(await isUntouched(schema)).toBe(true)
    expect(await functionsOf(schema)).toEqual(['batuta_commit_0123456789ab', own].sort())
  })

  it('starts again beside the other one with migrate: false, as long as its function is there', async () => {
    const schema = await marked()
    await admin(`UPDATE ${schema}.batuta_meta SET value = '0123456789ab' WHERE name = 'structure'`)
    const storage = await open(schema, false)
    expect(await commit(storage, task('u'))).toEqual({ applied: true })
    await storage.close()
    const [own] = await functionsOf(schema)
    await admin(`DROP FUNCTION ${schema}.${own}`)
    const error = await failure(open(schema, false))
    expect(error).toMatchObject({ code: 'STORAGE_OUTDATED', retryable: false, data: { found: LAYOUT, known: LAYOUT } })
    expect(error.message).toContain('function')
    await admin(postgresDdl({ schema }))
    await (await open(schema, false)).close()
    expect(await isUntouched(schema)).toBe(true)
  })

  it.skipIf(keptLayout('0.1.0') !== LAYOUT)('goes on with a store of 0.1.0, which goes on with it too', async () => {
    const schema = newSchema()
    const { postgresStorage: olderStorage } = await keptBuild('0.1.0')
    const pool = new pg.Pool({ connectionString: server().url })
    const openOlder = async () => {
      const storage = olderStorage({ pool, schema })
      await storage.open(SCHEMA)
      return storage
    }
    const first = await openOlder()
    await commit(first, task('t'))
    await admin(`UPDATE ${schema}.batuta_task SET "listed_createdAt" = 77`)
    const newer = await open(schema)
    expect(await commit(newer, task('u'))).toEqual({ applied: true })
    const restarted = await openOlder()
    expect(await commit(restarted, task('v'))).toEqual({ applied: true })
    expect((await newer.count('listed', {})).count).toBe(3)
    expect(await isUntouched(schema)).toBe(true)
    for (const storage of [first, newer, restarted]) await storage.close()
    await pool.end()
  })
})
