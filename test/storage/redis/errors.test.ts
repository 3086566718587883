import { readFileSync, rmSync } from 'node:fs'
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { type RedisWarning, redisStorage } from '../../../src/storage/redis/index.js'
import { redisCode } from '../../../src/storage/redis/redis-errors.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { RedisServer } from '../../support/redis-server.js'
import { TcpProxy } from '../../support/tcp-proxy.js'
import { thrownBy } from '../../task/thrown-by.js'
import { commit, eventually, failure, ids, leave, recovered, setOf } from '../asking.js'
import { describeRedis, newPrefix, opened } from './support.js'

describe('options', () => {
  it('that contradict each other or mean nothing are refused', () => {
    const client = new Redis({ lazyConnect: true })
    const wrong = [
      {},
      { client, url: 'redis://localhost' },
      { url: 'http://localhost' },
      { client: {} as typeof client },
      { url: 'redis://localhost', prefix: '' },
      { url: 'redis://localhost', prefix: 'a{b}' },
      { url: 'redis://localhost', commandTimeoutMs: 0 },
      { url: 'redis://localhost', openTimeoutMs: 1.5 },
      { url: 'redis://localhost', pefix: 'x' },
    ] as const
    for (const options of wrong) {
      expect(() => redisStorage(options), Object.keys(options).join()).toThrow('OPTIONS_INVALID')
    }
  })

  const url = 'redis://localhost'
  it.each<[unknown, string, string[]]>([
    [undefined, "redisStorage: must be given an object, such as { url: 'redis://…' }, not undefined.", ['']],
    [null, 'not null.', ['']],
    ['redis://app:secret@host', 'not "redis://…".', ['']],
    [{}, 'redisStorage: Give one of: a live client, a url, or connection options.', ['client']],
    [{ client: null }, 'client: must be a live client of ioredis, not null.', ['client']],
    [{ client: 'redis://app:secret@host' }, 'client: must be a live client of ioredis, not "redis://…".', ['client']],
    [{ url: 5 }, 'url: must be a string, not 5.', ['url']],
    [{ url: 'http://app:secret@host' }, 'url: must begin with redis:// or rediss://.', ['url']],
    [{ connection: 'x' }, 'connection: must be an object, not a string.', ['connection']],
    [{ url, prefix: 5 }, 'prefix: must be a string, not 5.', ['prefix']],
    [{ url, migrate: 'no' }, 'migrate: must be true or false, not "no".', ['migrate']],
    [{ url, allowEviction: 1 }, 'allowEviction: must be true or false, not 1.', ['allowEviction']],
    [{ url, onWarning: 3 }, 'onWarning: must be a function, not 3.', ['onWarning']],
    [{ url, openTimeoutMs: null }, 'openTimeoutMs: must be a whole number from 1, not null.', ['openTimeoutMs']],
    [{ uri: url }, 'There is no option "uri". Did you mean "url"? The options are client, url, ', ['uri']],
    [{ connectionString: 'redis://app:secret@host' }, 'Did you mean "url"?', ['connectionString']],
    [{ url, keyPrefix: 'x' }, 'There is no option "keyPrefix". Did you mean "prefix"?', ['keyPrefix']],
    [{ url, openTimeout: 5 }, 'There is no option "openTimeout". Did you mean "openTimeoutMs"?', ['openTimeout']],
  ])('says what is wrong with %j, and no password', (options, says, paths) => {
    const error = thrownBy(() => redisStorage(options as never))
    expect(error).toMatchObject({ code: 'OPTIONS_INVALID', paths, message: expect.stringContaining('redisStorage') })
    expect(error.message).toContain(says)
    expect(error.message).not.toContain('secret')
  })
})

describe('codes in errors', () => {
  it.each([
    ['READONLY You can not write against a read only replica.', 'READONLY'],
    ["READONLY You can't write against a read only replica. script: 7a, on @user_script:12.", 'READONLY'],
    // Before Redis 7 a script's errors begin with the script.
    [
      "ERR Error running script (call to f_7a): @user_script:2: @user_script: 2: -OOM command not allowed when used memory > 'maxmemory'.",
      'OOM',
    ],
    [
      'ERR Error running script (call to f_7a): @user_script:2: @user_script: 2: -MISCONF Redis is configured to save',
      'MISCONF',
    ],
    ["ERR ACL failure in script: User batuta has no permissions to run the 'zadd' command script: 7a", 'NOPERM'],
    ['ERR something else', undefined],
  ])('%s', (message, code) => {
    expect(redisCode(Object.assign(new Error(message), { name: 'ReplyError' }))).toBe(code)
    expect(redisCode(new Error(message))).toBeUndefined()
  })
})

