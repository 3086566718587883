import { afterAll, beforeAll, describe } from 'vitest'
import { type RedisStorageOptions, redisStorage } from '../../../src/storage/redis/index.js'
import type { RecordValue, SetResult, Storage, StorageSchema, Write, WriteSet } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { RedisServer, whyNoRedis } from '../../support/redis-server.js'

/** Tests with a server of their own; skipped, with the reason in the name, where there is none. */
export function describeRedis(
  name: string,
  settings: readonly string[],
  define: (server: () => RedisServer) => void,
): void {
  let server: RedisServer
  describe.skipIf(whyNoRedis !== undefined)(whyNoRedis === undefined ? name : `${name} (${whyNoRedis})`, () => {
    beforeAll(async () => {
      server = await RedisServer.start(...settings)
    })
    afterAll(() => server.stop())
    define(() => server)
  })
}

let prefixes = 0

/** A prefix that no other test uses. */
export function newPrefix(): string {
  return `t${process.pid}-${++prefixes}`
}

/** An opened storage, under a prefix of its own unless one is given. */
export async function opened(options: RedisStorageOptions, schema: StorageSchema = KIT_SCHEMA): Promise<Storage> {
  const storage = redisStorage({ prefix: newPrefix(), onWarning: () => undefined, ...options })
  await storage.open(schema)
  return storage
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
): Promise<{ code?: string; message: string; retryable?: boolean; data?: object }> {
  try {
    await promise
  } catch (error) {
    return error as { code?: string; message: string; retryable?: boolean; data?: object }
  }
  throw new Error('expected a rejection')
}

/** Asks again until it is so. */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  isSo: (answer: T) => boolean,
  limitMs = 15_000,
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
