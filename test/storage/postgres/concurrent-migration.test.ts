import pg from 'pg'
import { expect, it } from 'vitest'
import { postgresStorage } from '../../../src/storage/postgres/index.js'
import type { IndexDefinition, Storage, StorageSchema, StoredRecord } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { commit, failure, leave, setOf } from '../asking.js'
import { describePostgres, newSchema, opened, watched } from './support.js'

const RECORDS = 3_000
const OPENS = 4

const byColor: IndexDefinition = {
  name: 'colors',
  kind: 'item',
  fields: [
    { name: 'color', type: 'text' },
    { name: 'id', type: 'text' },
  ],
  key: (value, id) => ('color' in value ? [String(value.color), id] : undefined),
}
const NEXT: StorageSchema = {
  layout: 2,
  kinds: [...KIT_SCHEMA.kinds, 'extra'],
  indexes: [...KIT_SCHEMA.indexes, byColor],
}

/** Every record of a walk over an index. */
async function allOf(storage: Storage, index: string): Promise<StoredRecord[]> {
  const found: StoredRecord[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await storage.query(index, { limit: 1_000, cursor })
    found.push(...page.records)
    cursor = page.cursor
    if (cursor === undefined) return found
  }
}

describePostgres('four that open a filled store of the layout before at the same moment', [], (server) => {
  it('leave one store that was migrated once, with all that was in it', async () => {
    const schema = newSchema()
    const old = await opened({ connectionString: server().url, schema, channel: false })
    const sets = Array.from({ length: RECORDS }, (_, n) => {
      const id = `i${String(n).padStart(5, '0')}`
      return setOf(
        leave(id, { at: n % 7, color: n % 3 === 0 ? 'red' : 'blue', kept: [n] }),
        leave(id, { at: n }, null, 'note'),
      )
    })
    for (let n = 0; n < RECORDS; n += 500) await old.commit(sets.slice(n, n + 500))
    const before = { items: await allOf(old, 'times'), notes: await allOf(old, 'notes') }
    expect(before.items).toHaveLength(RECORDS)

    const inner = Array.from({ length: OPENS }, () => new pg.Pool({ connectionString: server().url, max: 2 }))
    const pools = inner.map(watched)
    const storages = pools.map(({ pool }) => postgresStorage({ pool, schema, channel: false }))
    await Promise.all(storages.map((storage) => storage.open(NEXT)))

    // Those that waited find that there is nothing left to do.
    const migrated = pools.filter(({ asked }) => asked.some(({ text }) => /^(CREATE|DROP|INSERT)/.test(text)))
    expect(migrated).toHaveLength(1)
    expect(pools.filter(({ asked }) => asked.some(({ text }) => text.includes('advisory')))).toHaveLength(OPENS)
    for (const storage of storages) {
      expect({ items: await allOf(storage, 'times'), notes: await allOf(storage, 'notes') }).toEqual(before)
      expect((await storage.count('colors', { prefix: ['red'] })).count).toBe(RECORDS / 3)
      expect((await storage.count('colors', {})).count).toBe(RECORDS)
    }
    const written = await Promise.all(
      storages.map((storage, n) =>
        commit(storage, leave(`new${n}`, { at: 1, color: 'green' }), leave(`e${n}`, {}, null, 'extra')),
      ),
    )
    expect(written).toEqual(storages.map(() => ({ applied: true })))
    expect((await (storages[0] as Storage).count('colors', { prefix: ['green'] })).count).toBe(OPENS)
    expect(await failure(commit(old, leave('late', { at: 1 })))).toMatchObject({
      code: 'STORAGE_NEWER',
      data: { found: 2, known: 1 },
    })
    await server().admin(async (client) => {
      const { rows } = await client.query(`SELECT value FROM ${schema}.batuta_meta WHERE name = 'layout'`)
      expect(rows).toEqual([{ value: '2' }])
      const indexes = await client.query('SELECT indexname FROM pg_indexes WHERE schemaname = $1', [schema])
      const names = indexes.rows.map(({ indexname }) => indexname).filter((name) => !name.endsWith('_pkey'))
      expect(names.sort()).toEqual(NEXT.indexes.map(({ kind, name }) => `batuta_${kind}_${name}`).sort())
    })
    for (const storage of [old, ...storages]) await storage.close()
    for (const pool of inner) await pool.end()
  }, 60_000)
})
