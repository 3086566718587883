import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { SCHEMA } from '../../../src/storage/records.js'
import { sqliteStorage } from '../../../src/storage/sqlite/index.js'
import type { IndexDefinition, StorageSchema } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { betterSqliteLoads, commit, failure, leave, runSql } from './support.js'
import { temporaryFiles } from './temporary.js'

const newPath = temporaryFiles()

async function opened(path: string, schema: StorageSchema) {
  const storage = sqliteStorage({ path })
  await storage.open(schema)
  return storage
}

/** The kit's schema with other indexes for items. */
function withIndexes(layout: number, ...indexes: IndexDefinition[]): StorageSchema {
  return { layout, kinds: KIT_SCHEMA.kinds, indexes }
}

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

const byColorAndSize: IndexDefinition = {
  ...byColor,
  fields: [
    { name: 'color', type: 'text' },
    { name: 'size', type: 'number' },
    { name: 'id', type: 'text' },
  ],
  key: (value, id) => ('color' in value && 'size' in value ? [String(value.color), Number(value.size), id] : undefined),
}

async function ids(storage: Awaited<ReturnType<typeof opened>>, index: string, prefix: string[] = []) {
  return (await storage.query(index, { prefix, limit: 1_000 })).records.map((record) => record.id)
}

describe.runIf(betterSqliteLoads)('the tables', () => {
  it('can be read by a person', async () => {
    const path = newPath()
    const storage = await opened(path, SCHEMA)
    const task = {
      id: 't1',
      state: 'ready',
      lane: 'mail|',
      tenant: 'acme',
      rank: 1_700_000_000_000,
      createdAt: 5,
      attempts: [],
    }
    await commit(storage, leave('t1', task, null, 'task'))
    await storage.close()
    const database = new Database(path)
    expect(
      database.prepare('SELECT id, value, ready_lane, ready_tenant, ready_rank, held_owner FROM batuta_task').all(),
    ).toEqual([
      {
        id: 't1',
        value: JSON.stringify(task),
        ready_lane: 'mail|',
        ready_tenant: 'acme',
        ready_rank: 1_700_000_000_000,
        held_owner: null,
      },
    ])
    const type = database.prepare('SELECT typeof(ready_rank) AS type FROM batuta_task').get()
    expect(type).toEqual({ type: 'integer' })
    expect(database.prepare("SELECT value FROM batuta_meta WHERE name = 'layout'").get()).toEqual({
      value: String(SCHEMA.layout),
    })
    const created = database.prepare("SELECT value FROM batuta_meta WHERE name = 'createdAt'").get() as {
      value: string
    }
    expect(Date.parse(created.value)).toBeGreaterThan(0)
    database.close()
  })

  it('are one per kind of the schema, and two besides', async () => {
    const path = newPath()
    await (await opened(path, SCHEMA)).close()
    const database = new Database(path)
    const rows = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all()
    const expected = [...SCHEMA.kinds.map((kind) => `batuta_${kind}`), 'batuta_channel', 'batuta_meta'].sort()
    expect((rows as { name: string }[]).map((row) => row.name)).toEqual(expected)
    database.close()
  })
})

describe.runIf(betterSqliteLoads)('opening a store of another shape', () => {
  async function filled(): Promise<string> {
    const path = newPath()
    const storage = await opened(path, withIndexes(1))
    for (const [id, color] of [
      ['a', 'red'],
      ['b', 'blue'],
      ['c', 'red'],
    ] as const) {
      await commit(storage, leave(id, { color, kept: [id] }))
    }
    await commit(storage, leave('d', {}))
    await storage.close()
    return path
  }

  it('adds an index, with the records that are there', async () => {
    const path = await filled()
    const storage = await opened(path, withIndexes(1, byColor))
    expect(await ids(storage, 'colors')).toEqual(['b', 'a', 'c'])
    expect((await storage.read([{ kind: 'item', id: 'a' }])).records[0]?.value).toEqual({ color: 'red', kept: ['a'] })
    await storage.close()
  })

  it('fills more rows than it reads at a time', async () => {
    const path = newPath()
    const before = await opened(path, withIndexes(1))
    const sets = Array.from({ length: 1_203 }, (_, i) => {
      return { writes: [leave(`i${i}`, { color: i % 2 === 0 ? 'even' : 'odd' })], notAfter: Number.MAX_SAFE_INTEGER }
    })
    await before.commit(sets)
    await before.close()
    const storage = await opened(path, withIndexes(1, byColor))
    expect((await storage.count('colors', { prefix: ['even'] })).count).toBe(602)
    expect((await storage.count('colors', {})).count).toBe(1_203)
    await storage.close()
  })

  it('makes an index again whose fields have changed', async () => {
    const path = await filled()
    const before = await opened(path, withIndexes(1, byColor))
    await commit(before, leave('e', { color: 'red', size: 3 }))
    await commit(before, leave('f', { color: 'red', size: 2 }))
    await before.close()
    const storage = await opened(path, withIndexes(1, byColorAndSize))
    expect(await ids(storage, 'colors')).toEqual(['f', 'e'])
    await storage.close()
  })

  it('makes every key again when the layout moves on', async () => {
    const path = await filled()
    await (await opened(path, withIndexes(1, byColor))).close()
    const storage = await opened(path, withIndexes(2, byUpperColor))
    expect(await ids(storage, 'colors', ['RED'])).toEqual(['a', 'c'])
    expect(await ids(storage, 'colors', ['red'])).toEqual([])
    await storage.close()
    expect(await failure(opened(path, withIndexes(1, byColor)))).toMatchObject({ code: 'STORAGE_NEWER' })
  })

  it('changes nothing when there is nothing to change', async () => {
    const path = await filled()
    const before = await opened(path, withIndexes(1, byColor))
    runSql(path, "UPDATE batuta_item SET colors_color = 'by hand' WHERE id = 'a'")
    await before.close()
    const storage = await opened(path, withIndexes(1, byColor))
    expect(await ids(storage, 'colors', ['by hand'])).toEqual(['a'])
    await storage.close()
  })

  it('leaves it to somebody else when migrate is off', async () => {
    const path = await filled()
    for (const schema of [withIndexes(1, byColor), withIndexes(2)]) {
      const storage = sqliteStorage({ path, migrate: false })
      expect(await failure(storage.open(schema))).toMatchObject({ code: 'STORAGE_OUTDATED', data: { found: 1 } })
    }
    const fresh = sqliteStorage({ path: newPath(), migrate: false })
    expect(await failure(fresh.open(KIT_SCHEMA))).toMatchObject({ code: 'STORAGE_OUTDATED', data: { found: 0 } })
    await (await opened(path, withIndexes(2))).close()
    const storage = sqliteStorage({ path, migrate: false })
    await storage.open(withIndexes(2))
    await storage.close()
  })
})