describeRedis('opening', [], (server) => {
  it('says that nobody is there, and can be tried again', async () => {
    const proxy = await TcpProxy.start(server().port)
    proxy.isOpen = false
    const storage = redisStorage({
      url: `redis://127.0.0.1:${proxy.port}`,
      openTimeoutMs: 200,
      onWarning: () => undefined,
    })
    const error = await failure(storage.open(KIT_SCHEMA))
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
    proxy.passAll()
    await storage.open(KIT_SCHEMA)
    await storage.close()
    await proxy.stop()
  })

  it('waits for a server that is starting', async () => {
    const proxy = await TcpProxy.start(server().port)
    proxy.isOpen = false
    setTimeout(() => proxy.passAll(), 300)
    const storage = await opened({ connection: { host: '127.0.0.1', port: proxy.port } })
    expect(await commit(storage, leave('a', {}))).toEqual({ applied: true })
    await storage.close()
    await proxy.stop()
  })

  it('says at once that the password is wrong', async () => {
    const redis = new Redis(server().url)
    await redis.acl('SETUSER', 'somebody', 'on', '>secret', '~*', '&*', '+@all')
    const storage = redisStorage({ connection: { port: server().port, username: 'somebody', password: 'wrong' } })
    const error = await failure(storage.open(KIT_SCHEMA))
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: false })
    expect(error.message).toContain('refuses this user')
    redis.disconnect()
  })

  it('refuses a server that evicts, unless told', async () => {
    await server().admin(async (redis) => {
      await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
      const error = await failure(opened({ url: server().url }))
      expect(error).toMatchObject({
        code: 'STORAGE_UNSUITABLE',
        retryable: false,
        data: { setting: 'maxmemory-policy', found: 'allkeys-lru', needed: 'noeviction' },
      })
      const warnings: RedisWarning[] = []
      const storage = await opened({ url: server().url, allowEviction: true, onWarning: (one) => warnings.push(one) })
      expect(warnings.map(({ code }) => code)).toContain('REDIS_MAY_EVICT')
      await storage.close()
      await redis.config('SET', 'maxmemory-policy', 'noeviction')
    })
  })

  it('refuses a server that is too old', async () => {
    const proxy = await TcpProxy.start(server().port)
    // As long as the true one: the length stands before the text.
    const older = (_: string, name: string, version: string) => `${name}${'6.0.16'.slice(0, version.length)}`
    proxy.toClient = (data, { client }) =>
      void client.write(data.toString('latin1').replace(/(redis_version:)(\d+\.\d+\.\d+)/, older), 'latin1')
    const error = await failure(opened({ url: `redis://127.0.0.1:${proxy.port}` }))
    const found = expect.stringMatching(/^6\.0\.16?$/)
    expect(error).toMatchObject({ code: 'STORAGE_UNSUITABLE', data: { found, needed: '6.2 or later' } })
    await proxy.stop()
  })

  it('says once what is not saved', async () => {
    await server().admin(async (redis) => {
      const warnings: string[] = []
      const open = async () => {
        const storage = await opened({ url: server().url, onWarning: ({ code }) => warnings.push(code) })
        await storage.close()
        return warnings.splice(0)
      }
      expect(await open()).toEqual(['REDIS_NOT_PERSISTENT'])
      await redis.config('SET', 'save', '3600 1')
      expect(await open()).toEqual(['REDIS_ONLY_SNAPSHOTS'])
      await redis.config('SET', 'appendonly', 'yes')
      expect(await open()).toEqual([])
      await redis.config('SET', 'appendonly', 'no', 'save', '')
    })
  })

  it('warns through the process unless told otherwise', async () => {
    const warned = new Promise<Error & { code?: string }>((resolve) => process.once('warning', resolve))
    const storage = redisStorage({ url: server().url, prefix: newPrefix() })
    await storage.open(KIT_SCHEMA)
    expect(await warned).toMatchObject({ name: 'BatutaWarning', code: 'REDIS_NOT_PERSISTENT' })
    await storage.close()
  })

  it('leaves a live client to its owner, whatever it is set to', async () => {
    const client = new Redis(server().url, { keyPrefix: 'mine:', enableAutoPipelining: true, stringNumbers: true })
    const prefix = newPrefix()
    const storage = await opened({ client, prefix })
    await commit(storage, leave('a', { at: 1 }))
    expect((await storage.count('times', {})).count).toBe(1)
    await storage.close()
    expect(await client.set('x', '1')).toBe('OK')
    await server().admin(async (redis) => expect(await redis.exists(`{${prefix}}:item:a`)).toBe(1))
    client.disconnect()
  })
})

