import type { Storage } from 'batuta'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { redisStorage } from '../../src/storage/redis/index.js'
import { sqliteStorage } from '../../src/storage/sqlite/index.js'
import { loadDriver } from '../../src/storage/sqlite/sqlite-driver.js'
import { newPrefix } from '../storage/redis/support.js'
import { temporaryFiles } from '../storage/sqlite/temporary.js'
import { RedisServer, whyNoRedis } from '../support/redis-server.js'
import type { KeptBuild } from './kept-build.js'

/** Makes storages of one store, for the sources and for a build that was kept. */
export interface Store {
  newer(): Storage
  older(build: KeptBuild): Promise<Storage>
}

/** The stores that there are here, by name: a file, and a server of our own. Called once in a file of tests. */
export function storesForTests(): ReadonlyMap<string, () => Store> {
  const newPath = temporaryFiles()
  const stores = new Map([['sqlite', () => fileStore(newPath())]])
  if (whyNoRedis !== undefined) return stores
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start('--appendonly', 'yes')
  })
  afterAll(() => server.stop())
  return stores.set('redis', () => redisStore(server.url))
}

function fileStore(path: string): Store {
  return {
    newer: () => sqliteStorage({ path }),
    async older(build) {
      // A build that was kept can't find drivers itself.
      const database = (await loadDriver('auto'))(path)
      database.exec('PRAGMA journal_mode = WAL')
      database.exec('PRAGMA busy_timeout = 1000')
      onTestFinished(() => void database.close())
      return build.sqliteStorage({ database })
    },
  }
}

function redisStore(url: string): Store {
  const options = { prefix: newPrefix(), onWarning: () => undefined }
  return {
    newer: () => redisStorage({ url, ...options }),
    async older(build) {
      const client = new Redis(url, { lazyConnect: true })
      onTestFinished(() => client.disconnect())
      return build.redisStorage({ client, ...options })
    },
  }
}
