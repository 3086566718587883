import type { Heap } from '../../internal/heap.js'
import type { TaskRef } from '../engine.js'

/** How many of the lowest ranks are read again at each poll, so that an urgent task submitted elsewhere is seen. */
export const HEAD = 64
/** The same while several nodes share a lane: each finds enough of its own in it. Of what is old it passes over {@link HEAD} at most. */
export const SHARED_HEAD = 256

/** A queue that came from storage in order is nearly sorted: up to this size sorting it is several times quicker than a walk. */
const SORTED_WHOLE = 4 * SHARED_HEAD

/** Which of two goes first. */
export const ranksBefore = (a: TaskRef, b: TaskRef) => a.rank < b.rank || (a.rank === b.rank && a.id < b.id)

/** A reference that may be taken, and how many lower ranks that passes over. */
export interface Nearest {
  readonly ref: TaskRef
  readonly distance: number
  readonly passed: number
}

/**
 * The lowest ranks of one tenant in a lane, in order, and how far this node has looked through them for its own. What it passes
 * over stays others' until storage is read again, so it is passed over once, not by each task that is taken: a head is
 * dropped with every read.
 */
export class LaneHead {
  readonly #refs: TaskRef[] = []
  readonly #queue: Heap<TaskRef>
  /** Those before it are others'. */
  #at = 0
  /** How many of them are old. */
  #old = 0
  /** Nor have others left any lying. */
  #isBare = false

  constructor(queue: Heap<TaskRef>) {
    this.#queue = queue
    this.#fill()
  }

  get refs(): readonly TaskRef[] {
    return this.#refs
  }

  /** The lowest rank of this node's own. */
  own(isOwn: (ref: TaskRef) => boolean, isOld: (ref: TaskRef) => boolean): Nearest | undefined {
    const found = this.#lookOn(isOwn, isOld)
    const isShort = this.#refs.length < Math.min(SHARED_HEAD, this.#queue.size)
    if (found !== undefined || !isShort || this.#old >= HEAD) return found
    this.#fill()
    return this.#lookOn(isOwn, isOld)
  }

  /** Of what others left lying, the nearest: the furthest back, since its owner begins at the front; but what is old, first. */
  leftLying(distanceOf: (ref: TaskRef) => number | undefined, isOld: (ref: TaskRef) => boolean): Nearest | undefined {
    let nearest: Nearest | undefined
    let old = this.#isBare ? HEAD : 0
    for (let at = 0; at < this.#refs.length && old < HEAD; at++) {
      const ref = this.#refs[at] as TaskRef
      const distance = distanceOf(ref)
      const isNearer = distance !== undefined && distance < (nearest?.distance ?? Number.POSITIVE_INFINITY)
      const isFurtherBack = nearest !== undefined && distance === nearest.distance && !isOld(nearest.ref)
      if (distance !== undefined && (isNearer || isFurtherBack)) nearest = { ref, distance, passed: at }
      if (isOld(ref)) old++
    }
    this.#isBare = nearest === undefined
    return nearest
  }

  /** It is handed out. */
  take({ passed }: Nearest): void {
    this.#refs.splice(passed, 1)
    if (passed < this.#at) this.#lookAnew()
  }

  /** One more is in the queue. */
  add(ref: TaskRef): void {
    const refs = this.#refs
    const last = refs[refs.length - 1]
    const isWhole = refs.length === this.#queue.size - 1
    if (!isWhole && (last === undefined || ranksBefore(last, ref))) return
    let at = refs.length
    while (at > 0 && ranksBefore(ref, refs[at - 1] as TaskRef)) at--
    refs.splice(at, 0, ref)
    if (refs.length > SHARED_HEAD) refs.pop()
    if (at < this.#at) this.#lookAnew()
  }

  #lookOn(isOwn: (ref: TaskRef) => boolean, isOld: (ref: TaskRef) => boolean): Nearest | undefined {
    for (; this.#at < this.#refs.length && this.#old < HEAD; this.#at++) {
      const ref = this.#refs[this.#at] as TaskRef
      if (isOwn(ref)) return { ref, distance: 0, passed: this.#at }
      if (isOld(ref)) this.#old++
    }
    return undefined
  }

  #lookAnew(): void {
    this.#at = 0
    this.#old = 0
    this.#isBare = false
  }

  #fill(): void {
    const refs = this.#refs
    refs.length = 0
    if (this.#queue.size <= SORTED_WHOLE) {
      refs.push(...this.#queue.values())
      refs.sort((a, b) => (ranksBefore(a, b) ? -1 : 1))
      refs.length = Math.min(refs.length, SHARED_HEAD)
    } else for (const ref of this.#queue.inOrder()) if (refs.push(ref) === SHARED_HEAD) break
    this.#lookAnew()
  }
}
