/** What a server, a database or a role must be like, and how it is told where it is not. */
import pg from 'pg'
import { expect, it } from 'vitest'
import { postgresDdl, postgresStorage } from '../../../src/storage/postgres/index.js'
import { SCHEMA } from '../../../src/storage/records.js'
import { commit, failure, leave } from '../asking.js'
import { describePostgres, newSchema, opened } from './support.js'

describePostgres('a database', [], (server) => {
  const admin = (...texts: string[]) =>
    server().admin(async (client) => {
      for (const text of texts) await client.query(text)
    })

  it.each(['LATIN1', 'SQL_ASCII'])(
    'of the encoding %s is refused: not every id can be kept there',
    async (encoding) => {
      const name = `${newSchema()}_${encoding.toLowerCase()}`
      await admin(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING '${encoding}' LOCALE 'C'`)
      const connectionString = server().url.replace(/\/postgres$/, `/${name}`)
      const error = await failure(opened({ connectionString }))
      expect(error).toMatchObject({
        code: 'STORAGE_UNSUITABLE',
        data: { storage: 'postgres', setting: 'server_encoding', found: encoding, needed: 'UTF8' },
      })
      await admin(`DROP DATABASE ${name} WITH (FORCE)`)
    },
  )

  const otherIsolation = (found: string) => ({
    code: 'STORAGE_UNSUITABLE',
    retryable: false,
    data: { setting: 'default_transaction_isolation', found, needed: 'read committed' },
  })

  it.each(['repeatable read', 'serializable'])('whose transactions are %s by default is refused', async (isolation) => {
    const options = `-c default_transaction_isolation=${isolation.replace(' ', '\\ ')}`
    const connection = { connectionString: server().url, options }
    expect(await failure(opened({ connection }))).toMatchObject(otherIsolation(isolation))
  })

  it('whose transactions become so while it is open takes no commit that would miss a new layout', async () => {
    const schema = newSchema()
    const pool = new pg.Pool({ connectionString: server().url, max: 1 })
    const storage = postgresStorage({ pool, schema, channel: false })
    await storage.open({ ...SCHEMA, layout: 1 })
    await pool.query("SET default_transaction_isolation = 'repeatable read'")
    const write = leave('t', { state: 'x', createdAt: 1 }, null, 'task')
    // The snapshot of the commit is older than the lock that it waits for, behind a migration.
    const committing = await server().admin(async (client) => {
      await client.query(`BEGIN; LOCK TABLE ${schema}.batuta_meta IN ACCESS EXCLUSIVE MODE`)
      const waiting = commit(storage, write).then(
        (result) => result,
        (error: unknown) => error,
      )
      await new Promise((resolve) => setTimeout(resolve, 300))
      await client.query(`UPDATE ${schema}.batuta_meta SET value = '2' WHERE name = 'layout'; COMMIT`)
      return await waiting
    })
    expect(committing).toMatchObject(otherIsolation('repeatable read'))
    await pool.query("SET default_transaction_isolation = 'read committed'")
    expect(await failure(commit(storage, write))).toMatchObject({ code: 'STORAGE_NEWER' })
    await storage.close()
    await pool.end()
  })
})

describePostgres('a role', [], (server) => {
  it('without a privilege on one table is told which when it opens: ALL TABLES are those of that day', async () => {
    const schema = newSchema()
    const role = `${schema}_app`
    const admin = (text: string) => server().admin((client) => client.query(text))
    await admin(postgresDdl({ schema }))
    await admin(`CREATE ROLE ${role} LOGIN PASSWORD 'app'; GRANT USAGE ON SCHEMA ${schema} TO ${role}`)
    const grantAll = `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`
    await admin(grantAll)
    // As a newer layout leaves it: a table that came later, and a function that is not everybody's.
    await admin(`REVOKE ALL ON ${schema}.batuta_rate FROM ${role}; REVOKE INSERT ON ${schema}.batuta_task FROM ${role}`)
    const connectionString = server().url.replace('postgres:password@', `${role}:app@`)
    const open = () => opened({ connectionString, schema, migrate: false }, SCHEMA)
    const error = await failure(open())
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: false })
    expect(error.message).toContain(`DELETE, INSERT, SELECT, UPDATE on "${schema}"."batuta_rate"`)
    expect(error.message).toContain(`INSERT on "${schema}"."batuta_task"`)
    await admin(grantAll)
    await admin(`REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ${schema} FROM PUBLIC`)
    expect((await failure(open())).message).toContain(`EXECUTE on "${schema}"."batuta_commit_`)
    await admin(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${schema} TO ${role}`)
    await (await open()).close()
  })

  it('may be given what later layouts make beforehand', async () => {
    const schema = newSchema()
    const role = `${schema}_app`
    await server().admin((client) =>
      client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'app'; CREATE SCHEMA ${schema};
        GRANT USAGE ON SCHEMA ${schema} TO ${role};
        ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${role};
        ${postgresDdl({ schema })}`),
    )
    const connectionString = server().url.replace('postgres:password@', `${role}:app@`)
    const storage = await opened({ connectionString, schema, migrate: false }, SCHEMA)
    const write = leave('t', { state: 'x', createdAt: 1 }, null, 'task')
    expect(await commit(storage, write)).toEqual({ applied: true })
    await storage.close()
  })
})
