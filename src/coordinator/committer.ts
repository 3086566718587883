import { BatutaError, isBatutaError } from '../errors/base-error.js'
import type { Clock } from '../internal/clock.js'
import { soon } from '../internal/soon.js'
import type { SetResult, Storage, WriteSet } from '../storage/storage.js'
import type { EventHub } from './event-hub.js'
import { Pauses } from './pauses.js'
import type { StorageTime } from './storage-time.js'

/** One commit carries at most this many sets and about this many bytes. */
const MAX_SETS = 512
const MAX_BYTES = 4 * 1024 * 1024
/** Of a full commit, this many places are for new tasks if any wait, so that a backlog can't keep them out. */
const SETS_FOR_NEW = 128
/** Sets that may wait before `submit` is held back. */
const MAX_WAITING = 8_192
/** The event loop is not kept from anything else for longer. */
const MAX_HOLD_MS = 5
const FIRST_PAUSE_MS = 25
const LONGEST_PAUSE_MS = 1_000

/** How a set is to be committed. */
export interface CommitOptions {
  /** How long to go on while the storage is away. Default: for ever. */
  readonly waitMs?: number | undefined
  /** Goes before what waits: for heartbeats. */
  readonly isUrgent?: boolean | undefined
  /** About how large the set is. */
  readonly bytes?: number | undefined
}

interface Waiting {
  /** Absent until it is made. */
  set: WriteSet | undefined
  readonly make: (() => WriteSet) | undefined
  readonly bytes: number
  readonly giveUpAt: number
  readonly resolve: (result: SetResult) => void
  readonly reject: (error: unknown) => void
  /** It was sent, and nobody knows whether it was applied. */
  isUnknown: boolean
}

/**
 * Group commit: collects the sets of a moment and sends them as one `commit`, one in flight at a time. The only place that
 * resends, always the identical sets. Two sets that touch one record never travel together: the later one waits.
 */
export class Committer {
  #queue: Waiting[] = []
  /** Sets that are made when they are sent, behind the others. */
  #unmade: Waiting[] = []
  #isSending = false
  #isScheduled = false
  #isStopped = false
  #isAway = false
  #pauseMs = FIRST_PAUSE_MS
  #roomWaiters: (() => void)[] = []
  readonly #pauses: Pauses
  readonly #defer: (fn: () => void) => void
  #yieldedAt: number

  constructor(
    private readonly storage: Storage,
    private readonly clock: Clock,
    private readonly time: StorageTime,
    private readonly events: EventHub,
  ) {
    this.#pauses = new Pauses(clock)
    this.#defer = (fn) => (clock.defer === undefined ? void clock.setTimer(fn, 0) : clock.defer(fn))
    this.#yieldedAt = clock.monotonic()
  }

  /** Whether the storage answered the last commit. */
  get isHealthy(): boolean {
    return !this.#isAway
  }

