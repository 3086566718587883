import { afterAll, beforeAll, describe } from 'vitest'
import { type RedisStorageOptions, redisStorage } from '../../../src/storage/redis/index.js'
import type { Storage, StorageSchema } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { RedisServer, whyNoRedis } from '../../support/redis-server.js'

/** A server of our own, also as a node of a cluster: that listens above its port too, for which some free ports are too high. */
export async function started(...settings: string[]): Promise<RedisServer> {
  for (;;) {
    try {
      return await RedisServer.start(...settings)
    } catch (error) {
      if (!/port number too high/i.test(String(error))) throw error
    }
  }
}

/** Tests with a server of their own; skipped, with the reason in the name, where there is none. */
export function describeRedis(
  name: string,
  settings: readonly string[],
  define: (server: () => RedisServer) => void,
): void {
  let server: RedisServer
  describe.skipIf(whyNoRedis !== undefined)(whyNoRedis === undefined ? name : `${name} (${whyNoRedis})`, () => {
    beforeAll(async () => {
      server = await started(...settings)
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

/** Which connections of these servers listen, by the ids that the servers gave them. */
export async function listenersOf(...servers: RedisServer[]): Promise<string[]> {
  const lists = servers.map((server) => server.admin(async (redis) => String(await redis.client('LIST'))))
  return (await Promise.all(lists)).flatMap((list, i) =>
    [...list.matchAll(/^id=(\d+) .* sub=1 /gm)].map(([, id]) => `${servers[i]?.port} ${id}`),
  )
}
