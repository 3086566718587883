/**
 * One process and four over Redis, beside BullMQ: tasks of no work, added by a process of their own that does not work. Nothing
 * is saved.
 *
 *   npm run bench -- nodes-redis
 */
import { report } from './measure.js'
import { measurePlace } from './nodes/measure-place.js'
import { startRedis } from './servers/redis.js'

report(
  await measurePlace({ ours: 'batuta on Redis', peers: [{ name: 'BullMQ', part: 'all' }], start: () => startRedis() }),
)
// Some peer leaves timers behind.
setTimeout(() => process.exit(), 1_000)