  /** Resolves when there is room for another set of a new task. */
  room(): Promise<void> | undefined {
    if (this.#waitingSets < MAX_WAITING) return undefined
    return new Promise((resolve) => this.#roomWaiters.push(resolve))
  }

  /**
   * @returns what became of the set.
   * @throws STORAGE_UNAVAILABLE when it was certainly not applied, STORAGE_OUTCOME_UNKNOWN when nobody can say: only
   * after `waitMs`, or after {@link stop}.
   */
  commit(set: WriteSet, options: CommitOptions = {}): Promise<SetResult> {
    return this.#add(set, undefined, options)
  }

  /**
   * For new tasks: as {@link commit}, but the set is made, once, at the moment when it is first sent, after the changes
   * that wait. By then slots may have become free that a task can be given at once. What `make` throws is thrown here.
   */
  commitLate(make: () => WriteSet, options: CommitOptions = {}): Promise<SetResult> {
    return this.#add(undefined, make, options)
  }

  #add(set: WriteSet | undefined, make: (() => WriteSet) | undefined, options: CommitOptions): Promise<SetResult> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        set,
        make,
        bytes: options.bytes ?? 512,
        giveUpAt: options.waitMs === undefined ? Number.POSITIVE_INFINITY : this.clock.monotonic() + options.waitMs,
        resolve,
        reject,
        isUnknown: false,
      }
      if (this.#isStopped) return this.#giveUp(waiting, undefined)
      if (set === undefined) this.#unmade.push(waiting)
      else if (options.isUrgent === true) this.#queue.unshift(waiting)
      else this.#queue.push(waiting)
      this.#scheduleSend()
    })
  }

  /** Sends nothing more; what waits is given up. */
  stop(): void {
    this.#isStopped = true
    this.#pauses.endAll()
    for (const waiting of [...this.#queue.splice(0), ...this.#unmade.splice(0)]) this.#giveUp(waiting, undefined)
    for (const wake of this.#roomWaiters.splice(0)) wake()
  }

  get #waitingSets(): number {
    return this.#queue.length + this.#unmade.length
  }

  #scheduleSend(): void {
    if (this.#isScheduled || this.#isSending) return
    this.#isScheduled = true
    const send = () => {
      this.#isScheduled = false
      void this.#send()
    }
    // What is durable costs a disk write or a round trip per commit: wait until all that is under way has joined. Memory
    // costs neither, but must let timers and sockets have their turn.
    const isDue = this.storage.durable || this.clock.monotonic() - this.#yieldedAt > MAX_HOLD_MS
    if (!isDue) {
      soon(send)
      return
    }
    this.#defer(() => {
      this.#yieldedAt = this.clock.monotonic()
      send()
    })
  }

  async #send(): Promise<void> {
    if (this.#isSending || this.#isStopped || this.#waitingSets === 0) return
    this.#isSending = true
    const batch = this.#takeBatch()
    try {
      const answer = await this.storage.commit(batch.map((waiting) => waiting.set as WriteSet))
      this.time.observe(answer.now)
      this.#recovered()
      for (let i = 0; i < batch.length; i++) {
        const result = answer.results[i]
        if (result !== undefined) (batch[i] as Waiting).resolve(result)
      }
    } catch (error) {
      await this.#failed(batch, error)
    }
    this.#isSending = false
    if (this.#waitingSets > 0) this.#scheduleSend()
    if (this.#waitingSets < MAX_WAITING / 2) for (const wake of this.#roomWaiters.splice(0)) wake()
  }

  /** The next sets, without two that touch one record where one of them writes it. */
  #takeBatch(): Waiting[] {
    const batch: Waiting[] = []
    const touched: Touched = new Map()
    const kept = Math.min(this.#unmade.length, SETS_FOR_NEW)
    const rest = this.#take(this.#queue, MAX_SETS - kept, batch, touched)
    this.#queue = rest
    // One that is made and held back waits in front of those that are not.
    this.#unmade = this.#take(this.#unmade, MAX_SETS, batch, touched)
    return batch
  }

  /** Moves sets from a queue to the batch until it has `limit`; answers what stays in the queue. */
  #take(queue: Waiting[], limit: number, batch: Waiting[], touched: Touched): Waiting[] {
    const heldBack: Waiting[] = []
    let bytes = batch.reduce((sum, waiting) => sum + waiting.bytes, 0)
    let i = 0
    for (; i < queue.length && batch.length < limit && bytes < MAX_BYTES; i++) {
      const waiting = queue[i] as Waiting
      const set = setOf(waiting)
      if (set === undefined) continue
      // A set that is held back still marks its records, so that no later one overtakes it.
      if (touch(touched, set)) {
        batch.push(waiting)
        bytes += waiting.bytes
      } else {
        heldBack.push(waiting)
      }
    }
    if (i === queue.length) return heldBack
    // A long queue is not copied unless sets were held back.
    queue.splice(0, i)
    return heldBack.length === 0 ? queue : heldBack.concat(queue)
  }

  async #failed(batch: Waiting[], error: unknown): Promise<void> {
    const isUnknown = isBatutaError(error, 'STORAGE_OUTCOME_UNKNOWN')
    if (!isUnknown && !isBatutaError(error, 'STORAGE_UNAVAILABLE')) {
      await this.#oneByOne(batch, error)
      return
    }
    this.#away(error)
    const now = this.clock.monotonic()
    const keep: Waiting[] = []
    for (const waiting of batch) {
      waiting.isUnknown ||= isUnknown
      if (this.#isStopped || now + this.#pauseMs > waiting.giveUpAt) this.#giveUp(waiting, error)
      else keep.push(waiting)
    }
    this.#queue = keep.concat(this.#queue)
    if (this.#isStopped) return
    await this.#pauses.wait(this.#pauseMs)
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS)
    if (this.#isStopped) this.stop()
  }

  /** An error that is neither "away" nor "unknown" may be one set's fault: the others must not suffer for it. */
  async #oneByOne(batch: Waiting[], error: unknown): Promise<void> {
    if (batch.length === 1) {
      batch[0]?.reject(error)
      return
    }
    const again: Waiting[] = []
    for (const waiting of batch) {
      try {
        const answer = await this.storage.commit([waiting.set as WriteSet])
        this.time.observe(answer.now)
        const result = answer.results[0]
        if (result !== undefined) waiting.resolve(result)
      } catch (own) {
        if (isBatutaError(own, 'STORAGE_UNAVAILABLE') || isBatutaError(own, 'STORAGE_OUTCOME_UNKNOWN')) {
          waiting.isUnknown ||= isBatutaError(own, 'STORAGE_OUTCOME_UNKNOWN')
          again.push(waiting)
        } else {
          waiting.reject(own)
        }
      }
    }
    // In front: behind them wait sets that were held back because they touch the same records.
    this.#queue = again.concat(this.#queue)
    if (this.#isStopped) this.stop()
  }

  #giveUp(waiting: Waiting, cause: unknown): void {
    const data = { storage: this.storage.name }
    waiting.reject(
      waiting.isUnknown
        ? new BatutaError('STORAGE_OUTCOME_UNKNOWN', 'The storage went away before it said whether it wrote.', {
            data,
            cause,
          })
        : new BatutaError('STORAGE_UNAVAILABLE', 'The storage can not be reached; nothing was written.', {
            data,
            cause,
            fix: 'Try again later.',
          }),
    )
  }

  #away(error: unknown): void {
    if (this.#isAway) return
    this.#isAway = true
    this.events.emit('storage:unavailable', { storage: this.storage.name, error })
  }

  #recovered(): void {
    if (!this.#isAway) return
    this.#isAway = false
    this.#pauseMs = FIRST_PAUSE_MS
    this.events.emit('storage:recovered', { storage: this.storage.name })
  }
}

/** By kind and id: whether a set of this commit writes the record. */
type Touched = Map<string, Map<string, boolean>>

/** Its set, made now if need be; `undefined` when it can't be made, which its caller has been told. */
function setOf(waiting: Waiting): WriteSet | undefined {
  if (waiting.set === undefined) {
    try {
      waiting.set = waiting.make?.()
    } catch (error) {
      waiting.reject(error)
    }
  }
  return waiting.set
}

/** Marks a set's records as touched; `false` when one of them may not be shared with what was marked before. */
function touch(touched: Touched, set: WriteSet): boolean {
  let isFree = true
  for (const write of set.writes) {
    const isWritten = write.leave !== undefined
    let ids = touched.get(write.kind)
    if (ids === undefined) {
      ids = new Map()
      touched.set(write.kind, ids)
    }
    const earlier = ids.get(write.id)
    if (earlier === undefined) ids.set(write.id, isWritten)
    else {
      if (earlier || isWritten) isFree = false
      if (isWritten) ids.set(write.id, true)
    }
  }
  return isFree
}
