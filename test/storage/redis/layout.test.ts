import { expect, it } from 'vitest'
import { SCHEMA } from '../../../src/storage/records.js'
import { redisStorage } from '../../../src/storage/redis/index.js'
import type { IndexDefinition, Storage, StorageSchema } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { commit, failure, ids, leave, setOf } from '../asking.js'
import { describeRedis, newPrefix, opened } from './support.js'

const byColor: IndexDefinition = {
  name: 'colors',
  kind: 'item',
  fields: [
    { name: 'color', type: 'text' },
    { name: 'id', type: 'text' },
  ],
  key: (value, id) => {
    const { color } = value as { color?: string }
    return color === undefined ? undefined : [color, id]
  },
}

function withIndexes(layout: number, ...more: IndexDefinition[]): StorageSchema {
  return { layout, kinds: KIT_SCHEMA.kinds, indexes: [...KIT_SCHEMA.indexes, ...more] }
}

describeRedis('the layout of a store', [], (server) => {
  async function filled(count: number): Promise<string> {
    const prefix = newPrefix()
    const storage = await opened({ url: server().url, prefix })
    const sets = Array.from({ length: count }, (_, i) =>
      setOf(leave(`i${i}`, { at: i, color: i % 2 === 0 ? 'even' : 'odd' })),
    )
    await storage.commit(sets)
    await commit(storage, leave('n', { at: 1 }, null, 'note'))
    await storage.close()
    return prefix
  }

  const open = (prefix: string, schema: StorageSchema) => opened({ url: server().url, prefix }, schema)

  it('gets a new index with all the records that are there, their versions and fields untouched', async () => {
    const prefix = await filled(1_203)
    const before = await open(prefix, KIT_SCHEMA)
    const { records } = await before.read([{ kind: 'item', id: 'i7' }])
    await before.close()
    const storage = await open(prefix, withIndexes(1, byColor))
    expect((await storage.count('colors', { prefix: ['even'] })).count).toBe(602)
    expect((await storage.count('colors', {})).count).toBe(1_203)
    expect((await storage.read([{ kind: 'item', id: 'i7' }])).records).toEqual(records)
    expect((await storage.count('times', {})).count).toBe(1_203)
    await storage.close()
  })

  it('loses an index that is no longer declared', async () => {
    const prefix = await filled(10)
    await (await open(prefix, withIndexes(1, byColor))).close()
    await (await open(prefix, withIndexes(2))).close()
    await server().admin(async (redis) => {
      expect(await redis.exists(`{${prefix}}:index:colors`)).toBe(0)
      expect(await redis.exists(`{${prefix}}:index:times`)).toBe(1)
    })
  })

  it('makes keys again when it moves on', async () => {
    const prefix = await filled(4)
    await (await open(prefix, withIndexes(1, byColor))).close()
    const upper = {
      ...byColor,
      key: (value: object, id: string) => [(value as { color: string }).color.toUpperCase(), id],
    }
    const storage = await open(prefix, withIndexes(2, upper))
    expect((await storage.count('colors', { prefix: ['EVEN'] })).count).toBe(2)
    expect((await storage.count('colors', {})).count).toBe(4)
    await storage.close()
  })

  it('is made ready by several that start at once, while others commit', async () => {
    const prefix = await filled(700)
    const storages = await Promise.all(Array.from({ length: 4 }, () => open(prefix, withIndexes(2, byColor))))
    const [first] = storages as [Storage]
    expect((await first.count('colors', {})).count).toBe(700)
    for (const storage of storages) await storage.close()

    const fresh = newPrefix()
    const together = await Promise.all(
      Array.from({ length: 4 }, async (_, n) => {
        const storage = await open(fresh, withIndexes(1, byColor))
        await commit(storage, leave(`x${n}`, { color: 'red' }))
        return storage
      }),
    )
    expect(await ids(together[0] as Storage, 'colors')).toEqual(['x0', 'x1', 'x2', 'x3'])
    for (const storage of together) await storage.close()
  })

  it('of a newer version keeps older ones out: at opening, and those that are open already', async () => {
    const prefix = await filled(3)
    const old = await open(prefix, KIT_SCHEMA)
    await (await open(prefix, withIndexes(2, byColor))).close()
    const write = leave('late', { at: 9 })
    expect(await failure(commit(old, write))).toMatchObject({
      code: 'STORAGE_NEWER',
      data: { storage: 'redis', found: 2, known: 1 },
    })
    expect((await old.read([write])).records).toEqual([undefined])
    await old.close()
    expect(await failure(open(prefix, KIT_SCHEMA))).toMatchObject({ code: 'STORAGE_NEWER' })
  })

  it('of a later structure keeps this version out', async () => {
    const prefix = await filled(1)
    await server().admin((redis) => redis.hset(`{${prefix}}:meta`, 'structure', '2'))
    const error = await failure(open(prefix, KIT_SCHEMA))
    expect(error).toMatchObject({ code: 'STORAGE_NEWER', data: { found: 2, known: 1 } })
    expect(error.message).toContain('structure')
  })

  it('is left alone where migrating is off', async () => {
    const prefix = newPrefix()
    const fixed = (schema: StorageSchema) => {
      const storage = redisStorage({ url: server().url, prefix, migrate: false, onWarning: () => undefined })
      return storage.open(schema).then(() => storage)
    }
    expect(await failure(fixed(KIT_SCHEMA))).toMatchObject({ code: 'STORAGE_OUTDATED', data: { found: 0, known: 1 } })
    await server().admin(async (redis) => expect(await redis.keys(`{${prefix}}*`)).toEqual([]))
    await (await open(prefix, KIT_SCHEMA)).close()
    await (await fixed(KIT_SCHEMA)).close()
    expect(await failure(fixed(withIndexes(2)))).toMatchObject({
      code: 'STORAGE_OUTDATED',
      data: { found: 1, known: 2 },
    })
    expect(await failure(fixed(withIndexes(1, byColor)))).toMatchObject({ code: 'STORAGE_OUTDATED' })
  })

  it('names every index of the library with letters', () => {
    // The lines of a record are told from its value by their first letter.
    expect(SCHEMA.indexes.filter(({ name }) => !/^[A-Za-z]+$/.test(name))).toEqual([])
  })
})
