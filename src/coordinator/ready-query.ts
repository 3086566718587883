import type { TaskRef } from '../engine/engine.js'
import { BoundedMap } from '../internal/bounded-map.js'
import { QUERY_LIMIT } from '../storage/index-range.js'
import type { IndexKey, IndexQuery } from '../storage/storage.js'
import { isReadyIn } from './bare-refs.js'
import type { Entry, NodeContext } from './node-context.js'
import { refOf } from './task-ref.js'

/** How many tenants that have much share what is read at once. */
const TENANTS = 100
/** Read at once of tenants that may have little: several fit. */
const PAGE = 64

/** Asks for a part of the index of ready tasks. */
type Page = (query: IndexQuery) => Promise<TaskRef[]>

/** The beginning of a tenant's ready tasks in a lane. */
interface Queue {
  readonly weight: number
  refs: TaskRef[]
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

  /**
   * At most `limit`, fewer only when there are no more.
   * @param isWanted - of which the records are read too; absent: of all, at once.
   */
  async read(lane: string, limit: number, isWanted?: (ref: TaskRef) => boolean): Promise<readonly TaskRef[]> {
    if (isWanted === undefined) return this.#read(lane, limit, (query) => this.#records(query))
    const refs = await this.#read(lane, limit, (query) => this.#keys(query))
    const wanted = refs.filter((ref) => ref.hint === undefined && isWanted(ref))
    if (wanted.length === 0) return refs
    const ids = wanted.map(({ id }) => id)
    const found = new Map((await this.node.readMany('task', ids)).map((entry) => [entry?.id, entry]))
    return refs.map((ref) => {
      const entry = found.get(ref.id)
      // What was taken meanwhile is handed out without what is known of it, and found out then.
      return isReadyIn(ref.lane, entry) ? { ...ref, hint: entry } : ref
    })
  }

  async #read(lane: string, limit: number, page: Page): Promise<readonly TaskRef[]> {
    // Where nobody tells what becomes ready, every read begins at the beginning.
    const floor = this.node.isHeard ? this.node.floors.get(lane) : undefined
    if (floor !== undefined) {
      const { tenant, rank } = floor
      const refs = await this.#begin([lane, tenant], limit, page, [lane, tenant, rank - 1])
      // Few are all that there is only if nobody has told of another tenant meanwhile.
      if (refs.length === limit || this.node.floors.get(lane)?.tenant === tenant) return refs
    }
    const found = this.node.floors.begin(lane)
    const refs = await this.#begin([lane], limit, page)
    const [first] = refs
    const isAll = refs.length < limit
    const queues = new Map<string, Queue>()
    const isOnlyTenant = isAll
      ? refs.every(({ tenant }) => tenant === first?.tenant)
      : (await this.#look(lane, limit, page, queues)) && queues.size === 1 && queues.has(first?.tenant ?? '')
    found(first, isOnlyTenant)
    if (isAll || isOnlyTenant) return refs
    while (roomIn(queues, limit) > 0) {
      const dense = [...queues].filter(([, queue]) => queue.hasMore)
      if (dense.length === 0) break
      await Promise.all(dense.map(([tenant, queue]) => this.#readMore(lane, tenant, queue, limit, page)))
    }
    const shared = inTurn([...queues.values()], limit)
    const last = shared[shared.length - 1]?.tenant
    // Not even the first round was for all of them.
    const reached = new Set(shared.map(({ tenant }) => tenant))
    if (last !== undefined && reached.size < queues.size) this.#places.set(lane, last)
    return shared
  }

  async #records(query: IndexQuery): Promise<TaskRef[]> {
    return (await this.node.query('task', 'ready', query)).map(refOf)
  }

  async #keys(query: IndexQuery): Promise<TaskRef[]> {
    const { keys, records } = await this.node.queryKeys('ready', query)
    return keys?.map(refOfKey) ?? (records as readonly Entry[]).map(refOf)
  }

