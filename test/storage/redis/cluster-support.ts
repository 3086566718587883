import { Cluster, type Redis } from 'ioredis'
import type { RedisServer } from '../../support/redis-server.js'
import { eventually } from '../asking.js'
import { started } from './support.js'

const SLOTS = 16_384
const SETTINGS = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']

/** A cluster of our own, all of its nodes on this machine. */
export class RedisCluster {
  readonly nodes: readonly RedisServer[]

  private constructor(nodes: readonly RedisServer[]) {
    this.nodes = nodes
  }

  /** @param count - how many nodes, all of them primaries; the slots are spread over them. */
  static async start(count: number, ...settings: string[]): Promise<RedisCluster> {
    const nodes: RedisServer[] = []
    while (nodes.length < count) nodes.push(await started(...SETTINGS, ...settings))
    const cluster = new RedisCluster(nodes)
    for (const [i, node] of nodes.entries()) {
      await node.admin(async (redis) => {
        const slots = Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => slot % count === i)
        while (slots.length > 0) await redis.cluster('ADDSLOTS', ...slots.splice(0, 4_096))
        if (i > 0) await redis.cluster('MEET', '127.0.0.1', cluster.at(0).port)
      })
    }
    for (const node of nodes) await node.admin(isWhole)
    return cluster
  }

  at(node: number): RedisServer {
    return this.nodes[node] as RedisServer
  }

  /** A client that knows of one node at first. */
  client(firstNode = 0, redisOptions: { username?: string; password?: string } = {}): Cluster {
    const cluster = new Cluster([{ host: '127.0.0.1', port: this.at(firstNode).port }], { redisOptions })
    cluster.on('error', () => undefined)
    return cluster
  }

  /** A prefix whose slot lies on this node. */
  async prefixOn(node: number, newPrefix: () => string): Promise<string> {
    for (;;) {
      const prefix = newPrefix()
      if ((await this.slotOf(prefix)) % this.nodes.length === node) return prefix
    }
  }

  async slotOf(prefix: string): Promise<number> {
    return this.at(0).admin(async (redis) => Number(await redis.cluster('KEYSLOT', `{${prefix}}:meta`)))
  }

  /** Begins to move a slot: from now on each of its keys may be on either node. */
  async beginMove(slot: number, from: number, to: number): Promise<void> {
    const [source, target] = [await this.#id(from), await this.#id(to)]
    await this.at(to).admin((redis) => redis.cluster('SETSLOT', slot, 'IMPORTING', source))
    await this.at(from).admin((redis) => redis.cluster('SETSLOT', slot, 'MIGRATING', target))
  }

  /** Moves some keys of a slot, as `redis-cli --cluster reshard` does. */
  async moveKeys(from: number, to: number, ...keys: string[]): Promise<void> {
    if (keys.length === 0) return
    const { port } = this.at(to)
    await this.at(from).admin((redis) => redis.call('MIGRATE', '127.0.0.1', port, '', 0, 5_000, 'KEYS', ...keys))
  }

  /** Moves the rest of a slot's keys, so many at a time, and the slot with them. */
  async endMove(slot: number, from: number, to: number, atOnce = 100): Promise<void> {
    await this.at(from).admin(async (redis) => {
      for (;;) {
        const keys = await keysOf(redis, slot, atOnce)
        if (keys.length === 0) return
        await this.moveKeys(from, to, ...keys)
      }
    })
    const target = await this.#id(to)
    const others = this.nodes.flatMap((_, node) => (node === to || node === from ? [] : [node]))
    for (const node of [to, from, ...others]) {
      await this.at(node).admin((redis) => redis.cluster('SETSLOT', slot, 'NODE', target))
    }
  }

  /** The keys of a slot that are on this node. */
  async keysOn(node: number, slot: number): Promise<string[]> {
    return (await this.at(node).admin((redis) => keysOf(redis, slot, 10_000))).sort()
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) await node.stop()
  }

  #id(node: number): Promise<string> {
    return this.at(node).admin(async (redis) => String(await redis.cluster('MYID')))
  }
}

async function isWhole(redis: Redis): Promise<void> {
  await eventually(
    () => redis.cluster('INFO'),
    (info) => /cluster_state:ok/.test(String(info)) && /cluster_slots_assigned:16384/.test(String(info)),
  )
}

async function keysOf(redis: Redis, slot: number, limit: number): Promise<string[]> {
  return (await redis.cluster('GETKEYSINSLOT', slot, limit)) as string[]
}
