import { BoundedMap } from '../../internal/bounded-map.js'
import { fnv1a } from '../../internal/hash.js'
import { builtIn, viewOf } from '../built-in.js'
import type { Candidate, CandidatePool, RoutingStrategy } from '../routing-strategy.js'
import { checkNames, invalidOption } from './around.js'
import { shareOf } from './load-score.js'
import { entriesOf, isNumbers } from './snapshot-state.js'

/** Options of {@link weightedRoundRobin}. */
export interface WeightedRoundRobinOptions {
  /**
   * Weights by agent id (1 for those it does not name), or a function that gives a candidate's. Above 0. Default: the
   * number of its slots. Multiplied by the candidate's `weight`, so that a slow start counts here too.
   */
  readonly weights?: Readonly<Record<string, number>> | ((candidate: Candidate) => number) | undefined
}

/** Pools whose turns are remembered: as many as lanes may exist. */
const MAX_POOLS = 1_024

/**
 * Everybody in turn, in proportion to weights: earliest deadline first (as in Envoy). An instance's next turn is due `1 /
 * weight` after its last one, in virtual time, which is the due time of the last turn given. Its first one is due after a
 * part of that, another part for each instance, so that turns of heavy agents are spread among the others and those of
 * equals do not come in bursts. While membership stands, everybody has its exact share of each round (of as many turns as
 * whole weights sum to). Who comes new starts at the present virtual time, who was away or full does not catch up, and
 * when a weight changes the time left to the next turn changes in proportion. Blind to speed and failures.
 * @throws OPTIONS_INVALID for weights that are not above 0.
 */
export function weightedRoundRobin(options: WeightedRoundRobinOptions = {}): RoutingStrategy {
  checkNames('weighted_round_robin', options, 'weights')
  const weightOf = weigher(options.weights)
  const pools = new BoundedMap<string, Turns>(MAX_POOLS)
  return builtIn({
    name: 'weighted_round_robin',
    select({ pool }) {
      let turns = pools.get(pool.id)
      if (turns === undefined) {
        turns = new Turns(weightOf)
        pools.set(pool.id, turns)
      }
      return turns.next(pool)
    },
    snapshot: () => Object.fromEntries([...pools].map(([id, turns]) => [id, turns.snapshot()])),
    restore(state) {
      const restored = entriesOf('weighted_round_robin', state, isTurnsState)
      pools.clear()
      for (const [id, turns] of restored) pools.set(id, new Turns(weightOf, turns))
    },
  })
}

interface TurnsState {
  readonly now: number
  /** When the next turn is due, and the weight by which that was reckoned, by instance id. */
  readonly due: Readonly<Record<string, readonly number[]>>
}

/** The turns of one pool. */
class Turns {
  /** A key of its own: the order that a pool keeps for it must not outlive it. */
  readonly #key = Symbol('weighted_round_robin')
  readonly #weightOf: (candidate: Candidate) => number
  /** Where each instance's numbers stand in the lists: numbers in a list lie side by side, in objects each on its own. */
  readonly #places = new Map<string, number>()
  readonly #ids: (string | undefined)[] = []
  readonly #due: number[] = []
  readonly #weights: number[] = []
  readonly #free: number[] = []
  /** Saves most searches for an id, which is as far from the processor as everything else of an instance. */
  readonly #known = new WeakMap<Candidate, number>()
  #now = 0

  constructor(weightOf: (candidate: Candidate) => number, state?: TurnsState) {
    this.#weightOf = weightOf
    if (state === undefined) return
    this.#now = state.now
    for (const [id, [due = 0, weight = 1]] of Object.entries(state.due)) this.#add(id, due, weight)
  }

