import { describe, it } from 'vitest'
import { redisStorage } from '../../../src/storage/redis/index.js'
import { storageConformance } from '../../../src/testing/storage-conformance/index.js'
import { describeRedis, newPrefix } from './support.js'

describeRedis('Redis storage', [], (server) => {
  storageConformance(
    {
      create: async () => {
        const prefix = newPrefix()
        const make = () => redisStorage({ url: server().url, prefix, onWarning: () => undefined })
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
