import { expect, it } from 'vitest'
import { postgresDdl, postgresStorage } from '../../../src/storage/postgres/index.js'
import { SCHEMA } from '../../../src/storage/records.js'
import type { IndexDefinition, Storage, StorageSchema } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { commit, failure, ids, leave, setOf } from '../asking.js'
import { describePostgres, newSchema, opened } from './support.js'

const byColor: IndexDefinition = {
  name: 'colors',
  kind: 'item',
  fields: [
    { name: 'color', type: 'text' },
    { name: 'id', type: 'text' },
  ],
  key: (value, id) => ('color' in value ? [String(value.color), id] : undefined),
}

/** The same index, made in another way. */
const byUpperColor: IndexDefinition = {
  ...byColor,
  key: (value, id) => ('color' in value ? [String(value.color).toUpperCase(), id] : undefined),
}

function withIndexes(layout: number, ...more: IndexDefinition[]): StorageSchema {
  return { layout, kinds: KIT_SCHEMA.kinds, indexes: [...KIT_SCHEMA.indexes, ...more] }
}

describePostgres('the tables', [], (server) => {
  it('can be read by a person', async () => {
    const schema = newSchema()
    const storage = await opened({ connectionString: server().url, schema }, SCHEMA)
    const task = { id: 't1', state: 'ready', lane: 'mail|', tenant: 'acme', rank: 1_700_000_000_000.5, createdAt: 5 }
    await commit(storage, leave('t1', { ...task, attempts: [] }, null, 'task'))
    await storage.close()
    await server().admin(async (client) => {
      const { rows } = await client.query(
        `SELECT id, value, ready_lane, ready_tenant, ready_rank, held_owner FROM ${schema}.batuta_task`,
      )
      expect(rows).toEqual([
        {
          id: 't1',
          value: JSON.stringify({ ...task, attempts: [] }),
          ready_lane: 'mail|',
          ready_tenant: 'acme',
          ready_rank: 1_700_000_000_000.5,
          held_owner: null,
        },
      ])
      const tables = await client.query('SELECT tablename FROM pg_tables WHERE schemaname = $1', [schema])
      const names = tables.rows.map((row) => row.tablename).sort()
      expect(names).toEqual([...SCHEMA.kinds.map((kind) => `batuta_${kind}`), 'batuta_meta'].sort())
      const meta = await client.query(`SELECT name, value FROM ${schema}.batuta_meta ORDER BY name`)
      expect(meta.rows.map((row) => row.name)).toEqual(['createdAt', 'layout', 'tables'])
    })
  })

  it('keep every character of ids and keys, and their order', async () => {
    const storage = await opened({ connectionString: server().url })
    const odd = ['\0', '\0a', '\u0001', '\u0001\u0002', '\u0001\u0003', '\u0002', 'a', 'a\0', "a'b", 'a\\', 'ñ', '😀']
    const sets = odd.map((id) => setOf(leave(id, { owner: `o${id}`, name: id, text: id })))
    await storage.commit(sets)
    expect(await ids(storage)).toEqual(odd)
    expect(await ids(storage, 'pairs')).toEqual(odd)
    const { records } = await storage.read(odd.map((id) => ({ kind: 'item', id })))
    expect(records.map((record) => record?.id)).toEqual(odd)
    const page = await storage.query('pairs', { after: ['o\u0001', '\u0001'], limit: 2 })
    expect(page.records.map(({ id }) => id)).toEqual(['\u0001\u0002', '\u0001\u0003'])
    await storage.close()
  })
})

