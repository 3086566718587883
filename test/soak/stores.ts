import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryStorage, type Storage } from 'batuta'
import { SCHEMA } from '../../src/storage/records.js'
import { tableName } from '../../src/storage/sql/names.js'
import { countingRecords } from './record-counts.js'

/** A store to soak: makes storages of it, and says what its server knows. */
export interface SoakStore {
  /** Nodes over it: one where the store is the process's own. */
  readonly nodes: number
  /** Called once per node. */
  storage(): Storage
  /** What is measured at the store: open connections of clients, bytes that it takes, records by kind. */
  measure(): Promise<Readonly<Record<string, number>>>
  close(): Promise<void>
}

/** The number of records of each kind. */
async function byKind(countOf: (kind: string) => Promise<number> | number): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  for (const kind of SCHEMA.kinds) counts[`${kind} records`] = await countOf(kind)
  return counts
}

/** The stores that can be had, by name. `url` names an empty one; without it a server of our own is started. */
export const SOAK_STORES: Readonly<Record<string, (url: string | undefined) => Promise<SoakStore>>> = {
  async memory() {
    const counts = new Map<string, number>()
    return {
      nodes: 1,
      storage: () => countingRecords(memoryStorage(), counts),
      measure: () => byKind((kind) => counts.get(kind) ?? 0),
      close: async () => undefined,
    }
  },

  async sqlite(url) {
    const { sqliteStorage } = await import('../../src/storage/sqlite/index.js')
    const folder = mkdtempSync(join(tmpdir(), 'batuta-soak-'))
    const path = url ?? join(folder, 'soak.db')
    const { loadDriver } = await import('../../src/storage/sqlite/sqlite-driver.js')
    const sizeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0
    return {
      nodes: 2,
      storage: () => sqliteStorage({ path }),
      async measure() {
        const database = (await loadDriver('auto'))(path)
        const countOf = (kind: string) => database.prepare(`SELECT count(*) AS n FROM ${tableName(kind)}`).get()
        try {
          return {
            'store bytes': sizeOf(path) + sizeOf(`${path}-wal`),
            ...(await byKind((kind) => (countOf(kind) as { n: number }).n)),
          }
        } finally {
          database.close()
        }
      },
      close: async () => rmSync(folder, { recursive: true, force: true }),
    }
  },

  async redis(url) {
    const { redisStorage } = await import('../../src/storage/redis/index.js')
    const { RedisServer } = await import('../support/redis-server.js')
    const { Redis } = await import('ioredis')
    const server = url === undefined ? await RedisServer.start('--appendonly', 'yes') : undefined
    const redis = new Redis(url ?? server?.url ?? '')
    const numberIn = async (section: string, name: string) =>
      Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(await redis.info(section))?.[1])
    const records = async () => {
      const counts = new Map<string, number>()
      for (let cursor = '0', isFirst = true; isFirst || cursor !== '0'; isFirst = false) {
        const [next, keys] = await redis.scan(cursor, 'COUNT', 2_000)
        cursor = next
        for (const key of keys) {
          const kind = key.split(':')[1] ?? ''
          counts.set(kind, (counts.get(kind) ?? 0) + 1)
        }
      }
      return byKind((kind) => counts.get(kind) ?? 0)
    }
    const membersOf = async () => {
      let members = 0
      for (const { name } of SCHEMA.indexes) members += await redis.zcard(`{batuta}:index:${name}`)
      return members
    }
    return {
      nodes: 2,
      storage: () => redisStorage({ url: url ?? server?.url, onWarning: () => undefined }),
      measure: async () => ({
        connections: (await numberIn('clients', 'connected_clients')) - 1,
        'store bytes': await numberIn('memory', 'used_memory_dataset'),
        'index members': await membersOf(),
        ...(await records()),
      }),
      async close() {
        redis.disconnect()
        await server?.stop()
      },
    }
  },

  async postgres(url) {
    const { postgresStorage } = await import('../../src/storage/postgres/index.js')
    const { PostgresServer } = await import('../support/postgres-server.js')
    const { default: pg } = await import('pg')
    // As a busy server is set up: what is deleted makes room within seconds, not within a minute.
    const server = url === undefined ? await PostgresServer.start('autovacuum_naptime=5s') : undefined
    const connectionString = url ?? server?.url ?? ''
    const client = new pg.Client(connectionString)
    await client.connect()
    const numberOf = async (sql: string) => Number((await client.query(sql)).rows[0]?.n)
    return {
      nodes: 2,
      storage: () => postgresStorage({ connectionString }),
      measure: async () => ({
        connections: await numberOf(
          `SELECT count(*) - 1 AS n FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'`,
        ),
        'store bytes': await numberOf(
          `SELECT sum(pg_total_relation_size(oid)) AS n FROM pg_class WHERE relkind = 'r' AND relnamespace = 'batuta'::regnamespace`,
        ),
        ...(await byKind((kind) => numberOf(`SELECT count(*) AS n FROM batuta.${tableName(kind)}`))),
      }),
      async close() {
        await client.end()
        await server?.stop()
      },
    }
  },

  async mongodb(url) {
    const { mongodbStorage } = await import('../../src/storage/mongodb/index.js')
    const { MongodbServer } = await import('../support/mongodb-server.js')
    const { MongoClient } = await import('mongodb')
    const server = url === undefined ? await MongodbServer.start() : undefined
    const uri = url ?? server?.uri ?? ''
    const client = new MongoClient(uri, { maxPoolSize: 1 })
    const database = url === undefined ? 'soak' : undefined
    // Of our own server: what is deleted makes room within seconds, not minutes.
    const settings = url === undefined ? [{ syncdelay: 5 }, { minSnapshotHistoryWindowInSeconds: 0 }] : []
    for (const setting of settings) await client.db('admin').command({ setParameter: 1, ...setting })
    return {
      nodes: 2,
      storage: () => mongodbStorage({ uri, database }),
      async measure() {
        const { connections } = await client.db('admin').command({ serverStatus: 1 })
        const { totalSize, totalFreeStorageSize } = await client.db(database).command({ dbStats: 1, freeStorage: 1 })
        const countOf = (kind: string) => client.db(database).collection(tableName(kind)).estimatedDocumentCount()
        return {
          connections: connections.current,
          'store bytes': totalSize - totalFreeStorageSize,
          'file bytes': totalSize,
          ...(await byKind(countOf)),
        }
      },
      async close() {
        await client.close()
        await server?.stop()
      },
    }
  },
}
