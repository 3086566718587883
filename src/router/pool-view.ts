import type { Random } from '../internal/random.js'
import type { InstanceLoad } from './instance-load.js'
import type { LanePool } from './lane-pool.js'
import type { LoadScore, Score } from './ranking.js'
import type { Candidate, CandidatePool } from './routing-strategy.js'

/**
 * A pool as strategies see it: it answers questions, and takes note of them. Strategies of others are shown what can only
 * be read. Ours, which change nothing, are shown the instances themselves: of ten thousand none is in the processor's
 * cache, and every object between a decision and its numbers is one more to wait for.
 */
export class PoolView implements CandidatePool {
  readonly #pool: LanePool
  readonly #isOurs: boolean

  /** @param isOurs - whether it is for the strategies of this library. */
  constructor(pool: LanePool, isOurs: boolean) {
    this.#pool = pool
    this.#isOurs = isOurs
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
    return this.#show(load)
  }

  get(instanceId: string): Candidate | undefined {
    const load = this.#pool.get(instanceId)
    if (load === undefined) return undefined
    return this.#show(load)
  }

  lowest(key: string | symbol, score: Score): Candidate | undefined {
    const pool = this.#pool
    const { slots } = pool.ranking(key, this.#scoring(score)).heap
    pool.comparison.ordered(pool, slots)
    const first = slots[0]
    const load = first === undefined ? undefined : pool.ableIn(first)
    return this.#isOurs ? load : load?.view
  }

  narrow(key: string | symbol, rank: Score): CandidatePool {
    const part = this.#pool.narrow(key, rank)
    return this.#isOurs ? part.ourView : part.view
  }

  draw(key: string | symbol, weight: Score, random: Random, except?: Candidate): Candidate | undefined {
    const pool = this.#pool
    const slot = pool.lots(key, this.#scoring(weight)).sums.draw(random, pool.slotOf(except))
    const load = pool.ableIn(slot)
    if (load === undefined) return undefined
    return this.#show(load)
  }

  total(key: string | symbol, weight: Score): number {
    return this.#pool.lots(key, this.#scoring(weight)).sums.total
  }

  isBusy(instanceId: string): boolean {
    return this.#pool.isBusy(instanceId)
  }

  nextInCircle(position: number): { readonly candidate: Candidate; readonly next: number } | undefined {
    const slot = this.#pool.slotInCircle(position)
    const load = this.#pool.ableIn(slot)
    if (load === undefined) return undefined
    return { candidate: this.#show(load), next: slot + 1 }
  }

  #show(load: InstanceLoad): Candidate {
    this.#pool.comparison.asked(load)
    return this.#isOurs ? load : load.view
  }

  #scoring(score: Score): LoadScore {
    return this.#isOurs ? score : ofView(score)
  }
}

const OF_VIEW = new WeakMap<Score, LoadScore>()

/** A score by somebody else's function, which is shown what can only be read. The same for the same function. */
function ofView(score: Score): LoadScore {
  let scoring = OF_VIEW.get(score)
  if (scoring === undefined) {
    scoring = (load) => score(load.view)
    OF_VIEW.set(score, scoring)
  }
  return scoring
}
