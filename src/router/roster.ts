import { ByAgent } from './by-agent.js'
import type { Healer } from './healer.js'
import { SlowStart } from './health/slow-start.js'
import { InstanceLoad, type InstanceOptions } from './instance-load.js'
import { LanePool } from './lane-pool.js'

/** How often success rates are brought up to date, in milliseconds. */
const RECOVER_EVERY_MS = 1_000

/** Every agent instance of a node, and the pools of its lanes. Who is a member of which pool, the caller decides. */
export class Roster implements Healer {
  readonly #instances = new Map<string, InstanceLoad>()
  readonly #byAgent = new ByAgent()
  readonly #pools = new Map<string, LanePool>()
  /** Instances whose success rate is below 1. */
  readonly #recovering = new Set<InstanceLoad>()
  readonly slowStart: SlowStart
  /** Of no pool more than the other part may be unhealthy, or it is in a panic. 0: none ever is. */
  panicBelow = 0
  /** Told when a pool gets into a panic or out of it. */
  onPanic: (pool: LanePool) => void = () => undefined
  #recoveredAt = Number.NEGATIVE_INFINITY
  #sequence = 0

  /** @param slowStartMs - how long it takes until new and recovered instances have their full weight. Default 0: at once. */
  constructor(slowStartMs = 0) {
    this.slowStart = new SlowStart(slowStartMs)
  }

  /** Adds an instance; its id must be new on this node. */
  add(options: InstanceOptions): InstanceLoad {
    if (this.#instances.has(options.instanceId)) throw new RangeError(`Instance ${options.instanceId} is here already.`)
    const load = new InstanceLoad(options, (rated) => this.#recovering.add(rated))
    this.#instances.set(load.instanceId, load)
    this.#byAgent.add(load)
    return load
  }

  /**
   * Takes an instance out, and out of every pool.
   * @param lanes - those in whose pools it is, when the caller knows.
   */
  remove(load: InstanceLoad, lanes: Iterable<string> = this.#pools.keys()): void {
    if (!this.#instances.delete(load.instanceId)) return
    this.#byAgent.delete(load)
    this.#recovering.delete(load)
    this.slowStart.forget(load)
    for (const lane of lanes) this.#pools.get(lane)?.leave(load)
  }

  get(instanceId: string): InstanceLoad | undefined {
    return this.#instances.get(instanceId)
  }

  /** The instances of an agent. */
  ofAgent(agentId: string): readonly InstanceLoad[] {
    return this.#byAgent.of(agentId)
  }

  instances(): IterableIterator<InstanceLoad> {
    return this.#instances.values()
  }

  /** Whether it is one of these, and not gone. */
  has(load: InstanceLoad): boolean {
    return this.#instances.get(load.instanceId) === load
  }

  get size(): number {
    return this.#instances.size
  }

  /** The pool of a lane; it is made, without members, when there is none. */
  pool(lane: string): LanePool {
    let pool = this.#pools.get(lane)
    if (pool === undefined) {
      pool = new LanePool(lane, this)
      this.#pools.set(lane, pool)
    }
    return pool
  }

  pools(): IterableIterator<LanePool> {
    return this.#pools.values()
  }

  /** Forgets a lane's pool. */
  dropPool(lane: string): void {
    this.#pools.delete(lane)
  }

  /** The number of the next assignment: give it to `assign`. */
  nextSequence(): number {
    return ++this.#sequence
  }

  /** Whether time has anything to heal: only then is it worth reading a clock. */
  get recovering(): boolean {
    return this.#recovering.size > 0 || this.slowStart.size > 0
  }

  /**
   * Lets success rates recover and weights grow; at most once a second, however often it is called.
   * @param now - monotonic milliseconds.
   */
  recover(now: number): void {
    if (now - this.#recoveredAt < RECOVER_EVERY_MS) return
    this.#recoveredAt = now
    for (const load of this.#recovering) if (load.recover(now)) this.#recovering.delete(load)
    this.slowStart.recover(now)
  }

  panicked(pool: LanePool): void {
    this.onPanic(pool)
  }
}