describePostgres('the layout of a store', [], (server) => {
  async function filled(count: number): Promise<string> {
    const schema = newSchema()
    const storage = await opened({ connectionString: server().url, schema })
    const sets = Array.from({ length: count }, (_, i) => {
      return setOf(leave(`i${i}`, { at: i, color: i % 2 === 0 ? 'even' : 'odd', kept: [i] }))
    })
    await storage.commit(sets)
    await storage.close()
    return schema
  }

  const open = (schema: string, declared: StorageSchema, more: object = {}) =>
    opened({ connectionString: server().url, schema, ...more }, declared)

  it('gets a new index with all the records that are there, their versions and fields untouched', async () => {
    const schema = await filled(1_203)
    const before = await open(schema, KIT_SCHEMA)
    const { records } = await before.read([{ kind: 'item', id: 'i7' }])
    await before.close()
    const storage = await open(schema, withIndexes(1, byColor))
    expect((await storage.count('colors', { prefix: ['even'] })).count).toBe(602)
    expect((await storage.count('colors', {})).count).toBe(1_203)
    expect((await storage.read([{ kind: 'item', id: 'i7' }])).records).toEqual(records)
    expect((await storage.count('times', {})).count).toBe(1_203)
    await storage.close()
  })

  it('makes every key again when it moves on, and keeps older ones out', async () => {
    const schema = await filled(4)
    const old = await open(schema, withIndexes(1, byColor))
    const storage = await open(schema, withIndexes(2, byUpperColor))
    expect((await storage.count('colors', { prefix: ['EVEN'] })).count).toBe(2)
    expect((await storage.count('colors', { prefix: ['even'] })).count).toBe(0)
    const refused = { code: 'STORAGE_NEWER', data: { storage: 'postgres', found: 2, known: 1 } }
    expect(await failure(commit(old, leave('x', {})))).toMatchObject(refused)
    expect((await old.read([{ kind: 'item', id: 'x' }])).records).toEqual([undefined])
    expect(await failure(open(schema, withIndexes(1, byColor)))).toMatchObject(refused)
    await old.close()
    await storage.close()
  })

  it('moves on under a stream of commits, none of which misses a new index', async () => {
    const schema = await filled(1)
    const old = await open(schema, KIT_SCHEMA)
    let written = 0
    const stream = (async () => {
      for (;;) {
        const error = await commit(old, leave(`s${written}`, { color: 'red' })).catch((reason) => reason)
        if (error.code !== undefined) return error.code
        written++
      }
    })()
    await new Promise((resolve) => setTimeout(resolve, 100))
    const storage = await open(schema, withIndexes(2, byColor))
    expect(await stream).toBe('STORAGE_NEWER')
    expect(written).toBeGreaterThan(0)
    expect((await storage.count('colors', { prefix: ['red'] })).count).toBe(written)
    await old.close()
    await storage.close()
  })

  it('is made once by many that open at the same moment', async () => {
    const schema = newSchema()
    const storages = await Promise.all(Array.from({ length: 8 }, () => open(schema, SCHEMA, { channel: false })))
    const results = await Promise.all(
      storages.map((storage, i) => commit(storage, leave(`t${i}`, { state: 'x', createdAt: i }, null, 'task'))),
    )
    expect(results).toEqual(storages.map(() => ({ applied: true })))
    expect((await (storages[0] as Storage).count('listed', {})).count).toBe(8)
    for (const storage of storages) await storage.close()
  })

  it('changes nothing when there is nothing to change', async () => {
    const schema = await filled(2)
    await server().admin((client) => client.query(`UPDATE ${schema}.batuta_item SET times_at = 77 WHERE id = 'i0'`))
    const storage = await open(schema, KIT_SCHEMA)
    expect(await ids(storage, 'times')).toEqual(['i1', 'i0'])
    await storage.close()
  })

  it('keeps applications in one database apart', async () => {
    const [a, b] = [await open(newSchema(), KIT_SCHEMA), await open(newSchema(), KIT_SCHEMA)]
    await commit(a, leave('x', { at: 1 }))
    expect(await ids(b)).toEqual([])
    expect(await commit(b, leave('x', { at: 2 }))).toEqual({ applied: true })
    expect((await a.read([{ kind: 'item', id: 'x' }])).records[0]?.value).toEqual({ at: 1 })
    await a.close()
    await b.close()
  })
})

describePostgres('with migrate: false', [], (server) => {
  it('a store is used as it is, or not at all', async () => {
    const schema = newSchema()
    const make = () => postgresStorage({ connectionString: server().url, schema, migrate: false })
    expect(await failure(make().open(SCHEMA))).toMatchObject({ code: 'STORAGE_OUTDATED', data: { found: 0 } })
    await server().admin((client) => client.query(postgresDdl({ schema })))
    const storage = make()
    await storage.open(SCHEMA)
    expect(await commit(storage, leave('t', { state: 'x', createdAt: 1 }, null, 'task'))).toEqual({ applied: true })
    await storage.close()
    // It may be run again, and what is there stays.
    await server().admin((client) => client.query(postgresDdl({ schema })))
    const again = make()
    await again.open(SCHEMA)
    expect((await again.count('listed', {})).count).toBe(1)
    await again.close()
    expect(await failure(make().open({ ...SCHEMA, layout: SCHEMA.layout + 1 }))).toMatchObject({
      code: 'STORAGE_OUTDATED',
      data: { found: SCHEMA.layout },
    })
  })

  it.each([true, false])('the least privileges are enough (migrate: %s), and less is told', async (migrate) => {
    const schema = newSchema()
    const role = `${schema}_app`
    const grant = (privileges: string) =>
      server().admin((client) => client.query(`GRANT ${privileges} ON ALL TABLES IN SCHEMA ${schema} TO ${role}`))
    await server().admin(async (client) => {
      await client.query(postgresDdl({ schema }))
      await client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'app'`)
      await client.query(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`)
    })
    await grant('SELECT')
    const connectionString = server().url.replace('postgres:password@', `${role}:app@`)
    const storage = postgresStorage({ connectionString, schema, migrate })
    const error = await failure(storage.open(SCHEMA))
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: false })
    expect(error.message).toContain('forbids what is needed: DELETE, INSERT, UPDATE on')
    await grant('INSERT, UPDATE, DELETE')
    await storage.open(SCHEMA)
    const write = leave('t', { state: 'x', createdAt: 1 }, null, 'task')
    expect(await commit(storage, write)).toEqual({ applied: true })
    const version = write.leave?.version ?? ''
    const expects = { kind: 'task', id: 't', expect: version }
    expect(await commit(storage, expects, leave('o', { startedAt: 1 }, null, 'owner'))).toEqual({ applied: true })
    expect((await storage.query('listed', { limit: 5 })).records).toHaveLength(1)
    expect(await commit(storage, { ...expects, leave: null })).toEqual({ applied: true })
    await storage.close()
  })
})