describeRedis('rights', [], (server) => {
  /** The line of the guide. */
  const guide = readFileSync(new URL('../../../docs/storage-redis.md', import.meta.url), 'utf8')
  const RIGHTS = /^ACL SETUSER batuta on >secret (.*)$/m.exec(guide)?.[1] ?? 'no line in docs/storage-redis.md'

  async function userWith(redis: Redis, rights: string) {
    const name = newPrefix()
    await redis.call('ACL', 'SETUSER', name, 'on', '>secret', ...rights.replaceAll('{batuta}', `{${name}}`).split(' '))
    return { prefix: name, connection: { port: server().port, username: name, password: 'secret' } }
  }

  it('as documented are enough for everything', async () => {
    await server().admin(async (redis) => {
      const options = await userWith(redis, RIGHTS)
      const warnings: string[] = []
      const storage = await opened({ ...options, onWarning: ({ code }) => warnings.push(code) })
      expect(warnings).toEqual(['REDIS_SETTINGS_UNKNOWN'])
      const write = leave('a', { at: 1 })
      await commit(storage, write)
      expect(await ids(storage)).toEqual(['a'])
      expect((await storage.query('times', { limit: 1, order: 'desc' })).records).toHaveLength(1)
      expect((await storage.count('times', {})).count).toBe(1)
      await commit(storage, leave('a', { at: 2 }, write.leave?.version ?? null))
      const channel = storage.channel?.()
      const heard = new Promise<string>((resolve) => channel?.subscribe(resolve))
      const saying = setInterval(() => channel?.publish('hello'), 20)
      expect(await heard).toBe('hello')
      clearInterval(saying)
      await storage.close()
      // Filling an index again needs SCAN.
      const again = await opened(options, { ...KIT_SCHEMA, layout: 2 })
      expect(await ids(again, 'times')).toEqual(['a'])
      await again.close()
    })
  })

  it.each(['+mset', '+zadd', '+zrem', '+del', '+zrangebylex', '+zlexcount', '+evalsha', '+hmget'])(
    'without %s: says so when it is opened',
    async (right) => {
      await server().admin(async (redis) => {
        const error = await failure(opened(await userWith(redis, RIGHTS.replace(`${right} `, ''))))
        expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: false })
        expect(error.message).toContain('rights')
      })
    },
  )

  it('to read what is saved end the doubt', async () => {
    await server().admin(async (redis) => {
      const warnings: string[] = []
      const options = await userWith(redis, `${RIGHTS} +config|get`)
      await (await opened({ ...options, onWarning: ({ code }) => warnings.push(code) })).close()
      expect(warnings).toEqual(['REDIS_NOT_PERSISTENT'])
    })
  })

  it('on other keys: says so when it is opened', async () => {
    await server().admin(async (redis) => {
      const options = await userWith(redis, RIGHTS)
      expect(await failure(opened({ ...options, prefix: 'other' }))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    })
  })
})

