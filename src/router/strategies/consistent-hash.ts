import { fnv1a } from '../../internal/hash.js'
import { builtIn } from '../built-in.js'
import type { Candidate, CandidatePool, RoutableTask, RoutingStrategy } from '../routing-strategy.js'
import { checkFunction, checkNames, invalidOption } from './around.js'
import { loadScore, SHARE, shareOf } from './load-score.js'

/** Options of {@link consistentHash}. */
export interface ConsistentHashOptions {
  /** What a task is hashed by. Default, and for `undefined`: its session, else its id. */
  readonly key?: ((task: RoutableTask) => string | undefined) | undefined
  /** Nobody gets more than `1 + epsilon` times the average load: a finite number above 0. Default 0.25. */
  readonly epsilon?: number | undefined
}

/** Places that a key tries, one after the other; then as many neighbours of the last one. */
const TRIES = 8

const LOAD = Symbol('consistent_hash load')
const LEAST = Symbol('consistent_hash least')

const inFlightOf = (candidate: Candidate) => candidate.inFlight

/**
 * The same agent for the same key, without remembering keys. A key hashes to a place among those of the pool, where every
 * instance keeps its place while others come and go (jump hash, J. Lamping and E. Veach, 2014). If nobody who can take
 * the task is there, or who is there has its fill, the key's next place is tried, and after 8 of them the neighbours.
 *
 * Equal agents get equal shares of many keys. One agent more among n takes 1/(n + 1) of the keys and moves no others; of one that
 * leaves, its own keys move, evenly to all others, and the next to join takes its place and its keys. Places are given in
 * the order of registration, so a restart with the same agents gives the same places. Bounded loads (V. Mirrokni,
 * M. Thorup and M. Zadimoghaddam, 2016): nobody takes a task by which it would hold more than `1 + epsilon` times the
 * average of those who can take work, by slots and weight, rounded up to whole tasks; a key whose agent has its fill goes elsewhere for as long.
 * It chooses among the instances of its own node.
 * @throws OPTIONS_INVALID
 */
export function consistentHash(options: ConsistentHashOptions = {}): RoutingStrategy {
  checkNames('consistent_hash', options, 'key', 'epsilon')
  const { key, epsilon = 0.25 } = options
  checkFunction('consistent_hash', 'key', key)
  if (!(Number.isFinite(epsilon) && epsilon > 0))
    throw invalidOption('consistent_hash', 'epsilon', `must be a finite number above 0, not ${String(epsilon)}`)
  const keyOf = (task: RoutableTask): string => {
    const given = key?.(task)
    if (given !== undefined && typeof given !== 'string')
      throw new TypeError(`key() must give a string or undefined, not ${typeof given}.`)
    return given ?? task.sessionId ?? task.id
  }
  const strategy: RoutingStrategy = {
    name: 'consistent_hash',
    select({ pool, task }) {
      const hash = fnv1a(keyOf(task))
      // What everybody would hold for each slot, were the tasks and this one spread evenly, and a little more.
      const fill = ((1 + epsilon) * (pool.total(LOAD, inFlightOf) + 1)) / pool.total(SHARE, shareOf)
      return byHash(pool, hash, fill) ?? pool.lowest(LEAST, loadScore)
    },
  }
  // A function of somebody else's is shown the task: then it is shown a frozen one.
  return key === undefined ? builtIn(strategy) : strategy
}

function byHash(pool: CandidatePool, hash: number, fill: number): Candidate | undefined {
  let place = 0
  for (let i = 0; i < TRIES; i++) {
    place = jump(hash + Math.imul(i, 0x9e3779b9), pool.circle)
    const found = pool.nextInCircle(place)
    if (found?.next === place + 1 && hasRoom(found.candidate, fill)) return found.candidate
  }
  for (let i = 0; i < TRIES; i++) {
    const found = pool.nextInCircle(place)
    if (found === undefined) return undefined
    if (hasRoom(found.candidate, fill)) return found.candidate
    place = found.next
  }
  return undefined
}

function hasRoom(candidate: Candidate, fill: number): boolean {
  return candidate.inFlight + 1 <= Math.ceil(fill * shareOf(candidate))
}

/** A bucket in [0, buckets): of one bucket more, a key moves there or stays. Expected steps: ln(buckets). */
function jump(key: number, buckets: number): number {
  let state = key
  let bucket = 0
  let next = 0
  while (next < buckets) {
    bucket = next
    // One step of mulberry32, as in `seededRandom`.
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    next = Math.floor(((bucket + 1) * 2 ** 32) / (((mixed ^ (mixed >>> 14)) >>> 0) + 1))
  }
  return bucket
}
