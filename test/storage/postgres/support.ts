import type pg from 'pg'
import { afterAll, beforeAll, describe } from 'vitest'
import {
  type PostgresClient,
  type PostgresPool,
  type PostgresQuery,
  type PostgresStorageOptions,
  postgresStorage,
} from '../../../src/storage/postgres/index.js'
import type { Storage, StorageSchema } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { PostgresServer, whyNoPostgres } from '../../support/postgres-server.js'

/** Tests with a server of their own; skipped, with the reason in the name, where there is none. */
export function describePostgres(
  name: string,
  settings: readonly string[],
  define: (server: () => PostgresServer) => void,
  why: string | undefined = whyNoPostgres,
): void {
  let server: PostgresServer
  describe.skipIf(why !== undefined)(why === undefined ? name : `${name} (${why})`, () => {
    beforeAll(async () => {
      server = await PostgresServer.start(...settings)
    }, 60_000)
    afterAll(() => server.stop())
    define(() => server)
  })
}

let schemas = 0

/** A schema that no other test uses. */
export function newSchema(): string {
  return `t${process.pid}_${Date.now()}_${++schemas}`
}

/** An opened storage, in a schema of its own unless one is given. */
export async function opened(options: PostgresStorageOptions, schema: StorageSchema = KIT_SCHEMA): Promise<Storage> {
  const storage = postgresStorage({ schema: newSchema(), ...options })
  await storage.open(schema)
  return storage
}

/** A pool, and every statement that is asked through it. */
export function watched(pool: pg.Pool): { pool: PostgresPool; asked: PostgresQuery[] } {
  const asked: PostgresQuery[] = []
  const watchedClient = (client: pg.PoolClient): PostgresClient => ({
    query: (query) => {
      asked.push(query)
      return client.query(query)
    },
    release: (close) => client.release(close),
    on: client.on.bind(client),
    removeListener: client.removeListener.bind(client),
  })
  return {
    asked,
    pool: {
      connect: (callback) => pool.connect((error, client) => callback(error, client && watchedClient(client))),
      end: () => pool.end(),
      on: (event, listener) => pool.on(event, listener),
      removeListener: (event, listener) => pool.removeListener(event, listener),
    },
  }
}
