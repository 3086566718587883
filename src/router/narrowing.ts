import type { InstanceLoad } from './instance-load.js'
import type { LanePool } from './lane-pool.js'
import type { Score } from './ranking.js'
import { makeRoom } from './slot-indexes.js'

/** Somebody in the pool that is narrowed, and the causes for which that pool leaves it out. */
export interface Seat {
  readonly load: InstanceLoad
  readonly bars: number
}

/** The ranks that strategies asked a pool for: the 8 used last. */
export class Narrowings {
  readonly #byKey = new Map<string | symbol, Narrowing>()
  readonly #makePool: (id: string) => LanePool
  #questions = 0

  constructor(makePool: (id: string) => LanePool) {
    this.#makePool = makePool
  }

  /** The part with the lowest rank in which somebody can take work. @param everybody - of the pool that is narrowed. */
  first(key: string | symbol, rank: Score, everybody: () => Iterable<Seat>): LanePool | undefined {
    let narrowing = this.#byKey.get(key)
    if (narrowing === undefined) {
      narrowing = new Narrowing(String(key), this.#makePool)
      makeRoom(this.#byKey)
      this.#byKey.set(key, narrowing)
      for (const { load, bars } of everybody()) narrowing.join(load, bars)
    }
    narrowing.usedAt = ++this.#questions
    return narrowing.first(rank)
  }

  join(load: InstanceLoad, bars: number): void {
    for (const narrowing of this.#byKey.values()) narrowing.join(load, bars)
  }

  leave(load: InstanceLoad): void {
    for (const narrowing of this.#byKey.values()) narrowing.leave(load)
  }

  bar(load: InstanceLoad, bars: number): void {
    for (const narrowing of this.#byKey.values()) narrowing.bar(load, bars)
  }
}

/** A pool's members parted by a rank, each part a pool of its own. The parts watch their members themselves. */
class Narrowing {
  /** When it was last asked, in questions to its pool. */
  usedAt = 0
  /** Lowest rank first. */
  readonly #parts: { readonly rank: number; readonly pool: LanePool }[] = []
  readonly #seats = new Map<InstanceLoad, LanePool>()
  /** Members that have no seat yet, and for what causes they are left out. */
  readonly #waiting = new Map<InstanceLoad, number>()
  readonly #name: string
  readonly #makePool: (id: string) => LanePool

  constructor(name: string, makePool: (id: string) => LanePool) {
    this.#name = name
    this.#makePool = makePool
  }

  join(load: InstanceLoad, bars: number): void {
    this.#waiting.set(load, bars)
  }

  leave(load: InstanceLoad): void {
    this.#waiting.delete(load)
    const pool = this.#seats.get(load)
    if (pool === undefined) return
    this.#seats.delete(load)
    pool.leave(load)
    if (pool.members > 0) return
    const at = this.#parts.findIndex((part) => part.pool === pool)
    this.#parts.splice(at, 1)
  }

  bar(load: InstanceLoad, bars: number): void {
    if (this.#waiting.has(load)) this.#waiting.set(load, bars)
    else this.#seats.get(load)?.setBars(load, bars)
  }

  /** The part with the lowest rank in which somebody can take work. */
  first(rank: Score): LanePool | undefined {
    if (this.#waiting.size > 0) for (const [load, bars] of this.#waiting) this.#seat(load, bars, rank(load.view))
    for (const { pool } of this.#parts) if (pool.size > 0) return pool
    return undefined
  }

  #seat(load: InstanceLoad, bars: number, rank: number): void {
    const at = this.#parts.findIndex((part) => part.rank >= rank)
    const found = this.#parts[at]
    const pool = found?.rank === rank ? found.pool : this.#makePool(`${this.#name}=${rank}`)
    if (found?.rank !== rank) this.#parts.splice(at === -1 ? this.#parts.length : at, 0, { rank, pool })
    pool.join(load)
    pool.setBars(load, bars)
    this.#seats.set(load, pool)
    this.#waiting.delete(load)
  }
}
