import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Storage } from 'batuta'
import { mongodbStorage } from '../../src/storage/mongodb/index.js'
import { postgresStorage } from '../../src/storage/postgres/index.js'
import { redisStorage } from '../../src/storage/redis/index.js'
import { sqliteStorage } from '../../src/storage/sqlite/index.js'
import { MongodbServer, whyNoFaults as whyNoMongodb } from '../support/mongodb-server.js'
import { PostgresServer, whyNoFaults as whyNoPostgres } from '../support/postgres-server.js'
import { RedisServer, whyNoRedis } from '../support/redis-server.js'

/** A database server that nodes reach over the network. */
export interface NodesServer {
  readonly port: number
  /** A storage that reaches it by this port; storages of one space share what they store. */
  storage(port: number, space: string): Storage
  stop(): Promise<void>
}

/** A kind of server. */
export interface ServerKind {
  readonly name: string
  /** Why there is none for tests that cut it off. */
  readonly why: string | undefined
  start(): Promise<NodesServer>
}

let spaces = 0

/** A name that no other test uses. */
export function newSpace(): string {
  return `n${process.pid}_${Date.now()}_${++spaces}`
}

const redis: ServerKind = {
  name: 'Redis',
  why: whyNoRedis,
  start: async () => {
    const server = await RedisServer.start()
    return {
      port: server.port,
      storage: (port, prefix) => redisStorage({ url: `redis://127.0.0.1:${port}`, prefix, onWarning: () => undefined }),
      stop: () => server.stop(),
    }
  },
}

const postgres: ServerKind = {
  name: 'PostgreSQL',
  why: whyNoPostgres,
  start: async () => {
    const server = await PostgresServer.start()
    return {
      port: server.port,
      storage: (port, schema) =>
        postgresStorage({ connectionString: server.url.replace(`:${server.port}`, `:${port}`), schema }),
      stop: () => server.stop(),
    }
  },
}

const mongodb: ServerKind = {
  name: 'MongoDB',
  why: whyNoMongodb,
  start: async () => {
    const server = await MongodbServer.start()
    return {
      port: server.port,
      // Asked who is primary, it would name the port that it has itself.
      storage: (port, database) =>
        mongodbStorage({ uri: `mongodb://127.0.0.1:${port}/?directConnection=true`, database }),
      stop: () => server.stop(),
    }
  },
}

/** No server, and so nothing that can be cut off: a folder of files. */
const sqlite: ServerKind = {
  name: 'SQLite',
  why: undefined,
  start: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'batuta-nodes-'))
    return {
      port: 0,
      storage: (_, space) => sqliteStorage({ path: join(folder, space) }),
      stop: async () => rmSync(folder, { recursive: true, force: true }),
    }
  },
}

export const SERVERS: readonly ServerKind[] = [redis, postgres, mongodb]

/** Whatever several processes may share. */
export const SHARED: readonly ServerKind[] = [...SERVERS, sqlite]
