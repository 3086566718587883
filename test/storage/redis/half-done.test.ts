import type { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import type { Storage } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { commit, failure, ids, leave, setOf } from '../asking.js'
import { describeRedis, newPrefix, opened } from './support.js'

/** All that a store holds: keys with their strings, indexes with their members. */
async function contents(redis: Redis, prefix: string): Promise<Record<string, unknown>> {
  const keys = (await redis.keys(`{${prefix}}:*`)).filter((key) => !key.endsWith(':meta')).sort()
  const read = async (key: string) =>
    (await redis.type(key)) === 'zset' ? redis.zrange(key, '0', '-1') : redis.get(key)
  return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await read(key)] as const)))
}

describeRedis('a commit of which a part is refused', [], (server) => {
  /** A storage of a user whose rights may change. */
  async function withRights(redis: Redis, work: (storage: Storage, prefix: string) => Promise<void>) {
    const prefix = newPrefix()
    const change = (...rights: string[]) => redis.call('ACL', 'SETUSER', prefix, ...rights)
    await change('on', '>secret', '~*', '&*', '+@all')
    const connection = { port: server().port, username: prefix, password: 'secret' }
    const storage = await opened({ connection, prefix })
    await work(storage, prefix)
    await storage.close()
  }

  it('because an index is something else: nothing is written', async () => {
    await server().admin(async (redis) => {
      const prefix = newPrefix()
      const storage = await opened({ url: server().url, prefix })
      await redis.set(`{${prefix}}:index:times`, 'mine')
      const before = await contents(redis, prefix)
      const sets = [setOf(leave('a', { at: 1 }), leave('a', { at: 1 }, null, 'note'))]
      expect(await failure(storage.commit(sets))).toMatchObject({ code: 'STORAGE_CORRUPT' })
      expect(await contents(redis, prefix)).toEqual(before)
      await redis.del(`{${prefix}}:index:times`)
      expect((await storage.commit(sets)).results).toEqual([{ applied: true }])
      expect(await ids(storage, 'times')).toEqual(['a'])
      await storage.close()
    })
  })

  it('because a right was taken away: it is undone, and whole when the right is back', async () => {
    await server().admin((redis) =>
      withRights(redis, async (storage, prefix) => {
        const [a, b] = [leave('a', { at: 1 }), leave('b', { at: 2 })]
        await commit(storage, a, b)
        const before = await contents(redis, prefix)
        const sets = [
          setOf(leave('a', { at: 3 }, a.leave?.version), leave('c', { at: 4 })),
          setOf({ ...b, expect: b.leave?.version ?? null, leave: null }),
        ]
        await redis.call('ACL', 'SETUSER', prefix, '-zadd')
        expect(await failure(storage.commit(sets))).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: false })
        expect(await contents(redis, prefix)).toEqual(before)
        await redis.call('ACL', 'SETUSER', prefix, '+zadd')
        expect((await storage.commit(sets)).results).toEqual([{ applied: true }, { applied: true }])
        expect(await ids(storage, 'times')).toEqual(['a', 'c'])
        expect(await ids(storage)).toEqual(['a', 'c'])
      }),
    )
  })

  it('and undoing too: the outcome is unknown, and the same set does the rest when the right is back', async () => {
    await server().admin((redis) =>
      withRights(redis, async (storage, prefix) => {
        const first = leave('a', { at: 1 })
        await commit(storage, first)
        const next = setOf(leave('a', { at: 2 }, first.leave?.version))
        await redis.call('ACL', 'SETUSER', prefix, '-zrem')
        const error = await failure(storage.commit([next]))
        expect(error).toMatchObject({ code: 'STORAGE_OUTCOME_UNKNOWN' })
        expect(error.message).not.toContain('Nothing was written')
        await redis.call('ACL', 'SETUSER', prefix, '+zrem')
        expect((await storage.commit([next])).results).toEqual([{ applied: true }])
        expect((await storage.query('times', { limit: 10, keysOnly: true })).keys).toEqual([[2, 'a']])
        expect(await ids(storage)).toEqual(['a'])
      }),
    )
  })
})

describeRedis('a store that a newer version took over between two tries', [], (server) => {
  it('says of sets that were applied that they were, and of all others that it is newer', async () => {
    const prefix = newPrefix()
    const storage = await opened({ url: server().url, prefix })
    const [first, other] = [leave('a', { at: 1 }), leave('b', { at: 2 })]
    await commit(storage, first)
    await (await opened({ url: server().url, prefix }, { ...KIT_SCHEMA, layout: 2 })).close()
    expect(await commit(storage, first)).toEqual({ applied: true })
    expect(await failure(storage.commit([setOf(other)]))).toMatchObject({ code: 'STORAGE_NEWER' })
    // Together, nothing new is written; whoever asks for each by itself is told the truth of each.
    expect(await failure(storage.commit([setOf(first), setOf(other)]))).toMatchObject({ code: 'STORAGE_NEWER' })
    const { records } = await storage.read([first, other])
    expect(records.map((record) => record?.value)).toEqual([{ at: 1 }, undefined])
    await storage.close()
  })
})
