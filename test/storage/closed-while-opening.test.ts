/** What becomes of connections when a storage is closed while it is being opened. PostgreSQL has tests of its own. */
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mongodbStorage } from '../../src/storage/mongodb/index.js'
import { redisStorage } from '../../src/storage/redis/index.js'
import type { Storage } from '../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../src/testing/storage-conformance/schema.js'
import { MongodbServer, whyNoMongodb } from '../support/mongodb-server.js'
import { RedisServer, whyNoRedis } from '../support/redis-server.js'
import { eventually, failure } from './asking.js'

interface Place {
  storage(): Storage
  connections(): Promise<number>
  stop(): Promise<unknown>
}

const PLACES: Readonly<Record<string, { readonly why: string | undefined; start(): Promise<Place> }>> = {
  Redis: {
    why: whyNoRedis,
    async start() {
      const server = await RedisServer.start()
      const admin = new Redis(server.url)
      return {
        storage: () => redisStorage({ url: server.url, onWarning: () => undefined }),
        connections: async () =>
          String(await admin.client('LIST'))
            .trim()
            .split('\n').length,
        stop: async () => {
          admin.disconnect()
          await server.stop()
        },
      }
    },
  },
  MongoDB: {
    why: whyNoMongodb,
    async start() {
      const server = await MongodbServer.start()
      const status = () => server.client.db('admin').command({ serverStatus: 1 })
      return {
        storage: () => mongodbStorage({ uri: server.uri, database: 'opening' }),
        connections: async () => Number((await status()).connections.current),
        stop: () => server.stop(),
      }
    },
  },
}

describe.each(Object.entries(PLACES))('a storage on %s', (_, { why, start }) => {
  describe.skipIf(why !== undefined)(why ?? 'that is closed while it is being opened', () => {
    let place: Place
    beforeAll(async () => {
      place = await start()
      const prepared = place.storage()
      await prepared.open(KIT_SCHEMA)
      await prepared.close()
    }, 60_000)
    afterAll(() => place.stop())

    it('lets go of its connections, and can be opened again', async () => {
      const before = await place.connections()
      const storages = Array.from({ length: 8 }, () => place.storage())
      const openings = storages.map((storage) => failure(storage.open(KIT_SCHEMA)))
      for (const storage of storages) await storage.close()
      for (const error of await Promise.all(openings)) expect(error).toMatchObject({ code: 'STORAGE_CLOSED' })
      await eventually(place.connections, (count) => count <= before, 10_000)
      const [again] = storages as [Storage]
      await again.open(KIT_SCHEMA)
      await again.read([])
      await again.close()
    })
  })
})
