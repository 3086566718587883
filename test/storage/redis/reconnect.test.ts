import { Cluster, Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { duplicateOf, type RedisClient } from '../../../src/storage/redis/redis-client.js'
import { RedisServer } from '../../support/redis-server.js'
import { type ProxiedLink, TcpProxy } from '../../support/tcp-proxy.js'
import { commit, eventually, failure, ids, leave, recovered } from '../asking.js'
import { channelOf, heard } from '../channel-cases.js'
import { describeRedis, listenersOf, newPrefix, opened } from './support.js'

/** Long enough for several tries, much shorter than any limit of ioredis itself. */
const SOON_MS = 5_000

describeRedis('an address whose server froze and was replaced', [], (server) => {
  it('leads to the new one, for commands and for listeners, though the old one still takes connections', async () => {
    const other = await RedisServer.start()
    const proxy = await TcpProxy.start(server().port)
    let links = 0
    proxy.toServer = (data, link) => {
      links++
      link.server.write(data)
    }
    const [prefix, commandTimeoutMs] = [newPrefix(), 200]
    const storage = await opened({ url: `redis://127.0.0.1:${proxy.port}`, prefix, commandTimeoutMs })
    const near = await opened({ url: other.url, prefix })
    const texts: string[] = []
    channelOf(storage).subscribe((text) => texts.push(text))
    await heard(channelOf(storage), texts, 'before')
    server().freeze(true)
    await failure(storage.read([]))
    const before = links
    // Its kernel has taken the next connection, and the handshake is under way.
    await eventually(
      () => links,
      (count) => count > before,
    )
    proxy.leadTo(other.port)
    await eventually(
      () => storage.read([]),
      (answer) => !(answer instanceof Error),
      SOON_MS,
    )
    expect(await commit(storage, leave('a', { at: 1 }))).toEqual({ applied: true })
    await heard(channelOf(near), texts, 'after')
    server().freeze(false)
    for (const one of [storage, near]) await one.close()
    await other.stop()
    await proxy.stop()
  })

  it('is left for the next Sentinel when it is a Sentinel', async () => {
    const sentinel = await TcpProxy.start(server().port)
    const port = `${server().port}`
    sentinel.toServer = (data, { client }) => {
      for (const command of data
        .toString()
        .split(/^\*\d+\r\n/m)
        .slice(1)) {
        const asked = /get-master-addr-by-name|\bsentinels\b/i.exec(command)?.[0]
        if (asked === undefined) client.write("-ERR unknown command 'HELLO'\r\n")
        else if (asked === 'sentinels') client.write('*0\r\n')
        else client.write(`*2\r\n$9\r\n127.0.0.1\r\n$${port.length}\r\n${port}\r\n`)
      }
    }
    const frozen = await TcpProxy.start(server().port)
    frozen.toServer = () => undefined
    const sentinels = [frozen, sentinel].map((proxy) => ({ host: '127.0.0.1', port: proxy.port }))
    const storage = await opened({
      connection: { sentinels, name: 'main' },
      commandTimeoutMs: 300,
      openTimeoutMs: SOON_MS,
    })
    expect(await commit(storage, leave('a', { at: 1 }))).toEqual({ applied: true })
    await storage.close()
    await frozen.stop()
    await sentinel.stop()
  })
})

describeRedis('a listener', [], (server) => {
  it('keeps its connection as long as that answers', async () => {
    const storage = await opened({ url: server().url, commandTimeoutMs: 100 })
    const texts: string[] = []
    channelOf(storage).subscribe((text) => texts.push(text))
    await heard(channelOf(storage), texts, 'first')
    const before = await listenersOf(server())
    expect(before).toHaveLength(1)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(await listenersOf(server())).toEqual(before)
    await heard(channelOf(storage), texts, 'last')
    await storage.close()
  })

  it('gets another one when that leads nowhere any more, though its storage has noticed nothing', async () => {
    const proxy = await TcpProxy.start(server().port)
    const [listening, dead] = [new Set<ProxiedLink>(), new Set<ProxiedLink>()]
    proxy.toServer = (data, link) => {
      if (/\bsubscribe\b/i.test(data.toString())) listening.add(link)
      if (!dead.has(link)) link.server.write(data)
    }
    proxy.toClient = (data, link) => {
      if (!dead.has(link)) link.client.write(data)
    }
    const prefix = newPrefix()
    const storage = await opened({ url: `redis://127.0.0.1:${proxy.port}`, prefix, commandTimeoutMs: 200 })
    const near = await opened({ url: server().url, prefix })
    const texts: string[] = []
    channelOf(storage).subscribe((text) => texts.push(text))
    await heard(channelOf(near), texts, 'before')
    expect(listening.size).toBe(1)
    for (const link of listening) dead.add(link)
    await eventually(
      () => {
        channelOf(near).publish('after')
        return texts.includes('after')
      },
      (isHeard) => isHeard,
      SOON_MS,
    )
    await storage.close()
    await near.close()
    await proxy.stop()
  })
})

describeRedis('a database', [], (server) => {
  it('that the server has is used, and no other', async () => {
    const prefix = newPrefix()
    const storage = await opened({ url: `${server().url}/3`, prefix })
    await commit(storage, leave('a', { at: 1 }))
    await server().admin(async (redis) => {
      expect(await redis.exists(`{${prefix}}:item:a`)).toBe(0)
      await redis.select(3)
      expect(await redis.exists(`{${prefix}}:item:a`)).toBe(1)
    })
    await storage.close()
  })

  it('that the server refuses is said at once, and nothing goes to another', async () => {
    const prefix = newPrefix()
    const error = await failure(opened({ url: `${server().url}/77`, prefix }))
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: false })
    expect(error.message).toMatch(/database/)
    await server().admin(async (redis) => expect(await redis.keys(`{${prefix}}*`)).toEqual([]))
  })

  it('that is refused later, when it connects again, is waited for', async () => {
    await server().admin(async (redis) => {
      const prefix = newPrefix()
      await redis.call('ACL', 'SETUSER', prefix, 'on', '>secret', '~*', '&*', '+@all')
      const connection = { port: server().port, username: prefix, password: 'secret', db: 3 }
      const storage = await opened({ connection, prefix })
      await redis.call('ACL', 'SETUSER', prefix, '-select')
      await redis.call('CLIENT', 'KILL', 'USER', prefix)
      for (let i = 0; i < 20; i++) {
        expect((await failure(commit(storage, leave('a', { at: 1 })))).code).toMatch(/^STORAGE_/)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      expect(await redis.keys(`{${prefix}}*`)).toEqual([])
      await redis.call('ACL', 'SETUSER', prefix, '+select')
      await recovered(storage)
      await commit(storage, leave('b', { at: 2 }))
      expect(await ids(storage)).toEqual(['b'])
      await storage.close()
    })
  })
})

describe('another client for the same cluster', () => {
  it('has the password and the TLS of the first, also where duplicate merges nothing', () => {
    const redisOptions = { username: 'ana', password: 'secret', tls: { ca: 'x' }, keyPrefix: 'mine:' }
    const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true, redisOptions })
    let given: unknown[] = []
    // As ioredis 5 does it: what it is given replaces what there was.
    cluster.duplicate = ((...args: unknown[]) => {
      given = args
      return new Redis({ lazyConnect: true })
    }) as unknown as typeof cluster.duplicate
    duplicateOf(cluster as unknown as RedisClient, { queues: false, timeoutMs: 100 })
    expect(given[0]).toEqual([])
    expect(given[1]).toMatchObject({
      redisOptions: { username: 'ana', password: 'secret', tls: { ca: 'x' }, keyPrefix: '', maxRetriesPerRequest: 0 },
    })
  })
})
