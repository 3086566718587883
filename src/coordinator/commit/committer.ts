import { BatutaError, isBatutaError } from '../../errors/base-error.js'
import { type Clock, defer } from '../../internal/clock.js'
import { soon } from '../../internal/soon.js'
import type { SetResult, Storage, WriteSet } from '../../storage/storage.js'
import type { EventHub } from '../event-hub.js'
import { type Answer, CommitQueue, type Waiting } from './commit-queue.js'
import { Pauses } from './pauses.js'
import { Room } from './room.js'
import { Share } from './share.js'
import { sizeOfSet } from './size-of-set.js'
import type { StorageTime } from './storage-time.js'

/** Sets that may wait before `submit` is held back. */
const MAX_WAITING = 8_192
/** The event loop is not kept from anything else for longer. */
const MAX_HOLD_MS = 5
const FIRST_PAUSE_MS = 25
/** So short that a storage that is back is found so before a beat is late: an outage of half a lease is survived. */
const LONGEST_PAUSE_MS = 250
/** Between two tries of a set whose record somebody else holds. */
const LONGEST_BUSY_PAUSE_MS = 250

/** About how large a set is that nobody measured, in bytes. */
const SMALL_SET = 512

/** How a set is to be committed. */
export interface CommitOptions {
  /** How long to go on while the storage is away. Default: for ever. */
  readonly waitMs?: number | undefined
  /** Goes before what waits: for heartbeats. */
  readonly isUrgent?: boolean | undefined
  /** About how large the set is. */
  readonly bytes?: number | undefined
}

/**
 * Group commit: collects the sets of a moment and sends them as one `commit`, one in flight at a time. The only place that
 * resends, always the identical sets. Two sets that touch one record never travel together: the later one waits.
 */
export class Committer {
  readonly #queue = new CommitQueue()
  #isSending = false
  #isScheduled = false
  /** Sets that wait for somebody else to let go of a record. */
  #aside = 0
  #isStopped = false
  #isAway = false
  #pauseMs = FIRST_PAUSE_MS
  /** How much of a full commit is sent at once. */
  readonly #share = new Share()
  readonly #room = new Room()
  readonly #pauses: Pauses
  #yieldedAt: number

  constructor(
    private readonly storage: Storage,
    private readonly clock: Clock,
    private readonly time: StorageTime,
    private readonly events: EventHub,
  ) {
    this.#pauses = new Pauses(clock)
    this.#yieldedAt = clock.monotonic()
  }

  /** Whether the storage answered the last commit. */
  get isHealthy(): boolean {
    return !this.#isAway
  }

