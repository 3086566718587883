import { BoundedMap } from '../internal/bounded-map.js'
import { QUERY_LIMIT } from '../storage/index-range.js'
import type { IndexKey } from '../storage/storage.js'
import type { Entry, NodeContext } from './node-context.js'

/** How many tenants that have much share what is read at once. */
const TENANTS = 100
/** Read at once of tenants that may have little: several fit. */
const PAGE = 64

/** The beginning of a tenant's ready tasks in a lane. */
interface Queue {
  readonly weight: number
  entries: Entry[]
  hasMore: boolean
}

/**
 * Reads what is ready in a lane: in rank order, tenants in turn by their weights, so that each has as many rounds as the others
 * while it has any. A lane may have more tenants than can be looked at at once: the next read begins after the last of them.
 */
export class ReadyReader {
  /** The tenant after which the next read of a lane begins. */
  readonly #places: BoundedMap<string, string>

  constructor(private readonly node: NodeContext) {
    this.#places = new BoundedMap(node.settings.maxLanes)
  }

  /** At most `limit`, fewer only when there are no more. */
  async read(lane: string, limit: number): Promise<readonly Entry[]> {
    const first = await this.#begin([lane], limit)
    if (first.length < limit) return first
    const queues = await this.#look(lane, limit)
    if (queues.size === 1 && queues.has(first[0]?.value.tenant ?? '')) return first
    while (roomIn(queues, limit) > 0) {
      const dense = [...queues].filter(([, queue]) => queue.hasMore)
      if (dense.length === 0) break
      await Promise.all(dense.map(([tenant, queue]) => this.#readMore(lane, tenant, queue, limit)))
    }
    const entries = inTurn([...queues.values()], limit)
    const last = entries[entries.length - 1]?.value.tenant
    // Not even the first round was for all of them.
    const reached = new Set(entries.map(({ value }) => value.tenant))
    if (last !== undefined && reached.size < queues.size) this.#places.set(lane, last)
    return entries
  }

  /** The tenants of a lane from its place on, once round at most, until they have `limit` between them. */
  async #look(lane: string, limit: number): Promise<Map<string, Queue>> {
    const queues = new Map<string, Queue>()
    const rounds = Math.ceil(limit / TENANTS)
    const start = this.#places.get(lane)
    let after: IndexKey | undefined = start === undefined ? undefined : [lane, start]
    /** Those seen before it began again from the first. */
    let seen: ReadonlySet<string> | undefined = start === undefined ? new Set() : undefined
    for (;;) {
      const page = await this.node.query('task', 'ready', { prefix: [lane], after, limit: PAGE })
      for (const entry of page) {
        if (seen?.has(entry.value.tenant) === true) return queues
        this.#add(queues, entry, rounds)
      }
      const last = page[page.length - 1]
      if (last !== undefined && page.length === PAGE) {
        const { tenant } = last.value
        const isKnown = queues.get(tenant)?.hasMore === true
        after = isKnown ? [lane, tenant] : keyOf(last)
        const cutShort = isKnown ? 0 : (queues.get(tenant)?.entries.length ?? 0)
        if (roomIn(queues, limit) + cutShort <= 0) {
          // It would look like all that this tenant has: the next read begins with it.
          if (!isKnown) queues.delete(tenant)
          this.#places.set(lane, [...queues.keys()].pop() ?? tenant)
          return queues
        }
      } else if (seen !== undefined) return queues
      else {
        seen = new Set(queues.keys())
        after = undefined
      }
    }
  }

  #add(queues: Map<string, Queue>, entry: Entry, rounds: number): void {
    const { tenant } = entry.value
    const queue = queues.get(tenant)
    if (queue === undefined)
      queues.set(tenant, { weight: this.node.weightOf(tenant), entries: [entry], hasMore: false })
    else if (queue.entries.length < Math.ceil(rounds * queue.weight)) queue.entries.push(entry)
    else queue.hasMore = true
  }

  /** Twice as much of a tenant. */
  async #readMore(lane: string, tenant: string, queue: Queue, limit: number): Promise<void> {
    const count = Math.min(limit, 2 * queue.entries.length)
    queue.entries = await this.#begin([lane, tenant], count)
    queue.hasMore = queue.entries.length === count && count < limit
  }

  /** The first of a range, in the index's order. */
  async #begin(prefix: IndexKey, limit: number): Promise<Entry[]> {
    const entries: Entry[] = []
    for (let after: IndexKey | undefined; entries.length < limit; ) {
      const count = Math.min(limit - entries.length, QUERY_LIMIT)
      const page = await this.node.query('task', 'ready', { prefix, after, limit: count })
      entries.push(...page)
      const last = page[page.length - 1]
      if (last === undefined || page.length < count) break
      after = keyOf(last)
    }
    return entries
  }
}

function keyOf({ id, value: { lane, tenant, rank } }: Entry): IndexKey {
  return [lane, tenant, rank, id]
}

/** How many more are wanted. */
function roomIn(queues: ReadonlyMap<string, Queue>, limit: number): number {
  let room = limit
  for (const { entries } of queues.values()) room -= entries.length
  return room
}

/** Round by round: each gives as many as its weight, fractions carried over. */
function inTurn(queues: readonly Queue[], limit: number): Entry[] {
  const entries: Entry[] = []
  for (let round = 1, left = queues.length; left > 0 && entries.length < limit; round++) {
    left = 0
    for (const queue of queues) {
      entries.push(...queue.entries.slice(Math.floor((round - 1) * queue.weight), Math.floor(round * queue.weight)))
      if (queue.entries.length > Math.floor(round * queue.weight)) left++
    }
  }
  return entries.slice(0, limit)
}

/** The lanes that have something ready in storage, found by seeking past each. */
export async function lanesInStorage(node: NodeContext, limit: number): Promise<string[]> {
  const lanes: string[] = []
  for (let after: readonly string[] | undefined; lanes.length < limit; ) {
    const [next] = await node.query('task', 'ready', { after, limit: 1 }, 0)
    if (next === undefined) break
    lanes.push(next.value.lane)
    after = [next.value.lane]
  }
  return lanes
}