  next(pool: CandidatePool): Candidate | undefined {
    const first = pool.lowest(this.#key, this.#dueOf)
    const place = first && this.#placeOf(first)
    if (place === undefined) return undefined
    this.#now = this.#due[place] as number
    this.#due[place] = this.#now + 1 / (this.#weights[place] as number)
    this.#forget(2 * pool.circle + 64)
    return first
  }

  snapshot(): TurnsState {
    const due = Object.fromEntries(
      [...this.#places].map(([id, place]) => [id, [this.#due[place] as number, this.#weights[place] as number]]),
    )
    return { now: this.#now, due }
  }

  readonly #dueOf = (candidate: Candidate): number => {
    const weight = this.#weightOf(candidate)
    const place = this.#placeOf(candidate)
    if (place === undefined) {
      const due = this.#now + phaseOf(candidate.instanceId) / weight
      this.#add(candidate.instanceId, due, weight)
      return due
    }
    let due = this.#due[place] as number
    const before = this.#weights[place] as number
    if (before !== weight) {
      due = this.#now + (Math.max(0, due - this.#now) * before) / weight
      this.#weights[place] = weight
    }
    // Only for those who were away are turns overdue.
    due = Math.max(due, this.#now)
    this.#due[place] = due
    return due
  }

  #placeOf(candidate: Candidate): number | undefined {
    let place = this.#known.get(candidate)
    if (place !== undefined && this.#ids[place] === candidate.instanceId) return place
    place = this.#places.get(candidate.instanceId)
    if (place !== undefined) this.#known.set(candidate, place)
    return place
  }

  #add(id: string, due: number, weight: number): void {
    const place = this.#free.pop() ?? this.#due.length
    this.#places.set(id, place)
    this.#ids[place] = id
    this.#due[place] = due
    this.#weights[place] = weight
  }

  /** Forgets instances that have left: those whose turn is overdue say nothing any more; then the oldest. */
  #forget(limit: number): void {
    const places = this.#places
    if (places.size <= limit) return
    const drop = (id: string, place: number) => {
      places.delete(id)
      this.#ids[place] = undefined
      this.#free.push(place)
    }
    for (const [id, place] of places) if ((this.#due[place] as number) < this.#now) drop(id, place)
    for (const [id, place] of places) {
      if (places.size <= limit) return
      drop(id, place)
    }
  }
}

/**
 * Which part of a turn's time an instance waits for its first one, in (0, 1]. Were it the same for all, the turns of equal
 * agents would fall due together, and those of a heavy one in a burst between. By its id: whoever asks first, and in
 * whatever order, it comes out the same.
 */
function phaseOf(instanceId: string): number {
  return ((Math.imul(fnv1a(instanceId), 0x9e3779b9) >>> 0) + 1) / 2 ** 32
}

function weigher(weights: WeightedRoundRobinOptions['weights']): (candidate: Candidate) => number {
  if (weights === undefined) return shareOf
  if (typeof weights === 'function')
    return (candidate) => positive(weights(viewOf(candidate)), candidate) * candidate.weight
  if (typeof weights !== 'object' || weights === null)
    throw invalidOption('weighted_round_robin', 'weights', 'must be an object or a function')
  const byAgent = new Map(Object.entries(weights))
  for (const [id, weight] of byAgent)
    if (!isWeight(weight))
      throw invalidOption('weighted_round_robin', `weights.${id}`, `must be a finite number above 0, not ${weight}`)
  return (candidate) => (byAgent.get(candidate.agentId) ?? 1) * candidate.weight
}

function isWeight(weight: unknown): weight is number {
  return typeof weight === 'number' && weight > 0 && weight < Number.POSITIVE_INFINITY
}

function positive(weight: number, { agentId }: Candidate): number {
  if (isWeight(weight)) return weight
  throw new RangeError(`The weight of ${agentId} must be a finite number above 0, not ${weight}.`)
}

function isTurnsState(value: unknown): value is TurnsState {
  if (typeof value !== 'object' || value === null || !('now' in value && 'due' in value)) return false
  if (!Number.isFinite(value.now)) return false
  return entriesOf('weighted_round_robin', value.due, (pair) => isNumbers(pair, 2)).every(([, pair]) =>
    isWeight(pair[1]),
  )
}
