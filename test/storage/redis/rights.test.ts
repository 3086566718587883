import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { whyNoRedis } from '../../support/redis-server.js'
import { commit, failure, ids, leave } from '../asking.js'
import { channelOf, heard } from '../channel-cases.js'
import { RedisCluster } from './cluster-support.js'
import { describeRedis, newPrefix, opened } from './support.js'

const guide = readFileSync(new URL('../../../docs/storage-redis.md', import.meta.url), 'utf8')
/** The line of the guide, and what it adds to it. */
const RIGHTS = /^ACL SETUSER batuta on >secret (.*)$/m.exec(guide)?.[1] ?? 'no line in docs/storage-redis.md'
const IN_CLUSTER = /In a cluster add `([^`]+)`/.exec(guide)?.[1] ?? 'no rights for a cluster in docs/storage-redis.md'
const WITH_DATABASE = /database other than 0 add `([^`]+)`/.exec(guide)?.[1] ?? 'no right for a database'

async function grant(redis: Redis, name: string, rights: string): Promise<void> {
  await redis.call('ACL', 'SETUSER', name, 'on', '>secret', ...rights.replaceAll('{batuta}', `{${name}}`).split(' '))
}

describeRedis('rights on a database other than 0', [], (server) => {
  it.each([
    ['as documented are enough', `${RIGHTS} ${WITH_DATABASE}`, true],
    ['of database 0 are not, and it says so', RIGHTS, false],
  ])('%s', async (_, rights, isEnough) => {
    await server().admin(async (redis) => {
      const prefix = newPrefix()
      await grant(redis, prefix, rights)
      const opening = opened({
        connection: { port: server().port, username: prefix, password: 'secret', db: 2 },
        prefix,
      })
      if (isEnough) {
        const storage = await opening
        expect(await commit(storage, leave('a', { at: 1 }))).toEqual({ applied: true })
        await storage.close()
      } else {
        expect(await failure(opening)).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: false })
      }
      expect(await redis.exists(`{${prefix}}:item:a`)).toBe(0)
    })
  })
})

describe.skipIf(whyNoRedis)('rights in a cluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await RedisCluster.start(2)
  })
  afterAll(() => cluster?.stop())

  async function openedWith(rights: string) {
    const prefix = await cluster.prefixOn(0, newPrefix)
    for (const node of cluster.nodes) await node.admin((redis) => grant(redis, prefix, rights))
    const client = cluster.client(1, { username: prefix, password: 'secret' })
    const storage = await opened({ client, prefix, openTimeoutMs: 3_000 })
    const close = async () => {
      await storage.close()
      client.disconnect()
    }
    /** All is at the new node then, and the slot not yet its own: the old one sends there. */
    const moveKeys = async () => {
      const slot = await cluster.slotOf(prefix)
      await cluster.beginMove(slot, 0, 1)
      await cluster.moveKeys(0, 1, ...(await cluster.keysOn(0, slot)))
    }
    return { storage, moveKeys, close }
  }

  it('as documented are enough for everything, also while a slot is moving', async () => {
    const { storage, moveKeys, close } = await openedWith(`${RIGHTS} ${IN_CLUSTER}`)
    await commit(storage, leave('a', { at: 1 }))
    const texts: string[] = []
    const channel = channelOf(storage)
    channel.subscribe((text) => texts.push(text))
    await heard(channel, texts, 'hello')
    await moveKeys()
    expect((await storage.read([{ kind: 'item', id: 'a' }])).records[0]?.value).toEqual({ at: 1 })
    expect(await ids(storage, 'times')).toEqual(['a'])
    expect((await storage.count('times', {})).count).toBe(1)
    await close()
  })

  it('without +asking: a moving slot is out of reach, and does no other harm', async () => {
    const { storage, moveKeys, close } = await openedWith(`${RIGHTS} ${IN_CLUSTER.replace('+asking', '')}`.trim())
    await moveKeys()
    expect(await failure(storage.read([]))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    await close()
  })
})
