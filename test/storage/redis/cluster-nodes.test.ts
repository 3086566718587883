import { createOrchestrator, defineAgent, defineTask, type Orchestrator, staticSchema } from 'batuta'
import type { Cluster } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { redisStorage } from '../../../src/storage/redis/index.js'
import { whyNoRedis } from '../../support/redis-server.js'
import { commit, failure, ids, leave } from '../asking.js'
import { channelOf, heard } from '../channel-cases.js'
import { RedisCluster } from './cluster-support.js'
import { listenersOf, newPrefix, opened } from './support.js'

const work = defineTask('work', { input: staticSchema<{ n: number }>(), output: staticSchema<number>() })

let cluster: RedisCluster
const clients: Cluster[] = []
const apps: Orchestrator[] = []

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function client(firstNode: number): Cluster {
  const one = cluster.client(firstNode)
  clients.push(one)
  return one
}

async function node(name: string, prefix: string, firstNode: number) {
  const handled: number[] = []
  const agent = defineAgent(name, {
    maxConcurrentTasks: 10,
    handlers: [
      work.handler(async ({ n }) => {
        await pause(20)
        handled.push(n)
        return n
      }),
    ],
  })
  const storage = redisStorage({ client: client(firstNode), prefix, onWarning: () => undefined })
  const app = await createOrchestrator({ agents: [agent], storage })
  apps.push(app)
  return { app, handled }
}

describe.skipIf(whyNoRedis)('a cluster of three primaries', () => {
  beforeAll(async () => {
    cluster = await RedisCluster.start(3)
  })
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.shutdown({ graceMs: 0 })))
    for (const one of clients.splice(0)) one.disconnect()
  })
  afterAll(() => cluster?.stop())

  it.each([0, 1, 2])('is entered by its first node, and used where the slot lies: node %i', async (home) => {
    const prefix = await cluster.prefixOn(home, newPrefix)
    const slot = await cluster.slotOf(prefix)
    const storage = await opened({ client: client(0), prefix })
    await commit(storage, leave('a', { at: 1 }))
    expect(await cluster.keysOn(home, slot)).toContain(`{${prefix}}:item:a`)
    const texts: string[] = []
    const channel = channelOf(storage)
    channel.subscribe((text) => texts.push(text))
    await heard(channel, texts, 'hello')
    await storage.close()
  })

  it('has a listener that keeps its connection as long as that answers', async () => {
    const storage = await opened({ client: client(0), commandTimeoutMs: 300 })
    const texts: string[] = []
    const channel = channelOf(storage)
    channel.subscribe((text) => texts.push(text))
    await heard(channel, texts, 'first')
    const before = await listenersOf(...cluster.nodes)
    expect(before).toHaveLength(1)
    await pause(2_000)
    expect(await listenersOf(...cluster.nodes)).toEqual(before)
    await heard(channel, texts, 'last')
    await storage.close()
  })

  it('has moved a slot that its client still looks for where it was', async () => {
    const prefix = await cluster.prefixOn(1, newPrefix)
    const slot = await cluster.slotOf(prefix)
    const storage = await opened({ client: client(0), prefix })
    const first = leave('a', { at: 1 })
    await commit(storage, first)
    await cluster.beginMove(slot, 1, 2)
    await cluster.endMove(slot, 1, 2)
    // The scripts are not known there yet.
    expect(await commit(storage, leave('a', { at: 2 }, first.leave?.version))).toEqual({ applied: true })
    expect(await ids(storage, 'times')).toEqual(['a'])
    expect((await storage.count('times', {})).count).toBe(1)
    expect(await cluster.keysOn(2, slot)).toContain(`{${prefix}}:item:a`)
    await storage.close()
  })

  it('does every task while their slot is moved under them, key by key, to and fro', async () => {
    const prefix = await cluster.prefixOn(1, newPrefix)
    const slot = await cluster.slotOf(prefix)
    const [a, b] = [await node('ana', prefix, 0), await node('beto', prefix, 2)]
    const moving = (async () => {
      for (const [from, to] of [
        [1, 2],
        [2, 0],
        [0, 1],
      ] as const) {
        await cluster.beginMove(slot, from, to)
        // Some indexes are ahead of all that they lead to.
        await cluster.moveKeys(from, to, ...['ready', 'held', 'ended'].map((name) => `{${prefix}}:index:${name}`))
        await pause(200)
        await cluster.endMove(slot, from, to, 20)
        await pause(300)
      }
    })()
    const results: Promise<number>[] = []
    for (let n = 0; n < 400; n++) {
      const { app } = n % 2 === 0 ? a : b
      results.push(app.submit(work, { n }, { idempotencyKey: `n${n}` }).then((handle) => handle.result()))
      await pause(5)
    }
    await moving
    const all = Array.from({ length: 400 }, (_, n) => n)
    expect(await Promise.all(results)).toEqual(all)
    // A move that takes longer than half a lease costs its owner what it runs, and another runs that again.
    expect([...new Set([...a.handled, ...b.handled])].sort((x, y) => x - y)).toEqual(all)
  }, 60_000)
})

describe.skipIf(whyNoRedis)('a cluster with a password', () => {
  it('is used as its client uses it, and says at once that the password is wrong', async () => {
    const guarded = await RedisCluster.start(1)
    await guarded.at(0).admin((redis) => redis.config('SET', 'requirepass', 'secret'))
    const right = guarded.client(0, { password: 'secret' })
    const storage = await opened({ client: right })
    expect(await commit(storage, leave('a', { at: 1 }))).toEqual({ applied: true })
    const texts: string[] = []
    const channel = channelOf(storage)
    channel.subscribe((text) => texts.push(text))
    await heard(channel, texts, 'hello')
    await storage.close()
    right.disconnect()
    const wrong = guarded.client(0, { password: 'wrong' })
    expect(await failure(opened({ client: wrong }))).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: false })
    wrong.disconnect()
    await guarded.stop()
  })
})
