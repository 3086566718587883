import { BatutaError } from '../../errors/base-error.js'
import { BoundedMap } from '../../internal/bounded-map.js'
import { builtIn } from '../built-in.js'
import type { Candidate, CandidatePool, RoutingStrategy, ScoreTerms } from '../routing-strategy.js'
import { checkNames } from './around.js'
import { contenders, lowestOf } from './load-score.js'
import { isMediansState, type Medians, NO_MEDIANS, PoolMedians } from './medians.js'
import { entriesOf } from './snapshot-state.js'

/** How much each term counts in {@link balanced}: finite numbers, 0 or more. */
export interface BalancedWeights {
  /** Fraction of slots taken. Default 0.5. */
  readonly load?: number | undefined
  /** Time it takes for tasks of this type, beside the pool's median. Default 0.2. */
  readonly latency?: number | undefined
  /** Failures per success. Default 0.2. */
  readonly failures?: number | undefined
  /** Cost, beside the pool's median. Default 0.1. */
  readonly cost?: number | undefined
}

/** Pools up to this size are compared one by one; from larger ones two are drawn. */
const SCAN_LIMIT = 64

/** Pools whose medians are remembered. */
const MAX_POOLS = 1_024

/**
 * The lowest weighted sum of how full, how slow, how unreliable and how expensive an instance is; ties go to the least
 * recently assigned. With the default weights:
 * `0.5 inFlight/capacity + 0.2 norm(latency) + 0.2 (1 - s)/s + 0.1 norm(cost)`, where s is the success rate.
 *
 * `norm(x) = x / (x + median)` is 1/2 for what is normal in the pool and stays below 1, so that one outlier does not
 * flatten the differences between the others; an unknown latency counts as normal. The failure term is close to `1 - s`
 * while failures are rare and has no upper bound, so that no broken agent is attractive for being idle.
 *
 * In pools of more than 64, two candidates are drawn by their slots and weight, and the better one is taken.
 * @throws OPTIONS_INVALID for a weight that is negative or not a finite number.
 */
export function balanced(weights: BalancedWeights = {}): RoutingStrategy {
  checkNames('balanced', weights, 'load', 'latency', 'failures', 'cost')
  checkWeights(weights)
  const { load = 0.5, latency = 0.2, failures = 0.2, cost = 0.1 } = weights
  const known = new BoundedMap<string, PoolMedians>(MAX_POOLS)
  const mediansOf = (pool: CandidatePool, type: string): PoolMedians => {
    let medians = known.get(pool.id)
    if (medians === undefined || medians.taskType !== type) {
      medians = new PoolMedians(type)
      known.set(pool.id, medians)
    }
    return medians
  }
  /** Those of the decision under way. */
  const considered: Candidate[] = []
  const loadTerm = (of: Candidate) => (load * of.inFlight) / (of.capacity * of.weight)
  const latencyTerm = (of: Candidate, type: string, median: number) =>
    latency * norm(of.latencyMs(type) ?? median, median)
  const failureTerm = ({ successRate }: Candidate) => (failures * (1 - successRate)) / successRate
  const costTerm = (of: Candidate, median: number) => cost * norm(of.cost, median)
  let type = ''
  let medians: Medians = NO_MEDIANS
  const scoreOf = (of: Candidate) =>
    loadTerm(of) + latencyTerm(of, type, medians.latencyMs) + failureTerm(of) + costTerm(of, medians.cost)

  return builtIn({
    name: 'balanced',
    select({ pool, task, random }) {
      contenders(pool, random, SCAN_LIMIT, considered)
      type = task.type
      medians = mediansOf(pool, type).note(considered)
      return lowestOf(considered, scoreOf)
    },
    memo: () => medians,
    terms(task, candidate, memo): ScoreTerms {
      const medians = memo as Medians
      return {
        load: loadTerm(candidate),
        latency: latencyTerm(candidate, task.type, medians.latencyMs),
        failures: failureTerm(candidate),
        cost: costTerm(candidate, medians.cost),
      }
    },
    snapshot: () => Object.fromEntries([...known].map(([id, of]) => [id, of.snapshot()])),
    restore(state) {
      const restored = entriesOf('balanced', state, isMediansState)
      known.clear()
      for (const [id, of] of restored) known.set(id, new PoolMedians(of.taskType, of))
    },
  })
}

function checkWeights(weights: BalancedWeights): void {
  const issues = Object.entries(weights).flatMap(([name, weight]) => {
    if (weight === undefined || (Number.isFinite(weight) && weight >= 0)) return []
    return [{ path: [name], message: `must be a finite number from 0, not ${String(weight)}` }]
  })
  if (issues.length === 0) return
  const [first] = issues
  throw new BatutaError('OPTIONS_INVALID', `balanced: the weight "${first?.path[0]}" ${first?.message}.`, {
    data: { issues },
    fix: 'Give load, latency, failures and cost weights from 0.',
  })
}

function norm(value: number, middle: number): number {
  return value === 0 ? 0 : value / (value + middle)
}