describeRedis('a server that refuses', [], (server) => {
  const big = (n: number) => leave(`big${n}`, { at: n, text: 'x'.repeat(100_000) })

  it('because it is full has written nothing, and takes the same sets when there is room', async () => {
    await server().admin(async (redis) => {
      const storage = await opened({ url: server().url })
      const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
      await redis.config('SET', 'maxmemory', String(used - 10_000))
      const sets = Array.from({ length: 300 }, (_, n) => setOf(big(n)))
      const error = await failure(storage.commit(sets))
      expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
      expect(error.message).toContain('maxmemory')
      expect((await storage.count('times', {})).count).toBe(0)
      await redis.config('SET', 'maxmemory', '0')
      expect((await storage.commit(sets)).results.every((result) => result.applied)).toBe(true)
      expect((await storage.count('times', {})).count).toBe(300)
      await storage.close()
    })
  })

  it('in the middle of a large commit: the outcome is unknown, and the same sets finish it', async () => {
    await server().admin(async (redis) => {
      const storage = await opened({ url: server().url })
      const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
      await redis.config('SET', 'maxmemory', String(used + 25_000_000))
      const sets = Array.from({ length: 600 }, (_, n) => setOf(big(n)))
      expect(await failure(storage.commit(sets))).toMatchObject({ code: 'STORAGE_OUTCOME_UNKNOWN' })
      await redis.config('SET', 'maxmemory', '0')
      const { count } = await storage.count('times', {})
      expect(count).toBeGreaterThan(0)
      expect(count).toBeLessThan(600)
      expect((await storage.commit(sets)).results.every((result) => result.applied)).toBe(true)
      expect((await storage.count('times', {})).count).toBe(600)
      await storage.close()
    })
  })

  it('because it can not save', async () => {
    const broken = await RedisServer.start()
    await broken.admin(async (redis) => {
      const storage = await opened({ url: broken.url })
      rmSync(broken.folder, { recursive: true })
      await redis.config('SET', 'save', '3600 1')
      await redis.bgsave()
      const status = async () => /rdb_last_bgsave_status:(\w+)/.exec(await redis.info('persistence'))?.[1]
      await eventually(status, (answer) => answer === 'err')
      const error = await failure(commit(storage, leave('a', { at: 1 })))
      expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
      expect(error.message).toContain("can't save")
      expect(await ids(storage)).toEqual([])
      await storage.close()
    })
    await broken.stop()
  })

  it('because it has too few replicas', async () => {
    await server().admin(async (redis) => {
      const storage = await opened({ url: server().url })
      await redis.config('SET', 'min-replicas-to-write', '1')
      expect(await failure(commit(storage, leave('a', {})))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
      await redis.config('SET', 'min-replicas-to-write', '0')
      expect(await ids(storage)).toEqual([])
      await storage.close()
    })
  })

  it('because it runs a script of somebody', async () => {
    await server().admin(async (redis) => {
      const storage = await opened({ url: server().url, commandTimeoutMs: 10_000 })
      await redis.config('SET', 'busy-reply-threshold', '1')
      const endless = redis.eval('while true do end', 0).catch(() => undefined)
      const refused = await eventually(
        () => failure(commit(storage, leave('a', {}))),
        (error) => error.message.includes('script'),
      )
      expect(refused).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
      await server().admin((other) => other.script('KILL'))
      await endless
      await recovered(storage)
      await storage.close()
    })
  })

  it('because a key under the prefix is not ours', async () => {
    await server().admin(async (redis) => {
      const prefix = newPrefix()
      const storage = await opened({ url: server().url, prefix })
      await redis.set(`{${prefix}}:index:times`, 'mine')
      expect(await failure(storage.query('times', { limit: 1 }))).toMatchObject({ code: 'STORAGE_CORRUPT' })
      await storage.close()
    })
  })

  it('because it became a replica, and takes the same sets when it is a primary again', async () => {
    const primary = await RedisServer.start()
    const prefix = newPrefix()
    const storage = await opened({ url: server().url, prefix })
    const write = leave('a', { at: 1 })
    await server().admin(async (redis) => {
      await redis.replicaof('127.0.0.1', primary.port)
      const error = await failure(commit(storage, write))
      expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
      expect(await failure(opened({ url: server().url, prefix, openTimeoutMs: 500 }))).toMatchObject({
        code: 'STORAGE_UNAVAILABLE',
      })
      await redis.replicaof('NO', 'ONE')
    })
    await recovered(storage)
    expect(await commit(storage, write)).toEqual({ applied: true })
    await storage.close()
    await primary.stop()
  })
})
