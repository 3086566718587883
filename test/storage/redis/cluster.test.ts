import { Cluster } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { redisStorage } from '../../../src/storage/redis/index.js'
import { storageConformance } from '../../../src/testing/storage-conformance/index.js'
import type { RedisServer } from '../../support/redis-server.js'
import { commit, eventually, failure, ids, leave, setOf } from '../asking.js'
import { describeRedis, newPrefix, opened } from './support.js'

const SLOTS = Array.from({ length: 16_384 }, (_, slot) => slot)
const SETTINGS = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']

/** Gives a lone node all slots. */
async function takeAllSlots(server: RedisServer): Promise<void> {
  await server.admin(async (redis) => {
    if (/cluster_slots_assigned:16384/.test(String(await redis.cluster('INFO')))) return
    for (let from = 0; from < SLOTS.length; from += 4_096) {
      await redis.cluster('ADDSLOTS', ...SLOTS.slice(from, from + 4_096))
    }
    await eventually(
      () => redis.cluster('INFO'),
      (info) => /cluster_state:ok/.test(String(info)),
    )
  })
}

function clusterOf(server: RedisServer): Cluster {
  const cluster = new Cluster([{ host: '127.0.0.1', port: server.port }])
  cluster.on('error', () => undefined)
  return cluster
}

describeRedis('a cluster of one node', SETTINGS, (server) => {
  describe('with the whole kit', () => {
    let cluster: Cluster | undefined
    storageConformance(
      {
        create: async () => {
          if (cluster === undefined) {
            await takeAllSlots(server())
            cluster = clusterOf(server())
          }
          const client = cluster
          const prefix = newPrefix()
          const make = () => redisStorage({ client, prefix, onWarning: () => undefined })
          const opened = [make()]
          return {
            storage: opened[0] as (typeof opened)[0],
            reopen: async () => {
              const again = make()
              opened.push(again)
              return again
            },
            dispose: async () => {
              for (const one of opened) await one.close()
            },
          }
        },
      },
      { describe, it },
    )
    it('closes the client that is its owner’s', () => cluster?.disconnect())
  })

  it('moves to another layout, and carries texts', async () => {
    await takeAllSlots(server())
    const cluster = clusterOf(server())
    const prefix = newPrefix()
    const storage = await opened({ client: cluster, prefix })
    await commit(storage, leave('a', { at: 1 }))
    const texts: string[] = []
    const channel = storage.channel?.()
    channel?.subscribe((text) => texts.push(text))
    await eventually(
      () => {
        channel?.publish('hello')
        return texts.length
      },
      (count) => Number(count) > 0,
    )
    await storage.close()
    const again = await opened({ client: cluster, prefix }, { layout: 2, kinds: ['item'], indexes: [] })
    expect((await again.read([{ kind: 'item', id: 'a' }])).records[0]?.value).toEqual({ at: 1 })
    await again.close()
    cluster.disconnect()
  })

  it('never sends a commit again by itself', async () => {
    await takeAllSlots(server())
    const cluster = clusterOf(server())
    const storage = await opened({ client: cluster })
    await commit(storage, leave('first', { at: 0 }))
    const write = leave('a', { at: 1 })
    server().freeze(true)
    const asked = failure(commit(storage, write))
    await server().kill()
    expect(await asked).toMatchObject({ code: 'STORAGE_OUTCOME_UNKNOWN' })
    await server().restart()
    await eventually(
      () => storage.read([write]),
      (answer) => !(answer instanceof Error),
    )
    expect((await storage.read([write])).records).toEqual([undefined])
    expect(await commit(storage, write)).toEqual({ applied: true })
    await storage.close()
    cluster.disconnect()
  })

  it('says so when it is down, and comes back by itself', async () => {
    await takeAllSlots(server())
    const cluster = clusterOf(server())
    const storage = await opened({ client: cluster })
    const error = await server().admin(async (redis) => {
      await redis.cluster('DELSLOTS', 0)
      await eventually(
        () => redis.cluster('INFO'),
        (info) => /cluster_state:fail/.test(String(info)),
      )
      const refused = await failure(commit(storage, leave('a', {})))
      await redis.cluster('ADDSLOTS', 0)
      return refused
    })
    expect(error.code).toMatch(/STORAGE_(UNAVAILABLE|OUTCOME_UNKNOWN)/)
    await eventually(
      () => storage.commit([setOf(leave('b', {}))]),
      (answer) => !(answer instanceof Error),
    )
    // What nobody could say may have been done all the same.
    const found = await ids(storage)
    if (error.code === 'STORAGE_UNAVAILABLE') expect(found).toEqual(['b'])
    else expect(found).toContain('b')
    await storage.close()
    cluster.disconnect()
  })
})
