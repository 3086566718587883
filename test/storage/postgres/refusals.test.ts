/** What the server will never take is the fault of one set: the others of its commit must not suffer for it. */
import { createOrchestrator } from 'batuta'
import pg from 'pg'
import { expect, it } from 'vitest'
import { postgresStorage } from '../../../src/storage/postgres/index.js'
import { commit, failure, leave, setOf } from '../asking.js'
import { describePostgres, newSchema, opened } from './support.js'

/** Characters of which nine bytes of an id are made, drawn so that no compression helps. */
function wide(length: number): string {
  return Array.from({ length }, (_, i) => String.fromCharCode(0x4e00 + ((i * 7_919) % 20_000))).join('')
}

describePostgres('what an index of PostgreSQL has no room for', [], (server) => {
  it('is refused alone, before it is sent: the node goes on', async () => {
    const pool = new pg.Pool({ connectionString: server().url, max: 5 })
    const storage = postgresStorage({ pool, schema: newSchema() })
    const app = await createOrchestrator({ storage, storageWaitMs: 60_000 })
    app.agent('any', { handler: (input: unknown) => input })
    const events: string[] = []
    app.on('storage:unavailable', () => events.push('unavailable'))
    const bad = failure(app.submit({ type: 'x', tenant: wide(512), idempotencyKey: wide(512) }))
    const good = app.run({ type: 'x', input: 1 })
    expect(await bad).toMatchObject({ code: 'STORAGE_REFUSED', retryable: false, data: { storage: 'postgres' } })
    expect((await good).output).toBe(1)
    const ordered = await failure(app.submit({ type: 'x', orderingKey: wide(512) }))
    expect(ordered).toMatchObject({ code: 'STORAGE_REFUSED' })
    expect(
      await (await app.submit({ type: 'x', tenant: 'ü'.repeat(100), idempotencyKey: 'k' })).result(),
    ).toBeUndefined()
    expect(events).toEqual([])
    await app.shutdown()
    await pool.end()
  })

  it('is known to the byte, in every index, and what is just short enough is found again', async () => {
    const storage = await opened({ connectionString: server().url })
    // Of two bytes each in UTF-8, and without anything to compress.
    const noise = (bytes: number) =>
      Array.from({ length: bytes / 2 }, (_, i) => String.fromCharCode(0x80 + ((i * i * 31 + i * 17) % 1_500))).join('')
    const message = expect.stringContaining('has 2602 bytes, and an index takes 2600')
    const tooLong = { code: 'STORAGE_REFUSED', retryable: false, message }
    expect(await failure(commit(storage, leave(noise(2_602), {})))).toMatchObject(tooLong)
    expect(await failure(commit(storage, { kind: 'item', id: noise(2_602), expect: null }))).toMatchObject(tooLong)
    expect(await failure(commit(storage, leave('a', { owner: noise(2_000), name: noise(602) })))).toMatchObject(tooLong)
    expect(
      await failure(commit(storage, leave('aa', { lane: noise(2_000), tenant: noise(600), rank: 1 }))),
    ).toMatchObject(tooLong)
    const fits = leave(noise(2_592), { at: 1 })
    expect(await commit(storage, fits)).toEqual({ applied: true })
    expect(await commit(storage, leave('b', { owner: noise(2_000), name: noise(600) }))).toEqual({ applied: true })
    expect(await commit(storage, leave('cc', { lane: noise(1_998), tenant: noise(600), rank: 1 }))).toEqual({
      applied: true,
    })
    expect((await storage.query('times', { limit: 1 })).records[0]?.id).toBe(fits.id)
    await storage.close()
  })

  it('may stand there already, for what compresses well: it is changed and deleted as before', async () => {
    const schema = newSchema()
    const storage = await opened({ connectionString: server().url, schema })
    const long = 'x'.repeat(5_000)
    await server().admin((client) =>
      client.query(
        `INSERT INTO ${schema}.batuta_item (id, version, value, pairs_owner, pairs_name) VALUES ($1, 'v', '{}', $1, 'n')`,
        [long],
      ),
    )
    const next = leave(long, { owner: long, name: 'm' }, 'v')
    expect(await commit(storage, next)).toEqual({ applied: true })
    expect((await storage.query('pairs', { prefix: [long], limit: 1 })).records).toHaveLength(1)
    const version = next.leave?.version ?? ''
    expect(await commit(storage, { kind: 'item', id: long, expect: version, leave: null })).toEqual({ applied: true })
    await storage.close()
  })
})

describePostgres('what the server refuses', [], (server) => {
  const rules: Readonly<Record<string, readonly [state: string, sql: (table: string) => string]>> = {
    'a constraint': ['23514', (table) => `ALTER TABLE ${table} ADD CONSTRAINT mine CHECK (id <> 'bad')`],
    'a unique index': ['23505', (table) => `CREATE UNIQUE INDEX ON ${table} ((value::json ->> 'one'))`],
    'an index over what is no number': ['22P02', (table) => `CREATE INDEX ON ${table} (((value::json ->> 'n')::int))`],
    'an index over a long value': ['54000', (table) => `CREATE INDEX ON ${table} (value)`],
    'a trigger': [
      'P0001',
      (table) => `CREATE FUNCTION ${table}_no() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN IF NEW.id = 'bad' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END$$;
        CREATE TRIGGER mine BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION ${table}_no()`,
    ],
  }

  it.each(Object.entries(rules))('for %s is told as what it is, and not as a storage that is away', async (_, rule) => {
    const [state, sql] = rule
    const schema = newSchema()
    const storage = await opened({ connectionString: server().url, schema })
    await commit(storage, leave('first', { one: 'only' }))
    await server().admin((client) => client.query(sql(`${schema}.batuta_item`)))
    const noise = Array.from({ length: 4_000 }, (_, i) => String.fromCharCode(0x4e00 + ((i * i * 31) % 19_991))).join(
      '',
    )
    const bad = setOf(leave('bad', { one: 'only', n: 'none', text: noise }))
    const error = await failure(storage.commit([bad, setOf(leave('good', {}))]))
    expect(error).toMatchObject({ code: 'STORAGE_REFUSED', retryable: false, cause: { code: state } })
    expect((await storage.read([{ kind: 'item', id: 'good' }])).records).toEqual([undefined])
    expect(await commit(storage, leave('good', {}))).toEqual({ applied: true })
    await storage.close()
  })

  it('is the fault of one task only', async () => {
    const schema = newSchema()
    const app = await createOrchestrator({
      storage: postgresStorage({ connectionString: server().url, schema }),
      storageWaitMs: 60_000,
    })
    app.agent('any', { handler: (input: unknown) => input })
    await server().admin((client) =>
      client.query(`ALTER TABLE ${schema}.batuta_task ADD CHECK (value NOT LIKE '%"input":"bad"%')`),
    )
    const bad = failure(app.submit({ type: 'x', input: 'bad' }))
    const good = app.run({ type: 'x', input: 'good' })
    expect(await bad).toMatchObject({ code: 'STORAGE_REFUSED', retryable: false })
    expect((await good).output).toBe('good')
    await app.shutdown()
  })
})
