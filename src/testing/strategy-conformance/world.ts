import type { BatutaError } from '../../errors/base-error.js'
import { type Random, seededRandom } from '../../internal/random.js'
import type { RoutingDecision } from '../../router/decision.js'
import type { InstanceLoad, InstanceOptions } from '../../router/instance-load.js'
import type { LanePool } from '../../router/lane-pool.js'
import { Roster } from '../../router/roster.js'
import { Router } from '../../router/router.js'
import type { RoutableTask, RoutingStrategy } from '../../router/routing-strategy.js'

/** Says what is wrong with a strategy, unless the condition holds. */
export function ensure(condition: boolean, complaint: () => string): asserts condition {
  if (!condition) throw new Error(complaint())
}

/** A task like the ones that strategies are asked about. */
export function someTask(number: number): RoutableTask {
  return {
    id: `task-${number}`,
    type: 'conformance',
    requires: ['work'],
    tenant: 'default',
    priority: 'normal',
    sessionId: `session-${number}`,
    attempts: 0,
  }
}

/** The strategy as somebody else's: the router then freezes what it shows. */
function asStranger(strategy: RoutingStrategy): RoutingStrategy {
  return {
    name: strategy.name,
    select: (context) => strategy.select(context),
    memo: (context) => strategy.memo?.(context),
    ...(strategy.terms !== undefined && {
      terms: (task, candidate, memo) => strategy.terms?.(task, candidate, memo) ?? {},
    }),
    onResult: (feedback) => strategy.onResult?.(feedback),
  }
}

/** Agents that take, finish and fail work, come and go, as a seed says. Whatever the strategy breaks ends the case. */
export class World {
  readonly roster = new Roster()
  readonly pool: LanePool
  readonly random: Random
  readonly router: Router
  readonly running: { readonly load: InstanceLoad; readonly decision: RoutingDecision }[] = []
  /** Milliseconds. */
  now = 0
  /** Every task takes the same time. */
  steady = false
  readonly #errors: BatutaError[] = []
  #agents = 0
  #tasks = 0

  constructor(strategy: RoutingStrategy, seed: number, lane = 'task:conformance:work') {
    this.pool = this.roster.pool(lane)
    this.random = seededRandom(seed)
    const clock = { now: () => this.now, monotonic: () => this.now, setTimer: () => ({ cancel: () => undefined }) }
    this.router = new Router({
      strategy: asStranger(strategy),
      random: seededRandom(seed + 1),
      clock,
      keepDecisions: 0,
      onError: (error) => this.#errors.push(error),
    })
  }

  /** A whole number from 0, below `limit`. */
  draw(limit: number): number {
    return Math.floor(this.random.next() * limit)
  }

  add(options: Partial<InstanceOptions> = {}): InstanceLoad {
    const agentId = `agent-${this.#agents++}`
    const load = this.roster.add({ instanceId: `${agentId}@here`, agentId, capabilities: ['work'], ...options })
    this.pool.join(load)
    return load
  }

  /** Asks once, and checks that the strategy decided by itself. */
  decide(): { readonly load: InstanceLoad | undefined; readonly decision: RoutingDecision } {
    const { candidate, decision } = this.router.decide(someTask(this.#tasks++), this.pool)
    const [error] = this.#errors
    ensure(error === undefined, () => `${error?.message}${error?.cause === undefined ? '' : ` (${error.cause})`}`)
    return { load: candidate, decision }
  }

  /** Asks, and gives the task to whoever was chosen. */
  dispatch(): InstanceLoad | undefined {
    const { load, decision } = this.decide()
    if (load === undefined) return undefined
    load.assign(this.roster.nextSequence())
    this.running.push({ load, decision })
    return load
  }

  /** Ends one running task, drawn by lot unless given. */
  finish(outcome: 'success' | 'failure' | 'neutral' = 'success', at = this.draw(this.running.length)): void {
    const [ended] = this.running.splice(at, 1)
    if (ended === undefined) return
    const durationMs = this.steady ? 100 : 10 + this.draw(200)
    ended.load.record('conformance', outcome, durationMs, this.now)
    ended.load.release()
    this.router.settled(ended.decision, outcome, durationMs)
    const [error] = this.#errors
    ensure(error === undefined, () => `${error?.message} (${error?.cause})`)
  }

  /** One thing that happens to a team of agents, drawn by lot. */
  churn(): void {
    this.now += this.draw(500)
    const instances = [...this.roster.instances()]
    const somebody = instances[this.draw(instances.length)]
    const lot = this.draw(10)
    if (lot < 5) this.finish(lot === 0 ? 'failure' : lot === 1 ? 'neutral' : 'success')
    else if (lot === 5) somebody?.stand('paused')
    else if (lot === 6) for (const load of instances) load.stand('available')
    else if (lot === 7 && instances.length < 40) {
      const extra = Array.from({ length: this.draw(3) }, (_, i) => `extra-${i}`)
      this.add({ capacity: 1 + this.draw(6), cost: this.draw(3), capabilities: ['work', ...extra] })
    } else if (lot === 8 && instances.length > 3 && somebody !== undefined) this.roster.remove(somebody)
  }
}
