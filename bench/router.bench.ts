import { seededRandom } from '../src/internal/random.js'
import type { LanePool } from '../src/router/candidate-pool.js'
import type { InstanceLoad } from '../src/router/instance-load.js'
import { Roster } from '../src/router/roster.js'
import { Router } from '../src/router/router.js'
import type { RoutableTask } from '../src/router/routing-strategy.js'
import { STRATEGY_NAMES, type StrategyName } from '../src/router/strategies/strategy-by-name.js'

/**
 * Decisions per second of each strategy, capture and decision log included, while agents fill up and free: one decision,
 * one assignment and, once the pool is 60 % loaded, one completion per step. Beside it what a router without a pool does:
 * filter all agents for each task, then take the least busy.
 *
 * Run: npx tsx bench/router.bench.ts
 */

const SIZES = [10, 1_000, 10_000, 100_000]
const SLOTS = 4
const LOAD = 0.6
/** The best of some rounds counts: whatever else the machine does only makes a round slower. */
const ROUNDS = 5
const ROUND_MS = 200

const TASK: RoutableTask = {
  id: 'task-1',
  type: 'price_quote',
  requires: ['price'],
  tenant: 'default',
  priority: 'normal',
  attempts: 0,
}

function poolOf(agents: number): { roster: Roster; pool: LanePool } {
  const roster = new Roster()
  const pool = roster.pool('task:price_quote:price')
  for (let i = 0; i < agents; i++) {
    const capabilities = ['price', ...Array.from({ length: i % 4 }, (_, extra) => `extra-${extra}`)]
    const load = roster.add({ instanceId: `agent-${i}@here`, agentId: `agent-${i}`, capabilities, capacity: SLOTS })
    load.restoreLatencies([TASK.type, 100 + (i % 50)])
    pool.join(load)
  }
  return { roster, pool }
}

/** Steps per second of `step`, after it has run for a while unmeasured. */
function rate(step: () => void): number {
  const run = (ms: number) => {
    let steps = 0
    const start = performance.now()
    let elapsed = 0
    while (elapsed < ms) {
      for (let i = 0; i < 256; i++) step()
      steps += 256
      elapsed = performance.now() - start
    }
    return (steps / elapsed) * 1_000
  }
  run(ROUND_MS)
  return Math.max(...Array.from({ length: ROUNDS }, () => run(ROUND_MS)))
}

/** Keeps a pool at its load: what was assigned `running` steps ago completes. */
class Churn {
  readonly #running: InstanceLoad[]
  #at = 0

  constructor(
    readonly roster: Roster,
    length: number,
  ) {
    this.#running = new Array(length)
  }

  step(load: InstanceLoad | undefined): void {
    const done = this.#running[this.#at]
    if (done !== undefined) {
      done.record(TASK.type, 'success', 100, 0)
      done.release()
    }
    load?.assign(this.roster.nextSequence())
    this.#running[this.#at] = load as InstanceLoad
    this.#at = this.#at + 1 === this.#running.length ? 0 : this.#at + 1
  }
}

function routed(strategy: StrategyName, agents: number): number {
  const { roster, pool } = poolOf(agents)
  const router = new Router({ strategy, random: seededRandom(1) })
  const churn = new Churn(roster, Math.floor(agents * SLOTS * LOAD))
  const step = () => churn.step(router.decide(TASK, pool).candidate)
  for (let i = 0; i < agents * SLOTS; i++) step()
  return rate(step)
}

function naive(agents: number): number {
  const { roster } = poolOf(agents)
  const all = [...roster.instances()]
  const churn = new Churn(roster, Math.floor(agents * SLOTS * LOAD))
  const step = () => {
    const able = all.filter(
      (load) => load.inFlight < load.capacity && TASK.requires.every((need) => load.capabilities.includes(need)),
    )
    let best: InstanceLoad | undefined
    for (const load of able)
      if (best === undefined || load.inFlight / load.capacity < best.inFlight / best.capacity) best = load
    churn.step(best)
  }
  return rate(step)
}

/** The bookkeeping of the steps alone: agents in turn, nobody decides. */
function bookkeeping(agents: number): number {
  const { roster } = poolOf(agents)
  const all = [...roster.instances()]
  const churn = new Churn(roster, Math.floor(agents * SLOTS * LOAD))
  let at = 0
  return rate(() => churn.step(all[at++ % all.length]))
}

const text = (value: number) => Math.round(value).toLocaleString('en').padStart(12)
console.log('decisions/s'.padEnd(18) + SIZES.map((size) => `${size.toLocaleString('en')} agents`.padStart(16)).join(''))
const show = (name: string, measure: (agents: number) => number) => {
  const rates = SIZES.map(measure)
  const slower = (rates[0] ?? 0) / (rates.at(-1) ?? 1)
  console.log(
    `${name.padEnd(18)}${rates.map((value) => text(value).padStart(16)).join('')}   ${slower.toFixed(1)}x slower`,
  )
}
for (const name of STRATEGY_NAMES) show(name, (agents) => routed(name, agents))
show('filter per task', naive)
show('bookkeeping', bookkeeping)
