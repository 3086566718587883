/** The script for databases whose application may not create, and stores of another layout than it is for. */
import { expect, it } from 'vitest'
import { postgresDdl, postgresStorage } from '../../../src/storage/postgres/index.js'
import { LAYOUT, SCHEMA } from '../../../src/storage/records.js'
import { commit, failure, leave } from '../asking.js'
import { describePostgres, newSchema } from './support.js'

const task = leave('t', { state: 'x', createdAt: 1, attempts: [] }, null, 'task')

describePostgres('the script of postgresDdl()', [], (server) => {
  const admin = (sql: string) =>
    server().admin(async (client) => {
      const result = await client.query(sql)
      return result.rows
    })

  const open = async (schema: string, layout: number, more: object = {}, url = server().url) => {
    const storage = postgresStorage({ connectionString: url, schema, openTimeoutMs: 2_000, ...more })
    await storage.open({ ...SCHEMA, layout })
    return storage
  }

  const layoutOf = async (schema: string) =>
    Number((await admin(`SELECT value FROM ${schema}.batuta_meta WHERE name = 'layout'`))[0]?.value)

  it.each([LAYOUT + 1, LAYOUT - 1])(
    'changes nothing of a store with layout %i, and says how to go on',
    async (layout) => {
      const schema = newSchema()
      await (await open(schema, layout)).close()
      const tables = `SELECT count(*)::int AS count FROM pg_proc WHERE pronamespace = '${schema}'::regnamespace`
      const before = await admin(tables)
      const error = await failure(admin(postgresDdl({ schema })))
      expect(error.message).toContain(`has layout ${layout}`)
      expect(error).toMatchObject({ hint: expect.stringContaining('migrate: true') })
      expect(await layoutOf(schema)).toBe(layout)
      expect(await admin(tables)).toEqual(before)
    },
  )

  it('does not stand in for a migration: with migrate: false an older store says how it is migrated', async () => {
    const schema = newSchema()
    await (await open(schema, LAYOUT - 1)).close()
    const error = await failure(open(schema, LAYOUT, { migrate: false }))
    expect(error).toMatchObject({ code: 'STORAGE_OUTDATED', data: { found: LAYOUT - 1, known: LAYOUT } })
    expect(error.message).toContain('once with migrate: true')
    expect(error.message).not.toContain('postgresDdl')
    const none = await failure(open(newSchema(), LAYOUT, { migrate: false }))
    expect(none).toMatchObject({ code: 'STORAGE_OUTDATED', data: { found: 0 } })
    expect(none.message).toContain('postgresDdl')
  })

  it('that put an older layout there is found by a node that runs: it is told so, and does not try for ever', async () => {
    const schema = newSchema()
    const storage = await open(schema, LAYOUT)
    await admin(`UPDATE ${schema}.batuta_meta SET value = '${LAYOUT - 1}' WHERE name = 'layout'`)
    const outdated = { code: 'STORAGE_OUTDATED', retryable: false, data: { found: LAYOUT - 1, known: LAYOUT } }
    expect(await failure(commit(storage, task))).toMatchObject(outdated)
    await admin(`DELETE FROM ${schema}.batuta_meta`)
    expect(await failure(commit(storage, task))).toMatchObject({ ...outdated, data: { found: 0, known: LAYOUT } })
    await storage.close()
  })

  it('reads what it decides by once it has its lock, whatever the isolation of its user', async () => {
    const schema = newSchema()
    await (await open(schema, LAYOUT)).close()
    const running = await server().admin(async (client) => {
      await client.query('BEGIN')
      await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('batuta migrates ' || '${schema}', 0))`)
      const script = failure(
        server().admin(async (other) => {
          await other.query("SET default_transaction_isolation = 'repeatable read'")
          await other.query(postgresDdl({ schema }))
        }),
      )
      await new Promise((resolve) => setTimeout(resolve, 300))
      await client.query(`UPDATE ${schema}.batuta_meta SET value = '${LAYOUT + 1}' WHERE name = 'layout'`)
      await client.query('COMMIT')
      return await script
    })
    expect(running.message).toContain(`has layout ${LAYOUT + 1}`)
    expect(await layoutOf(schema)).toBe(LAYOUT + 1)
  })

  it('waits for nobody who uses the store, nor does anybody wait for it', async () => {
    const schema = newSchema()
    const storage = await open(schema, LAYOUT)
    await server().admin(async (client) => {
      await client.query('BEGIN')
      for (const kind of [...SCHEMA.kinds, 'meta']) await client.query(`SELECT FROM ${schema}.batuta_${kind}`)
      await admin(postgresDdl({ schema }).replace('BEGIN', "SET lock_timeout = '2s'; BEGIN"))
      expect(await commit(storage, task)).toEqual({ applied: true })
      await client.query('ROLLBACK')
    })
    await storage.close()
  })

  it.each(['open', 'script'])('needs no right to create schemas where there is one already (%s)', async (how) => {
    const schema = newSchema()
    const role = `${schema}_owner`
    await admin(`CREATE ROLE ${role} LOGIN PASSWORD 'owner'; CREATE SCHEMA ${schema} AUTHORIZATION ${role}`)
    const url = server().url.replace('postgres:password@', `${role}:owner@`)
    if (how === 'script') await server().admin((client) => client.query(postgresDdl({ schema })), url)
    const storage = await open(schema, LAYOUT, { migrate: how === 'open' }, url)
    expect(await commit(storage, task)).toEqual({ applied: true })
    await storage.close()
    const next = await open(schema, LAYOUT + 1, {}, url)
    expect((await next.count('listed', {})).count).toBe(1)
    await next.close()
  })
})
