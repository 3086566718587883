/** The function that queries and counts go through: made like the one that commits, and needed like it. */
import { expect, it } from 'vitest'
import { postgresDdl, postgresStorage } from '../../../src/storage/postgres/index.js'
import { SCHEMA } from '../../../src/storage/records.js'
import { commit, failure, leave } from '../asking.js'
import { describePostgres, newSchema } from './support.js'

describePostgres('the function that walks', [], (server) => {
  const admin = async (sql: string): Promise<Record<string, unknown>[]> =>
    server().admin(async (client) => (await client.query(sql)).rows)

  const open = async (schema: string, migrate = true, url = server().url) => {
    const storage = postgresStorage({ connectionString: url, schema, migrate, openTimeoutMs: 2_000, channel: false })
    await storage.open(SCHEMA)
    return storage
  }

  const nameOf = async (schema: string) =>
    (
      await admin(`SELECT oid::regprocedure::text AS name FROM pg_proc
      WHERE proname ~ '^batuta_walk_' AND pronamespace = '${schema}'::regnamespace`)
    )[0]?.name

  it('is added to a store that lacks nothing else, which is not changed', async () => {
    const schema = newSchema()
    const first = await open(schema)
    await commit(first, leave('t', { state: 'x', createdAt: 1 }, null, 'task'))
    await first.close()
    const name = await nameOf(schema)
    await admin(`UPDATE ${schema}.batuta_task SET "listed_createdAt" = 77; DROP FUNCTION ${name}`)
    expect(await failure(open(schema, false))).toMatchObject({ code: 'STORAGE_OUTDATED', retryable: false })
    await (await open(schema)).close()
    expect(await nameOf(schema)).toBe(name)
    await admin(`DROP FUNCTION ${name}`)
    await admin(postgresDdl({ schema }))
    const storage = await open(schema, false)
    expect((await storage.query('listed', { limit: 1, keysOnly: true })).keys).toEqual([['x', 77, 't']])
    await storage.close()
  })

  it('that a role may not call is named when it opens', async () => {
    const schema = newSchema()
    await admin(postgresDdl({ schema }))
    await admin(`CREATE ROLE ${schema} LOGIN PASSWORD 'app'; GRANT USAGE ON SCHEMA ${schema} TO ${schema};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${schema};
      REVOKE EXECUTE ON FUNCTION ${await nameOf(schema)} FROM PUBLIC`)
    const error = await failure(open(schema, false, server().url.replace('postgres:password@', `${schema}:app@`)))
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: false })
    expect(error.message).toContain(`EXECUTE on "${schema}"."batuta_walk_`)
  })
})
