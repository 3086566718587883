import type pg from 'pg'
import { afterAll, beforeAll, describe } from 'vitest'
import {
  type PostgresClient,
  type PostgresPool,
  type PostgresQuery,
  type PostgresStorageOptions,
  postgresStorage,
} from '../../../src/storage/postgres/index.js'
import type { RecordValue, SetResult, Storage, StorageSchema, Write, WriteSet } from '../../../src/storage/storage.js'
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

let versions = 0

/** A write that creates, or changes what has the version `expect`. */
export function leave(id: string, value: RecordValue, expect: string | null = null, kind = 'item'): Write {
  return { kind, id, expect, leave: { version: `v${++versions}`, value } }
}

/** A set that is never late. */
export function setOf(...writes: Write[]): WriteSet {
  return { writes, notAfter: Number.MAX_SAFE_INTEGER }
}

/** Commits one set of these writes. */
export async function commit(storage: Storage, ...writes: Write[]): Promise<SetResult | undefined> {
  return (await storage.commit([setOf(...writes)])).results[0]
}

/** The ids that an index holds, in its order. */
export async function ids(storage: Storage, index = 'ids'): Promise<string[]> {
  return (await storage.query(index, { limit: 1_000 })).records.map((record) => record.id)
}

/** The error that a promise rejects with. */
export async function failure(
  promise: Promise<unknown>,
): Promise<{ code?: string; message: string; retryable?: boolean; data?: object; cause?: unknown }> {
  try {
    await promise
  } catch (error) {
    return error as { code?: string; message: string; retryable?: boolean; data?: object; cause?: unknown }
  }
  throw new Error('expected a rejection')
}

/** Asks again until it is so. */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  isSo: (answer: T) => boolean,
  limitMs = 20_000,
): Promise<T> {
  const until = Date.now() + limitMs
  for (;;) {
    const answer = await Promise.resolve()
      .then(ask)
      .catch((error: unknown) => error as T)
    if (isSo(answer)) return answer
    if (Date.now() > until) throw new Error(`still ${JSON.stringify(answer)} (${answer}) after ${limitMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** A storage that is not there for a moment: asks until it answers. */
export async function recovered(storage: Storage): Promise<void> {
  await eventually(
    () => storage.read([]),
    (answer) => !(answer instanceof Error),
  )
}
