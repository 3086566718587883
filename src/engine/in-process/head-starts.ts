import { BoundedMap } from '../../internal/bounded-map.js'
import type { Clock } from '../../internal/clock.js'
import type { TaskRef } from '../engine.js'

/** How long a task is left to the node before us in its order, and again to each before that one, at the least. */
export const HEAD_START_MS = 20
/** And at the most. */
export const MAX_HEAD_START_MS = 100
/** What reads and claims took, as moving averages: so much of each new one. Reads are fewer than claims. */
const READ_SHARE = 1 / 8
const CLAIM_SHARE = 1 / 32
/** Nearly none takes longer than so many times the average, also where one waits for the other's lock. */
const SPREAD = 4
/** After this every node has seen a task: it is not passed over any more than the head of a lane is long. */
const OLD_MS = 1_000
/** Sightings that are kept: of the heads of many lanes. */
const MAX_SIGHTINGS = 10_000
/** What storage has not shown for so long has been taken, or is seen anew. */
const KEPT_MS = 60_000
/** For one that comes, so many of the oldest are looked at: more go than come. */
const LOOKED_AT = 2

interface Sighting {
  readonly since: number
  /** It was made ready here: the others hear of it later. */
  readonly isOurs: boolean
  /** When the last read began that showed it. */
  shownAt: number
  /** When that read was answered: a slow storage makes it no older. */
  knownAt: number
  /** When it was handed out here; `undefined` before that, and when it was put back. */
  takenAt?: number | undefined
}

/**
 * Which references this node may take now while others over the same storage could take them too. Those that it comes first
 * for, at once; those that it has just made ready itself, for a moment, since the others learn of them later; any other,
 * when those before it had their time and storage still shows it: then they are busy, or away. What storage has not shown for
 * a while may be tried, one for each read: a slot that is free only for a moment would never wait for the read.
 *
 * A head start lasts until what its owner took of it is seen to be gone: as long as a read, by which the owner finds it, and a
 * claim take. Both are measured here; the others' are taken to be alike. All times are monotonic milliseconds.
 */
export class HeadStarts {
  readonly #sightings = new BoundedMap<string, Sighting>(MAX_SIGHTINGS)
  #readMs = 0
  #claimMs = 0

  /** @param newsMs - how long it takes until the others have heard of what was made ready here. */
  constructor(
    private readonly clock: Clock,
    private readonly newsMs: number,
  ) {}

  /** How long one lasts. */
  get ms(): number {
    return Math.min(MAX_HEAD_START_MS, Math.max(HEAD_START_MS, SPREAD * (this.#readMs + this.#claimMs)))
  }

  /** A read that began then was answered. */
  read(beganAt: number): void {
    this.#readMs += READ_SHARE * (this.#sinceMs(beganAt) - this.#readMs)
  }

  /** It is handed out, to be claimed. */
  taken(ref: TaskRef): void {
    const sighting = this.#sightings.get(ref.id)
    if (sighting !== undefined) sighting.takenAt = this.clock.monotonic()
  }

  /** The claim of what was handed out was answered. */
  claimed({ id }: TaskRef): void {
    const sighting = this.#sightings.get(id)
    if (sighting?.takenAt === undefined) return
    this.#claimMs += CLAIM_SHARE * (this.#sinceMs(sighting.takenAt) - this.#claimMs)
    sighting.takenAt = undefined
  }

  /** No claim came of it. */
  putBack({ id }: TaskRef): void {
    const sighting = this.#sightings.get(id)
    if (sighting !== undefined) sighting.takenAt = undefined
  }

  /** It was made ready here. */
  offered(ref: TaskRef): void {
    if (this.#sightings.get(ref.id) === undefined) this.#note(ref, true)
  }

  /** A read that began then showed it to be ready. */
  shown(ref: TaskRef, beganAt: number): void {
    const sighting = this.#sightings.get(ref.id) ?? this.#note(ref, false, beganAt)
    sighting.shownAt = beganAt
    sighting.knownAt = this.clock.monotonic()
  }

  /**
   * How near it is to this node: 0 is its own, then those left by as many others; `undefined` while it is theirs.
   * @param place - how many come before this node.
   * @param isTry - also what may be gone by now: its own, and of others' what is old.
   */
  distance(ref: TaskRef, place: number, isTry = false): number | undefined {
    const { since, isOurs, shownAt, knownAt } = this.#sightings.get(ref.id) ?? this.#note(ref, false)
    const now = this.clock.monotonic()
    const age = now - since
    const isShown = now - knownAt < this.ms
    // Not heard of yet: who sees it in a poll leaves it to the node that comes first.
    if (isOurs && age < this.newsMs && (isShown || place === 0)) return 0
    if (age < this.ms) return place === 0 ? 0 : undefined
    // The others may take it by now: what storage has not shown for a while may be gone.
    if (place === 0) return isShown || (isTry && age >= this.newsMs) ? 0 : undefined
    const isLeft = isShown ? shownAt - since >= place * this.ms : isTry && age > OLD_MS
    return isLeft ? place : undefined
  }

  /** Whether every node has had the time to see it. */
  isOld(ref: TaskRef): boolean {
    const { since } = this.#sightings.get(ref.id) ?? this.#note(ref, false)
    return this.clock.monotonic() - since > OLD_MS
  }

  /** In how long a look at storage can make it ours. */
  waitMs(ref: TaskRef, place: number): number {
    const { since } = this.#sightings.get(ref.id) ?? this.#note(ref, false)
    return Math.max(0, since + place * this.ms - this.clock.monotonic())
  }

  /** Tasks that it remembers. */
  get size(): number {
    return this.#sightings.size
  }

  clear(): void {
    this.#sightings.clear()
  }

  /** An outage says nothing of how quick the others are when it is over. */
  #sinceMs(at: number): number {
    return Math.min(MAX_HEAD_START_MS, this.clock.monotonic() - at)
  }

  #note({ id }: TaskRef, isOurs: boolean, at = this.clock.monotonic()): Sighting {
    this.#forget(at)
    const sighting = { since: at, isOurs, shownAt: at, knownAt: at }
    this.#sightings.set(id, sighting)
    return sighting
  }

  /** Forgets what is not shown any more; one that still waits goes to the end, out of the others' way. */
  #forget(now: number): void {
    for (let i = 0; i < LOOKED_AT; i++) {
      const [id, sighting] = this.#sightings.oldest ?? []
      if (id === undefined || sighting === undefined || now - sighting.since < KEPT_MS) return
      if (now - sighting.knownAt < KEPT_MS) this.#sightings.set(id, sighting)
      else this.#sightings.delete(id)
    }
  }
}
