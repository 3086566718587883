import type { Bus } from '../bus/bus.js'
import { isBatutaError } from '../errors/base-error.js'
import type { Clock } from '../internal/clock.js'
import { createIdFactory } from '../internal/id.js'
import { KeyedChain } from '../internal/keyed-chain.js'
import type { Logger } from '../internal/logger.js'
import type { Random } from '../internal/random.js'
import type { Kind, ValueByKind } from '../storage/records.js'
import type { IndexQuery, QueryAnswer, Storage, StorageAnswer } from '../storage/storage.js'
import { notRunning } from './callers/not-running.js'
import { Committer } from './commit/committer.js'
import { Pauses } from './commit/pauses.js'
import { StorageTime } from './commit/storage-time.js'
import type { EventHub } from './event-hub.js'
import { QueueBounds } from './limits/queue-bounds.js'
import { busOf } from './nodes/bus-of.js'
import { LaneFloors } from './nodes/lane-floors.js'
import { Peers } from './nodes/peers.js'
import type { CoordinatorSettings } from './options/coordinator-settings.js'

/** A record with its typed value. */
export interface Entry<K extends Kind = 'task'> {
  readonly id: string
  readonly version: string
  readonly value: ValueByKind[K]
}

/** How long after its first sending a set may still be applied: copies that come later are refused. */
const LATEST_MS = 60_000

/** How long a call waits before it asks a storage again that is away, at first and at most. */
const FIRST_PAUSE_MS = 25
const LONGEST_PAUSE_MS = 1_000

/**
 * What every part of a coordinator shares: clock, storage, committer, events, settings. One per node; the owner id
 * changes when the node was declared dead and starts again.
 */
export class NodeContext {
  readonly time: StorageTime
  readonly committer: Committer
  readonly bus: Bus
  /** Whether the other owners are on the bus too: else what they do is found by polling only. */
  readonly isHeard: boolean
  /** The other owners, as far as this one has seen. */
  readonly peers: Peers
  /** Where the lanes begin, as far as it knows. */
  readonly floors: LaneFloors
  /** How often this owner's agents have changed: told with every beat, so that the others know when to look. */
  agentChanges = 0
  /** Absent: any number of tasks may wait. */
  readonly bounds: QueueBounds | undefined
  readonly newId: () => string
  /** Keeps this node's own submits to one turn from refusing each other. */
  readonly chain = new KeyedChain()
  #ownerId: string
  #writes = 0
  readonly #leastWeight: number
  #isStopped = false
  readonly #pauses: Pauses

  constructor(
    readonly settings: CoordinatorSettings,
    readonly storage: Storage,
    readonly clock: Clock,
    readonly random: Random,
    readonly events: EventHub,
    readonly log: Logger,
    bus?: Bus,
  ) {
    this.newId = createIdFactory(clock, random)
    this.time = new StorageTime(clock)
    this.#pauses = new Pauses(clock)
    this.bounds = settings.maxPending && new QueueBounds(settings.maxPending, storage, clock)
    this.committer = new Committer(storage, clock, this.time, events)
    this.#ownerId = this.newId()
    this.peers = new Peers(this)
    this.bus = bus ?? busOf(this)
    this.isHeard = bus !== undefined || storage.channel !== undefined
    this.floors = new LaneFloors(clock, settings.pollMs, settings.maxLanes)
    this.#leastWeight = Math.min(1, ...settings.tenantWeights.values())
  }

  /** How many tasks of a tenant start for one of another: the least weight of all counts as 1. */
  weightOf(tenant: string): number {
    return (this.settings.tenantWeights.get(tenant) ?? 1) / this.#leastWeight
  }

  /** Who holds the claims made here. */
  get ownerId(): string {
    return this.#ownerId
  }

  /** Begins a new life after this owner was declared dead. */
  renewOwner(): void {
    this.#ownerId = this.newId()
    this.#writes = 0
  }

  /** A version that nobody has used or will use. */
  newVersion(): string {
    return `${this.#ownerId}.${(this.#writes++).toString(36)}`
  }

  /** A claim or settle token: as unique as a version. */
  newToken(): string {
    return this.newVersion()
  }

  /** The `notAfter` of an operation that begins now. */
  latest(): number {
    return this.time.now() + LATEST_MS
  }

  async read<K extends Kind>(kind: K, id: string, waitMs?: number): Promise<Entry<K> | undefined> {
    const [entry] = await this.readMany(kind, [id], waitMs)
    return entry
  }

  async readMany<K extends Kind>(kind: K, ids: readonly string[], waitMs?: number): Promise<(Entry<K> | undefined)[]> {
    return this.readKeys(
      ids.map((id) => ({ kind, id })),
      waitMs,
    )
  }

  /** Records of any kinds, in the order of the keys. Waits for a storage that is away, `waitMs` at most. */
  async readKeys<K extends Kind>(
    keys: readonly { readonly kind: K; readonly id: string }[],
    waitMs?: number,
  ): Promise<(Entry<K> | undefined)[]> {
    const answer = await this.#patiently(() => this.storage.read(keys), waitMs)
    return answer.records as (Entry<K> | undefined)[]
  }

  async query<K extends Kind>(
    _kind: K,
    index: string,
    query: IndexQuery,
    waitMs?: number,
  ): Promise<readonly Entry<K>[]> {
    const answer = await this.#patiently(() => this.storage.query(index, query), waitMs)
    return answer.records as readonly Entry<K>[]
  }

  /** The keys of a range, or the records where the storage has no other way. */
  async queryKeys(index: string, query: IndexQuery): Promise<QueryAnswer> {
    return this.#patiently(() => this.storage.query(index, { ...query, keysOnly: true }))
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  /** Waits on this node's clock, or until it stops. */
  pause(ms: number): Promise<void> {
    return this.#pauses.wait(ms)
  }

  /** Waits on this node's clock. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimer(resolve, ms))
  }

  /** From now on nothing waits for a storage that is away. */
  stop(): void {
    this.#isStopped = true
    this.committer.stop()
    this.#pauses.endAll()
  }

  /** Asks a storage that is away again, for `waitMs` at most (for ever when absent). */
  async #patiently<A extends StorageAnswer>(ask: () => Promise<A>, waitMs = Number.POSITIVE_INFINITY): Promise<A> {
    const giveUpAt = this.clock.monotonic() + waitMs
    let pauseMs = FIRST_PAUSE_MS
    for (;;) {
      try {
        const answer = await ask()
        this.time.observe(answer.now)
        return answer
      } catch (error) {
        const isAway = isBatutaError(error, 'STORAGE_UNAVAILABLE')
        if (!isAway || this.#isStopped || this.clock.monotonic() + pauseMs > giveUpAt) throw error
      }
      await this.#pauses.wait(pauseMs)
      if (this.#isStopped) throw notRunning('stopped')
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
    }
  }
}
