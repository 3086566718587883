export type { RedisClient, RedisConnectionOptions } from './redis-client.js'
export type { RedisStorageOptions, RedisWarning } from './redis-options.js'
export { redisStorage } from './redis-storage.js'