  /**
   * Resolves when there is room for another set of a new task.
   * @throws STORAGE_UNAVAILABLE after `waitMs`, if the storage is away then: one that is merely slow is waited for.
   */
  room(waitMs = Number.POSITIVE_INFINITY): Promise<void> | undefined {
    if (this.#queue.size + this.#aside < MAX_WAITING) return undefined
    return this.#room.wait(this.clock.monotonic() + waitMs)
  }

  /**
   * @returns what became of the set.
   * @throws STORAGE_UNAVAILABLE when it was certainly not applied, STORAGE_OUTCOME_UNKNOWN when nobody can say: only
   * after `waitMs`, or after {@link stop}.
   */
  commit(set: WriteSet, options: CommitOptions = {}): Promise<Answer> {
    return this.#add(set, undefined, options)
  }

  /**
   * For new tasks: as {@link commit}, but the set is made, once, at the moment when it is first sent, after the changes
   * that wait. By then slots may have become free that a task can be given at once. What `make` throws is thrown here.
   */
  commitLate(make: () => WriteSet, options: CommitOptions = {}): Promise<Answer> {
    return this.#add(undefined, make, options)
  }

  #add(set: WriteSet | undefined, make: (() => WriteSet) | undefined, options: CommitOptions): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        set,
        make,
        bytes: options.bytes ?? (set === undefined || !this.storage.durable ? SMALL_SET : sizeOfSet(set)),
        giveUpAt: options.waitMs === undefined ? Number.POSITIVE_INFINITY : this.clock.monotonic() + options.waitMs,
        resolve,
        reject,
        isUnknown: false,
        timesBusy: 0,
      }
      if (this.#isStopped) return this.#giveUp(waiting, undefined)
      if (options.isUrgent === true) this.#queue.putFirst(waiting)
      else this.#queue.push(waiting)
      this.#scheduleSend()
    })
  }

  /** Sends nothing more; what waits is given up. */
  stop(): void {
    this.#isStopped = true
    this.#pauses.endAll()
    for (const waiting of this.#queue.takeAll()) this.#giveUp(waiting, undefined)
    this.#room.wakeAll()
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
    defer(this.clock, () => {
      this.#yieldedAt = this.clock.monotonic()
      send()
    })
  }

  async #send(): Promise<void> {
    if (this.#isSending || this.#isStopped || this.#queue.size === 0) return
    this.#isSending = true
    const batch = this.#queue.takeBatch(this.#share.value)
    try {
      const answer = await this.storage.commit(batch.map((waiting) => waiting.set as WriteSet))
      this.time.observe(answer.now)
      this.#share.answered(batch, this.clock.monotonic())
      this.#recovered()
      for (let i = 0; i < batch.length; i++) {
        const result = answer.results[i]
        if (result !== undefined) this.#answered(batch[i] as Waiting, result)
      }
    } catch (error) {
      await this.#failed(batch, error)
    }
    this.#isSending = false
    if (this.#queue.size > 0) this.#scheduleSend()
    if (this.#queue.size + this.#aside < MAX_WAITING / 2) this.#room.wakeAll()
  }

  #answered(waiting: Waiting, result: SetResult): void {
    if (result.applied || result.reason !== 'busy') waiting.resolve(result)
    else void this.#putAside(waiting)
  }

  /** Only this set waits, and whatever else is sent meanwhile goes before it: its guards say whether it still holds then. */
  async #putAside(waiting: Waiting): Promise<void> {
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** waiting.timesBusy++, LONGEST_BUSY_PAUSE_MS)
    if (this.clock.monotonic() + pauseMs > waiting.giveUpAt) {
      this.#giveUp(waiting, undefined, 'holds a record of it for an unfinished transaction')
      return
    }
    this.#aside++
    await this.#pauses.wait(pauseMs)
    this.#aside--
    this.#queue.putInFront([waiting])
    if (this.#isStopped) this.stop()
    else this.#scheduleSend()
  }

  async #failed(batch: Waiting[], error: unknown): Promise<void> {
    const isUnknown = isBatutaError(error, 'STORAGE_OUTCOME_UNKNOWN')
    if (!isUnknown && !isWorthResending(error)) {
      // The store was migrated by a newer version, or takes nothing from this user: nothing that is sent from here will be taken.
      if (isBatutaError(error, 'STORAGE_NEWER') || isBatutaError(error, 'STORAGE_UNAVAILABLE')) this.#away(error)
      // It may be the fault of one set: the others must not suffer for it, nor wait for long.
      if (batch.length > 1) this.#queue.split(batch)
      else this.#refuse(batch[0], error)
      if (this.#isStopped) this.stop()
      return
    }
    this.#away(error)
    const now = this.clock.monotonic()
    // Too much to be done in time, perhaps: the same sets go in smaller commits until one is answered.
    this.#share.failed(batch, now)
    // A pause is cut short for a last try before a set is given up, but not to less than this.
    const leastMs = Math.max(FIRST_PAUSE_MS, this.#pauseMs / 4)
    let pauseMs = this.#pauseMs
    const keep: Waiting[] = []
    for (const waiting of batch) {
      waiting.isUnknown ||= isUnknown
      const leftMs = waiting.giveUpAt - now
      if (this.#isStopped || leftMs < leastMs) {
        this.#giveUp(waiting, error)
      } else {
        keep.push(waiting)
        pauseMs = Math.min(pauseMs, leftMs)
      }
    }
    this.#queue.rejoin(keep)
    // Those behind have waited as long.
    for (const waiting of this.#queue.takeSpent(now)) this.#giveUp(waiting, error)
    this.#room.giveUp(now, () => this.unavailable(error))
    if (this.#isStopped) return
    await this.#pauses.wait(pauseMs)
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS)
    if (this.#isStopped) this.stop()
  }

  /** It will not be sent again. What became of an earlier sending nobody may know all the same. */
  #refuse(waiting: Waiting | undefined, error: unknown): void {
    if (waiting?.isUnknown) this.#giveUp(waiting, error)
    else waiting?.reject(error)
  }

  #giveUp(waiting: Waiting, cause: unknown, why?: string): void {
    waiting.reject(
      waiting.isUnknown
        ? new BatutaError('STORAGE_OUTCOME_UNKNOWN', 'The storage went away before it said whether it wrote.', {
            data: { storage: this.storage.name },
            cause,
          })
        : this.unavailable(cause, why),
    )
  }

  /** What a call is refused with when it has waited long enough. */
  unavailable(cause?: unknown, why = 'can not be reached'): BatutaError<'STORAGE_UNAVAILABLE'> {
    return new BatutaError('STORAGE_UNAVAILABLE', `The storage ${why}; nothing was written.`, {
      data: { storage: this.storage.name },
      cause,
      fix: 'Try again later.',
    })
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

/** Whether it says that the storage is away, and not that it will never take this. */
function isWorthResending(error: unknown): boolean {
  return isBatutaError(error, 'STORAGE_UNAVAILABLE') && error.retryable
}
