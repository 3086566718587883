import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RedisClient } from '../../../src/storage/redis/index.js'
import { RedisConnection } from '../../../src/storage/redis/redis-connection.js'
import { prepareLayout } from '../../../src/storage/redis/redis-layout.js'
import { redisSettings } from '../../../src/storage/redis/redis-options.js'
import { RedisNames } from '../../../src/storage/redis/redis-record.js'
import type { RedisScript } from '../../../src/storage/redis/redis-script.js'
import { FILLED, PREPARE, SCAN } from '../../../src/storage/redis/redis-scripts.js'
import type { Storage } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { whyNoRedis } from '../../support/redis-server.js'
import { commit, eventually, failure, ids, leave, setOf } from '../asking.js'
import { RedisCluster } from './cluster-support.js'
import { newPrefix, opened } from './support.js'

let cluster: RedisCluster

/** A layout without indexes, and one that asks for them. */
const BARE = { layout: 1, kinds: ['item', 'note'], indexes: [] }
const NEXT = { ...KIT_SCHEMA, layout: 2 }

/** A storage whose slot lies on the first node of two, and how to move it to the second. */
async function movable(schema = KIT_SCHEMA) {
  const prefix = await cluster.prefixOn(0, newPrefix)
  const slot = await cluster.slotOf(prefix)
  const client = cluster.client()
  const storage = await opened({ client, prefix }, schema)
  return {
    storage,
    prefix,
    client,
    begin: () => cluster.beginMove(slot, 0, 1),
    move: (...names: string[]) => cluster.moveKeys(0, 1, ...names.map((name) => `{${prefix}}:${name}`)),
    end: () => cluster.endMove(slot, 0, 1),
    keysOn: async (node: number) =>
      (await cluster.keysOn(node, slot)).map((key) => key.slice(`{${prefix}}:`.length)).sort(),
    close: async () => {
      await storage.close()
      client.disconnect()
    },
  }
}

const APPLIED = { results: [{ applied: true }] }

describe.skipIf(whyNoRedis)('a slot of a cluster that is moving', () => {
  beforeAll(async () => {
    cluster = await RedisCluster.start(2)
  })
  afterAll(() => cluster?.stop())

  it.each([
    ['an index', ['index:times']],
    ['all but an index', ['meta', 'item:a', 'index:ids']],
    ['the record', ['item:a']],
    ['the record and the indexes', ['item:a', 'index:ids', 'index:times']],
  ])(
    'with %s at its new node: a commit is refused whole, and applied whole when the slot has moved',
    async (_, moved) => {
      const { storage, begin, move, end, keysOn, close } = await movable()
      const first = leave('a', { at: 1 })
      await commit(storage, first)
      await begin()
      await move(...moved)
      const [source, target] = [await keysOn(0), await keysOn(1)]
      const next = setOf(leave('a', { at: 2 }, first.leave?.version))
      const error = await failure(storage.commit([next]))
      expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
      expect(error.message).toContain('moving')
      // Not even a key that was empty has been made anywhere.
      expect([await keysOn(0), await keysOn(1)]).toEqual([source, target])
      await end()
      await eventually(
        () => storage.commit([next]),
        (answer) => !(answer instanceof Error),
      )
      expect(await storage.commit([next])).toMatchObject(APPLIED)
      expect((await storage.read([{ kind: 'item', id: 'a' }])).records[0]?.value).toEqual({ at: 2 })
      expect((await storage.query('times', { limit: 10, keysOnly: true })).keys).toEqual([[2, 'a']])
      await close()
    },
  )

  it('with a record left behind: a query does not answer without it', async () => {
    const { storage, begin, move, end, close } = await movable()
    await commit(storage, leave('a', { at: 1 }))
    await begin()
    await move('meta', 'index:times', 'index:ids')
    expect(await failure(storage.query('times', { limit: 10 }))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    await end()
    await eventually(
      () => ids(storage, 'times'),
      (found) => Array.isArray(found) && found.length === 1,
    )
    await close()
  })

  it('is not counted by halves, nor migrated', async () => {
    const { storage, prefix, client, begin, move, end, close } = await movable(BARE)
    for (const id of ['a', 'b']) await commit(storage, leave(id, { at: 1 }))
    await begin()
    await move('meta')
    expect(await failure(opened({ client, prefix }, NEXT))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    await end()
    const again = (await eventually(
      () => opened({ client, prefix }, NEXT),
      (answer) => !(answer instanceof Error),
    )) as Storage
    expect(await ids(again, 'times')).toEqual(['a', 'b'])
    expect((await again.count('times', {})).count).toBe(2)
    await again.close()
    await close()
  })

  it.each([
    ['between two of its pages', SCAN],
    ['before its end', FILLED],
  ])(
    'while it is migrated to another layout, %s: all is done again, and every record is in its indexes',
    async (_, when) => {
      const { storage, prefix, client, begin, end, close } = await movable(BARE)
      const count = 1_500
      await storage.commit(Array.from({ length: count }, (_, at) => setOf(leave(`i${at}`, { at }))))
      const connection = await RedisConnection.open(redisSettings({ client: client as unknown as RedisClient }))
      const ran: RedisScript[] = []
      const moving = {
        run: async (...call: Parameters<RedisConnection['run']>) => {
          // The second page, or the only end.
          const isDue = ran.filter((script) => script === when).length === (when === SCAN ? 1 : 0) && call[1] === when
          ran.push(call[1])
          if (isDue) {
            await begin()
            await end()
          }
          return await connection.run(...call)
        },
      }
      await prepareLayout(moving as unknown as RedisConnection, new RedisNames(prefix), NEXT, true)
      expect(ran.filter((script) => script === PREPARE)).toHaveLength(2)
      connection.close()
      const again = await opened({ client, prefix }, NEXT)
      expect((await again.count('times', {})).count).toBe(count)
      expect((await again.count('ids', {})).count).toBe(count)
      await again.close()
      await close()
    },
  )
})
