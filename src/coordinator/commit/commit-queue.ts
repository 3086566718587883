import type { SetResult, WriteSet } from '../../storage/storage.js'

/** One commit carries at most this many sets. */
export const MAX_SETS = 512
/** And about this many bytes. */
export const MAX_BYTES = 4 * 1024 * 1024
/** Of a full commit, this many places are for new tasks if any wait, so that a backlog can't keep them out. */
const SETS_FOR_NEW = 128

/** What became of a set in the end. */
export type Answer = Exclude<SetResult, { readonly reason: 'busy' }>

/** A set that waits for its commit. */
export interface Waiting {
  /** Absent until it is made. */
  set: WriteSet | undefined
  readonly make: (() => WriteSet) | undefined
  readonly bytes: number
  readonly giveUpAt: number
  readonly resolve: (result: Answer) => void
  readonly reject: (error: unknown) => void
  /** It was sent, and nobody knows whether it was applied. */
  isUnknown: boolean
  /** How often one of its records was held by somebody else. */
  timesBusy: number
}

/** By kind and id: whether a set of this commit writes the record. */
type Touched = Map<string, Map<string, boolean>>

/** The sets that wait, in their order: those that are made already go first. */
export class CommitQueue {
  /** They wait for nothing but the commit that is under way. */
  #urgent: Waiting[] = []
  /** Parts of a commit that was refused, each to be sent by itself. */
  #parts: Waiting[][] = []
  #made: Waiting[] = []
  /** To be made when they are sent. */
  #unmade: Waiting[] = []

  get size(): number {
    const whole = this.#urgent.length + this.#made.length + this.#unmade.length
    return this.#parts.reduce((sum, part) => sum + part.length, whole)
  }

  push(waiting: Waiting): void {
    if (waiting.set === undefined) this.#unmade.push(waiting)
    else this.#made.push(waiting)
  }

  /** Puts sets before all others but urgent ones. */
  putInFront(sets: readonly Waiting[]): void {
    if (sets.length > 0) this.#made = sets.concat(this.#made)
  }

  /** Puts a set before all others. */
  putFirst(waiting: Waiting): void {
    this.#urgent.unshift(waiting)
  }

  /** Some set of this commit will not be taken: it goes in two, and these again, until that one is alone. */
  split(batch: readonly Waiting[]): void {
    const half = Math.ceil(batch.length / 2)
    this.#parts.unshift(batch.slice(0, half), batch.slice(half))
  }

  /** Makes one queue of these, what was split, and all others. */
  rejoin(sets: readonly Waiting[]): void {
    this.#made = sets.concat(...this.#parts.splice(0), this.#made)
  }

  /** Empties it. */
  takeAll(): Waiting[] {
    this.rejoin(this.#urgent.splice(0))
    return [...this.#made.splice(0), ...this.#unmade.splice(0)]
  }

  /** Takes out those that may wait no longer. */
  takeSpent(now: number): Waiting[] {
    const spent = [...this.#made, ...this.#unmade].filter(({ giveUpAt }) => giveUpAt <= now)
    if (spent.length > 0) {
      const gone = new Set(spent)
      this.#made = this.#made.filter((waiting) => !gone.has(waiting))
      this.#unmade = this.#unmade.filter((waiting) => !gone.has(waiting))
    }
    return spent
  }

  /**
   * The next sets, without two that touch one record where one of them writes it.
   * @param share - of a full commit, at least one set.
   */
  takeBatch(share: number): Waiting[] {
    const batch: Waiting[] = []
    const touched: Touched = new Map()
    const sets = Math.max(1, Math.floor(MAX_SETS * share))
    const bytes = MAX_BYTES * share
    this.#urgent = take(this.#urgent, { sets, bytes }, batch, touched)
    if (this.#parts.length > 0) return batch.length > 0 ? batch : (this.#parts.shift() as Waiting[])
    const kept = Math.min(this.#unmade.length, Math.floor(SETS_FOR_NEW * share))
    this.#made = take(this.#made, { sets: sets - kept, bytes }, batch, touched)
    // One that is made and held back waits in front of those that are not.
    this.#unmade = take(this.#unmade, { sets, bytes }, batch, touched)
    return batch
  }
}

/** Moves sets from a queue to the batch until it is full; answers what stays in the queue. */
function take(
  queue: Waiting[],
  most: { readonly sets: number; readonly bytes: number },
  batch: Waiting[],
  touched: Touched,
): Waiting[] {
  const heldBack: Waiting[] = []
  let bytes = batch.reduce((sum, waiting) => sum + waiting.bytes, 0)
  let i = 0
  for (; i < queue.length && batch.length < most.sets && bytes < most.bytes; i++) {
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
