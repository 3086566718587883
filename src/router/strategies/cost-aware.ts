import { BoundedMap } from '../../internal/bounded-map.js'
import { builtIn } from '../built-in.js'
import type { Candidate, RoutableTask, RoutingContext, RoutingStrategy, ScoreTerms } from '../routing-strategy.js'
import { checkNames, checkNumber } from './around.js'
import { loadScore, lowestOf } from './load-score.js'

/** Options of {@link costAware}. */
export interface CostAwareOptions {
  /** An agent with a lower success rate is taken only when nobody else would do. From 0 to 1. Default 0.5. */
  readonly minSuccessRate?: number | undefined
}

/** Pools up to this size are compared one by one. */
const SCAN_LIMIT = 64

/** Scores from here belong to agents that would not do. Costs are below it. */
const UNFIT = 1e9

/** Among agents of one cost the least busy comes first: a load counts as so little cost that it decides nothing else. */
const LOAD_COST = 1e-9

/** What an unknown duration counts as when speed decides. */
const UNKNOWN_MS = 60_000

/** Types whose order by speed has a key. */
const MAX_TYPES = 64

/** How the last decision was made: the cheapest that will do within the limit, or the fastest. */
interface Ruling {
  readonly limitMs: number
  readonly byTime: boolean
}

/**
 * The cheapest agent that will probably finish in time: whose usual duration for the type is within the task's timeout
 * (agents that never did it count as able), and whose success rate is above a floor. Among equally cheap ones the least
 * busy. When nobody will do, the one with the shortest expected time, `latency / successRate`.
 *
 * In pools of more than 64, when the cheapest healthy agent is too slow, the fastest is taken, not the cheapest of those
 * that are fast enough: that would need a look at everybody.
 * @throws OPTIONS_INVALID
 */
export function costAware(options: CostAwareOptions = {}): RoutingStrategy {
  checkNames('cost_aware', options, 'minSuccessRate')
  const { minSuccessRate = 0.5 } = options
  checkNumber('cost_aware', 'minSuccessRate', minSuccessRate, 0, 1)
  const cheapest = Symbol('cost_aware')
  const fastest = new BoundedMap<string, { readonly key: symbol; readonly score: (candidate: Candidate) => number }>(
    MAX_TYPES,
  )
  const considered: Candidate[] = []
  let ruling: Ruling = { limitMs: Number.POSITIVE_INFINITY, byTime: false }
  let type = ''

  const timeOf = (of: Candidate, taskType: string) => (of.latencyMs(taskType) ?? UNKNOWN_MS) / of.successRate
  const isHealthy = (of: Candidate) => of.successRate >= minSuccessRate
  const isInTime = (of: Candidate, taskType: string, limitMs: number) => (of.latencyMs(taskType) ?? 0) <= limitMs
  const price = (of: Candidate) => of.cost + LOAD_COST * loadScore(of)
  const priceIfHealthy = (of: Candidate) => (isHealthy(of) ? price(of) : UNFIT + 1 / of.successRate)
  const scoreOf = (of: Candidate) =>
    isHealthy(of) && isInTime(of, type, ruling.limitMs) ? price(of) : UNFIT + timeOf(of, type)
  const fastestOf = (taskType: string) => {
    let order = fastest.get(taskType)
    if (order === undefined) {
      order = { key: Symbol('cost_aware'), score: (of) => timeOf(of, taskType) }
      fastest.set(taskType, order)
    }
    return order
  }

  const select = ({ pool, task }: RoutingContext): Candidate | undefined => {
    const limitMs = task.timeoutMs ?? Number.POSITIVE_INFINITY
    if (ruling.limitMs !== limitMs || ruling.byTime) ruling = { limitMs, byTime: false }
    type = task.type
    if (pool.size <= SCAN_LIMIT) {
      considered.length = 0
      for (let i = 0; i < pool.size; i++) considered.push(pool.at(i) as Candidate)
      return lowestOf(considered, scoreOf)
    }
    const cheap = pool.lowest(cheapest, priceIfHealthy)
    if (cheap === undefined || (isHealthy(cheap) && isInTime(cheap, type, limitMs))) return cheap
    ruling = { limitMs, byTime: true }
    const { key, score } = fastestOf(type)
    return pool.lowest(key, score)
  }
  return builtIn({
    name: 'cost_aware',
    select,
    memo: () => ruling,
    terms(task: RoutableTask, of: Candidate, memo: unknown): ScoreTerms {
      const { limitMs, byTime } = memo as Ruling
      if (byTime) return { expectedMs: timeOf(of, task.type) }
      if (isHealthy(of) && isInTime(of, task.type, limitMs)) return { cost: of.cost, load: price(of) - of.cost }
      return { cost: of.cost, unfit: UNFIT + timeOf(of, task.type) - of.cost }
    },
  })
}
