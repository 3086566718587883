import type { Storage } from 'batuta'
import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import pg from 'pg'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { mongodbStorage } from '../../src/storage/mongodb/index.js'
import { postgresStorage } from '../../src/storage/postgres/index.js'
import { redisStorage } from '../../src/storage/redis/index.js'
import { sqliteStorage } from '../../src/storage/sqlite/index.js'
import { loadDriver } from '../../src/storage/sqlite/sqlite-driver.js'
import { newPrefix } from '../storage/redis/support.js'
import { temporaryFiles } from '../storage/sqlite/temporary.js'
import { MongodbServer, whyNoMongodb } from '../support/mongodb-server.js'
import { PostgresServer, whyNoPostgres } from '../support/postgres-server.js'
import { RedisServer, whyNoRedis } from '../support/redis-server.js'
import type { KeptBuild } from './kept-build.js'
import { newSpace } from './servers.js'

/** Makes storages of one store, for the sources and for a build that was kept. */
export interface Store {
  newer(): Storage
  older(build: KeptBuild): Promise<Storage>
}

/** A kind of server, and what one store on it is. */
interface Kind<Server extends { stop(): Promise<void> }> {
  readonly name: string
  /** Why there is none here. */
  readonly why: string | undefined
  start(): Promise<Server>
  store(server: Server): Store
}

/** A kind of store. */
export interface StoreKind {
  readonly name: string
  /** Why there is none here. */
  readonly why: string | undefined
  newStore(): Store
}

/** The kinds of stores: a file, and servers of our own. Called once in a file of tests. */
export function storesForTests(): readonly StoreKind[] {
  const newPath = temporaryFiles()
  return [
    { name: 'sqlite', why: undefined, newStore: () => fileStore(newPath()) },
    onServer({
      name: 'redis',
      why: whyNoRedis,
      start: () => RedisServer.start('--appendonly', 'yes'),
      store: ({ url }) => redisStore(url),
    }),
    onServer({
      name: 'postgres',
      why: whyNoPostgres,
      start: () => PostgresServer.start(),
      store: ({ url }) => postgresStore(url),
    }),
    onServer({
      name: 'mongodb',
      why: whyNoMongodb,
      start: () => MongodbServer.start(),
      store: ({ uri }) => mongodbStore(uri),
    }),
  ]
}

function onServer<Server extends { stop(): Promise<void> }>({ name, why, start, store }: Kind<Server>): StoreKind {
  let server: Server
  if (why === undefined) {
    beforeAll(async () => {
      server = await start()
    }, 60_000)
    afterAll(() => server.stop())
  }
  return { name, why, newStore: () => store(server) }
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

function postgresStore(connectionString: string): Store {
  const schema = newSpace()
  return {
    newer: () => postgresStorage({ connectionString, schema }),
    async older(build) {
      const pool = new pg.Pool({ connectionString })
      onTestFinished(() => pool.end())
      return build.postgresStorage({ pool, schema })
    },
  }
}

function mongodbStore(uri: string): Store {
  const database = newSpace()
  return {
    newer: () => mongodbStorage({ uri, database }),
    async older(build) {
      const client = new MongoClient(uri)
      onTestFinished(() => client.close())
      return build.mongodbStorage({ client, database })
    },
  }
}
