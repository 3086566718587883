/**
 * As `finished`, on a Redis server of our own that saves nothing.
 *
 *   npx tsx --expose-gc --tsconfig bench/tsconfig.json bench/finished-redis.bench.ts [finished]
 */
import { redisStorage } from 'batuta/storage/redis'
import { RedisServer } from '../test/support/redis-server.js'
import { measureFinished } from './finished/measure-finished.js'
import { processorMs } from './finished/processor.js'
import { report } from './measure.js'

const server = await RedisServer.start()
try {
  const pid = await server.admin(async (redis) => Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]))
  const rows = await measureFinished({
    name: 'Redis',
    open: (prefix) => redisStorage({ url: server.url, prefix, onWarning: () => undefined }),
    isKept: true,
    serverMs: async () => processorMs(pid, 'redis-server'),
  })
  report(rows)
} finally {
  await server.stop()
}
