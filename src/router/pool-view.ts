import type { Random } from '../internal/random.js'
import type { LanePool } from './lane-pool.js'
import type { Score } from './ranking.js'
import type { Candidate, CandidatePool } from './routing-strategy.js'

/** A pool as strategies see it: it answers questions, and takes note of them. */
export class PoolView implements CandidatePool {
  readonly #pool: LanePool

  constructor(pool: LanePool) {
    this.#pool = pool
    Object.freeze(this)
  }

  /** Everybody in the pool behind a view, for contexts. */
  static listOf(view: CandidatePool): readonly Candidate[] {
    if (!(#pool in view)) throw new TypeError('Not a pool of the router.')
    const pool = view.#pool
    for (let i = 0; i < 16; i++) view.at(i)
    return pool.list
  }

  get id(): string {
    return this.#pool.id
  }

  get size(): number {
    return this.#pool.size
  }

  get circle(): number {
    return this.#pool.circle
  }

  at(index: number): Candidate | undefined {
    const load = this.#pool.at(index)
    if (load === undefined) return undefined
    this.#pool.comparison.asked(load)
    return load.view
  }

  get(instanceId: string): Candidate | undefined {
    const load = this.#pool.get(instanceId)
    if (load === undefined) return undefined
    this.#pool.comparison.asked(load)
    return load.view
  }

  lowest(key: string | symbol, score: Score): Candidate | undefined {
    const pool = this.#pool
    const { slots } = pool.ranking(key, score).heap
    pool.comparison.ordered(pool, slots)
    const first = slots[0]
    return first === undefined ? undefined : pool.ableIn(first)?.view
  }

  narrow(key: string | symbol, rank: Score): CandidatePool {
    return this.#pool.narrow(key, rank).view
  }

  draw(key: string | symbol, weight: Score, random: Random, except?: Candidate): Candidate | undefined {
    const pool = this.#pool
    const slot = pool.lots(key, weight).sums.draw(random, pool.slotOf(except))
    const load = pool.ableIn(slot)
    if (load === undefined) return undefined
    pool.comparison.asked(load)
    return load.view
  }

  total(key: string | symbol, weight: Score): number {
    return this.#pool.lots(key, weight).sums.total
  }

  isBusy(instanceId: string): boolean {
    return this.#pool.isBusy(instanceId)
  }

  nextInCircle(position: number): { readonly candidate: Candidate; readonly next: number } | undefined {
    const slot = this.#pool.slotInCircle(position)
    const load = this.#pool.ableIn(slot)
    if (load === undefined) return undefined
    this.#pool.comparison.asked(load)
    return { candidate: load.view, next: slot + 1 }
  }
}
