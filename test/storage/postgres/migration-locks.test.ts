/** A migration that has to wait for others, as for a pg_dump: nobody may wait behind it for long. */
import { expect, it } from 'vitest'
import { postgresStorage } from '../../../src/storage/postgres/index.js'
import type { StorageSchema } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { commit, failure, leave } from '../asking.js'
import { describePostgres, newSchema, opened } from './support.js'

const NEXT: StorageSchema = { ...KIT_SCHEMA, layout: 2 }
const OPEN_MS = 2_500

describePostgres('a migration', [], (server) => {
  const opening = (schema: string, declared = NEXT) => {
    const storage = postgresStorage({ connectionString: server().url, schema, openTimeoutMs: OPEN_MS, channel: false })
    const startedAt = performance.now()
    const failed = failure(storage.open(declared)).then((error) => ({ error, tookMs: performance.now() - startedAt }))
    return { storage, failed }
  }

  it.each(['batuta_meta', 'batuta_item', 'batuta_note'])(
    'behind somebody who reads %s for long gives up in time, and nobody waits behind it for long',
    async (table) => {
      const schema = newSchema()
      const running = await opened({ connectionString: server().url, schema, channel: false })
      const write = leave('a', { at: 1 })
      await commit(running, write)
      const { slowestMs, outcome } = await server().admin(async (client) => {
        await client.query(`BEGIN; SELECT FROM ${schema}.${table}`)
        const { failed } = opening(schema)
        let isOver = false
        const over = failed.finally(() => {
          isOver = true
        })
        let slowestMs = 0
        for (let n = 0; !isOver; n++) {
          const startedAt = performance.now()
          expect(await commit(running, leave(`n${n}`, { at: n }))).toEqual({ applied: true })
          await running.query('times', { limit: 1 })
          slowestMs = Math.max(slowestMs, performance.now() - startedAt)
          await new Promise((resolve) => setTimeout(resolve, 10))
        }
        const outcome = await over
        await client.query('COMMIT')
        return { slowestMs, outcome }
      })
      expect(outcome.error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
      expect(outcome.error.message).toContain('held up')
      expect(outcome.tookMs).toBeGreaterThan(OPEN_MS / 2)
      expect(outcome.tookMs).toBeLessThan(OPEN_MS + 2_500)
      expect(slowestMs).toBeLessThan(2_000)
      const migrated = await opened({ connectionString: server().url, schema, channel: false }, NEXT)
      expect((await migrated.read([write])).records[0]?.version).toBe(write.leave?.version)
      await running.close()
      await migrated.close()
    },
    30_000,
  )

  it('by somebody else is waited for as long as open may wait', async () => {
    const schema = newSchema()
    await (await opened({ connectionString: server().url, schema })).close()
    const { error, tookMs } = await server().admin(async (client) => {
      await client.query('BEGIN')
      await client.query("SELECT pg_advisory_xact_lock(hashtextextended('batuta migrates ' || $1, 0))", [schema])
      const outcome = await opening(schema).failed
      await client.query('ROLLBACK')
      return outcome
    })
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
    expect(tookMs).toBeGreaterThan(OPEN_MS - 200)
    expect(tookMs).toBeLessThan(OPEN_MS + 2_500)
  })

  it('does its work without limit once it has its locks', async () => {
    const schema = newSchema()
    const storage = await opened({ connectionString: server().url, schema })
    await storage.close()
    // Slower than a lock is waited for: a trigger that a row is filled through.
    await server().admin((client) =>
      client.query(`INSERT INTO ${schema}.batuta_item (id, version, value) VALUES ('a', 'v', '{"at":1}');
        CREATE FUNCTION ${schema}.slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(3); RETURN NEW; END$$;
        CREATE TRIGGER slow BEFORE UPDATE ON ${schema}.batuta_item FOR EACH ROW EXECUTE FUNCTION ${schema}.slow()`),
    )
    const migrated = postgresStorage({ connectionString: server().url, schema, openTimeoutMs: 1_000 })
    await migrated.open(NEXT)
    expect((await migrated.query('times', { limit: 1 })).records[0]?.id).toBe('a')
    await migrated.close()
  })
})
