import { afterAll, beforeAll, describe } from 'vitest'
import { type RedisStorageOptions, redisStorage } from '../../../src/storage/redis/index.js'
import type { Storage, StorageSchema } from '../../../src/storage/storage.js'
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