  /** The tenants of a lane from its place on, once round at most, until they have `limit` between them. @returns whether these are all. */
  async #look(lane: string, limit: number, read: Page, queues: Map<string, Queue>): Promise<boolean> {
    const rounds = Math.ceil(limit / TENANTS)
    const start = this.#places.get(lane)
    let after: IndexKey | undefined = start === undefined ? undefined : [lane, start]
    /** Those seen before it began again from the first. */
    let seen: ReadonlySet<string> | undefined = start === undefined ? new Set() : undefined
    for (;;) {
      const page = await read({ prefix: [lane], after, limit: PAGE })
      for (const ref of page) {
        if (seen?.has(ref.tenant) === true) return true
        this.#add(queues, ref, rounds)
      }
      const last = page[page.length - 1]
      if (last !== undefined && page.length === PAGE) {
        const { tenant } = last
        const isKnown = queues.get(tenant)?.hasMore === true
        after = isKnown ? [lane, tenant] : keyOf(last)
        const cutShort = isKnown ? 0 : (queues.get(tenant)?.refs.length ?? 0)
        if (roomIn(queues, limit) + cutShort <= 0) {
          // It would look like all that this tenant has: the next read begins with it.
          if (!isKnown) queues.delete(tenant)
          this.#places.set(lane, [...queues.keys()].pop() ?? tenant)
          return false
        }
      } else if (seen !== undefined) return true
      else {
        seen = new Set(queues.keys())
        after = undefined
      }
    }
  }

  #add(queues: Map<string, Queue>, ref: TaskRef, rounds: number): void {
    const { tenant } = ref
    const queue = queues.get(tenant)
    if (queue === undefined) queues.set(tenant, { weight: this.node.weightOf(tenant), refs: [ref], hasMore: false })
    else if (queue.refs.length < Math.ceil(rounds * queue.weight)) queue.refs.push(ref)
    else queue.hasMore = true
  }

  /** Twice as much of a tenant. */
  async #readMore(lane: string, tenant: string, queue: Queue, limit: number, page: Page): Promise<void> {
    const count = Math.min(limit, 2 * queue.refs.length)
    queue.refs = await this.#begin([lane, tenant], count, page)
    queue.hasMore = queue.refs.length === count && count < limit
  }

  /** The first of a range, in the index's order. */
  async #begin(prefix: IndexKey, limit: number, read: Page, from?: IndexKey): Promise<TaskRef[]> {
    const refs: TaskRef[] = []
    for (let after = from; refs.length < limit; ) {
      const count = Math.min(limit - refs.length, QUERY_LIMIT)
      const page = await read({ prefix, after, limit: count })
      refs.push(...page)
      const last = page[page.length - 1]
      if (last === undefined || page.length < count) break
      after = keyOf(last)
    }
    return refs
  }
}

function keyOf({ id, lane, tenant, rank }: TaskRef): IndexKey {
  return [lane, tenant, rank, id]
}

function refOfKey(key: IndexKey): TaskRef {
  const [lane, tenant, rank, id] = key as [string, string, number, string]
  return { id, lane, tenant, rank }
}

/** How many more are wanted. */
function roomIn(queues: ReadonlyMap<string, Queue>, limit: number): number {
  let room = limit
  for (const { refs } of queues.values()) room -= refs.length
  return room
}

/** Round by round: each gives as many as its weight, fractions carried over. */
function inTurn(queues: readonly Queue[], limit: number): TaskRef[] {
  const refs: TaskRef[] = []
  for (let round = 1, left = queues.length; left > 0 && refs.length < limit; round++) {
    left = 0
    for (const queue of queues) {
      refs.push(...queue.refs.slice(Math.floor((round - 1) * queue.weight), Math.floor(round * queue.weight)))
      if (queue.refs.length > Math.floor(round * queue.weight)) left++
    }
  }
  return refs.slice(0, limit)
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
