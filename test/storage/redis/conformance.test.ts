import { afterAll, beforeAll, describe, it } from 'vitest'
import { redisStorage } from '../../../src/storage/redis/index.js'
import { storageConformance } from '../../../src/testing/storage-conformance/index.js'
import { RedisServer, whyNoRedis } from '../../support/redis-server.js'

let server: RedisServer
let prefixes = 0

describe.skipIf(whyNoRedis)('Redis storage', () => {
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stop())

  storageConformance(
    {
      create: async () => {
        const prefix = `kit${++prefixes}`
        const make = () => redisStorage({ url: server.url, prefix, onWarning: () => undefined })
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
})
