/**
 * What routing costs by the number of agents. Decisions per second of each strategy, capture and decision log included, while agents
 * fill up and free: one decision, one assignment and, once the pool is 60 % loaded, one completion per step. Beside it
 * Moleculer's own pick of an endpoint with the strategy that comes nearest, and what a router without a pool does: filter all agents
 * for each task, then take the least busy. Then a task's whole way (submit, route, run, result) beside that many agents, and
 * what it takes to make them known.
 */
import { createOrchestrator, defineTask, staticSchema } from 'batuta'
import { seededRandom } from '../src/internal/random.js'
import type { InstanceLoad } from '../src/router/instance-load.js'
import type { LanePool } from '../src/router/lane-pool.js'
import { Roster } from '../src/router/roster.js'
import { Router } from '../src/router/router.js'
import type { RoutableTask } from '../src/router/routing-strategy.js'
import { STRATEGY_NAMES, type StrategyName } from '../src/router/strategies/strategy-by-name.js'
import { type BenchRow, collectGarbage, duration, percentile, report } from './measure.js'
import { loadMoleculerRouting, type MoleculerStrategy } from './moleculer-router.js'

const SIZES = [10, 1_000, 10_000, 100_000]
const SLOTS = 4
const LOAD = 0.6
/** The best of some rounds counts: whatever else the machine does only makes a round slower. */
const ROUNDS = 5
const ROUND_MS = 200

/** Of so many customers, in turn: more than there are agents mostly, so that no key is in everybody's way. */
const CUSTOMERS = 65_536

const TASKS = Array.from(
  { length: CUSTOMERS },
  (_, n): RoutableTask => ({
    ...{ id: `task-${n}`, type: 'price_quote', requires: ['price'], tenant: 'default' },
    ...{ priority: 'normal', attempts: 0, sessionId: `customer-${n}` },
  }),
)
const [TASK] = TASKS as [RoutableTask]

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

/** Steps per second of `step`, after it has run for a while unmeasured; the clock is read every `batch` steps. */
function rate(step: () => void, batch = 256): number {
  const run = (ms: number) => {
    let steps = 0
    const start = performance.now()
    let elapsed = 0
    while (elapsed < ms) {
      for (let i = 0; i < batch; i++) step()
      steps += batch
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
  let n = 0
  const step = () => churn.step(router.decide(TASKS[n++ % CUSTOMERS] as RoutableTask, pool).candidate)
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

/** Moleculer's strategy that goes by the same, as far as it has one. */
const PEERS: Readonly<Partial<Record<StrategyName, MoleculerStrategy>>> = {
  round_robin: 'RoundRobin',
  random: 'Random',
  least_busy: 'CpuUsage',
  peak_ewma: 'Latency',
  consistent_hash: 'Shard',
}

const moleculer = loadMoleculerRouting()

function peer(strategy: MoleculerStrategy, agents: number): number {
  if (typeof moleculer === 'string') return Number.NaN
  const list = moleculer.makeList(strategy, agents)
  let calls = 0
  return rate(() => void list.next({ params: { key: `customer-${calls++ % CUSTOMERS}` } }), agents > 1_000 ? 1 : 256)
}

const million = (value: number) => (value >= 1e4 ? `${(value / 1e6).toFixed(2)} M` : `${Math.round(value)}`)
const ratesText = (rates: readonly number[]) => `${rates.map(million).join(', ')} /s`
const AT = SIZES.map((size) => size.toLocaleString('en-US')).join(', ')

function decisionRow(strategy: StrategyName): BenchRow {
  const ours = SIZES.map((agents) => routed(strategy, agents))
  const name = PEERS[strategy]
  const theirs = name === undefined ? undefined : SIZES.map((agents) => peer(name, agents))
  const at10 = ours[0] ?? Number.NaN
  const slower = at10 / (ours.at(-1) ?? Number.NaN)
  const isKnown = theirs !== undefined && typeof moleculer !== 'string'
  return {
    what: `${strategy}: decisions at ${AT} agents`,
    batuta: `${ratesText(ours)}; ${slower.toFixed(1)}x slower at the end`,
    against: isKnown ? `moleculer ${moleculer.version} ${name}: ${ratesText(theirs)}` : '',
    ...(isKnown && { ratio: (theirs[2] ?? Number.NaN) / (ours[2] ?? Number.NaN) }),
    budget: '>= 1 M/s at 10,000; < 5x slower',
  }
}

function naiveRow(): BenchRow {
  const rates = SIZES.map(naive)
  return { what: `all agents filtered per task, at ${AT} agents`, batuta: '', against: ratesText(rates), budget: '' }
}

/** An application with so many agents that serve one task type, what each weighs, and how long it took to make them known. */
async function crowd(agents: number) {
  const work = defineTask('work', {
    input: staticSchema<number>(),
    output: staticSchema<number>(),
    requires: ['price'],
  })
  const handlers = [work.handler((n) => n)]
  const app = await createOrchestrator({ router: 'balanced' })
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  const started = performance.now()
  for (let i = 0; i < agents; i++)
    app.agent(`agent-${i}`, { capabilities: ['price', `extra-${i % 200}`], handlers, maxConcurrentTasks: SLOTS })
  // The first task finds them all in their lane.
  await app.run(work, 1)
  const tookMs = performance.now() - started
  collectGarbage()
  return { app, work, tookMs, bytesPerAgent: (process.memoryUsage().heapUsed - before) / agents, agents }
}

/** Median microseconds of one task's whole way beside so many agents. */
async function dispatched({ app, work }: Awaited<ReturnType<typeof crowd>>): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < 4_000; n++) {
    const started = performance.now()
    await app.run(work, n)
    times.push(performance.now() - started)
  }
  return percentile(times.slice(1_000), 0.5)
}

async function crowdRows(): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  const times: number[] = []
  for (const agents of SIZES) {
    const all = await crowd(agents)
    times.push(await dispatched(all))
    if (agents === SIZES.at(-1)) {
      rows.push({
        what: `${agents.toLocaleString('en-US')} agents made known`,
        batuta: `${duration(all.tookMs)}, ${(all.bytesPerAgent / 1024).toFixed(1)} KB each`,
        against: '',
        budget: '',
      })
    }
    await all.app.shutdown({ graceMs: 0 })
  }
  const [first = Number.NaN] = times
  const last = times.at(-1) ?? Number.NaN
  return [
    {
      what: `one task's whole way (balanced) beside ${AT} agents`,
      batuta: times.map(duration).join(', '),
      against: 'beside 10 agents',
      ratio: last / first,
      budget: '',
    },
    ...rows,
  ]
}

report([...STRATEGY_NAMES.map(decisionRow), naiveRow(), ...(await crowdRows())])
