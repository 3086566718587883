/**
 * What a strategy's decisions cost by the number of agents, in a process of its own: an application uses one or two
 * strategies, and V8 compiles what it uses. `node decisions.mjs <strategy>` prints a {@link Measured} as JSON; for `none`, what a
 * router without a pool does: filter all agents for each task, then take the least busy.
 */
import { seededRandom } from '../../src/internal/random.js'
import type { InstanceLoad } from '../../src/router/instance-load.js'
import type { LanePool } from '../../src/router/lane-pool.js'
import { Roster } from '../../src/router/roster.js'
import { Router } from '../../src/router/router.js'
import type { RoutableTask } from '../../src/router/routing-strategy.js'
import type { StrategyName } from '../../src/router/strategies/strategy-by-name.js'
import { loadMoleculerRouting, type MoleculerStrategy } from './moleculer-router.js'

/** Per second, for each of {@link SIZES}. */
export interface Measured {
  /** Decisions alone, capture and decision log included. */
  readonly picks: readonly number[]
  /** Decisions, each with an assignment and, of what was assigned long before, a completion. */
  readonly steps: readonly number[]
  /** Moleculer's own pick of an endpoint, with the strategy that comes nearest. */
  readonly peer?: { readonly name: string; readonly picks: readonly number[] }
}

/** Agents. */
export const SIZES = [10, 1_000, 10_000, 100_000]
/** Slots of each. */
export const SLOTS = 4

const LOAD = 0.6
/** The best of some rounds counts: whatever else the machine does only makes a round slower. */
const ROUNDS = 5
const ROUND_MS = 200

/** Tasks of so many customers, in turn: more than there are agents, or a few customers would be in everybody's way. */
const CUSTOMERS = 262_144
const NAMES = Array.from({ length: CUSTOMERS }, (_, n) => `customer-${n}`)

const TYPE = 'price_quote'
const REQUIRES = ['price']

/** Made for its decision, as the coordinator does it. */
function taskOf(n: number): RoutableTask {
  const name = NAMES[n % CUSTOMERS] as string
  return {
    id: name,
    type: TYPE,
    requires: REQUIRES,
    tenant: 'default',
    priority: 'normal',
    sessionId: name,
    attempts: 0,
    timeoutMs: 30_000,
    metadata: undefined,
  }
}

function poolOf(agents: number): { roster: Roster; pool: LanePool } {
  const roster = new Roster()
  const pool = roster.pool('task:price_quote:price')
  for (let i = 0; i < agents; i++) {
    const capabilities = ['price', ...Array.from({ length: i % 4 }, (_, extra) => `extra-${extra}`)]
    const load = roster.add({ instanceId: `agent-${i}@here`, agentId: `agent-${i}`, capabilities, capacity: SLOTS })
    load.restoreLatencies([TYPE, 100 + (i % 50)])
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
      done.record(TYPE, 'success', 100, 0)
      done.release()
    }
    load?.assign(this.roster.nextSequence())
    this.#running[this.#at] = load as InstanceLoad
    this.#at = this.#at + 1 === this.#running.length ? 0 : this.#at + 1
  }
}

function routed(strategy: StrategyName, agents: number): { picks: number; steps: number } {
  const { roster, pool } = poolOf(agents)
  const router = new Router({ strategy, random: seededRandom(1) })
  const churn = new Churn(roster, Math.floor(agents * SLOTS * LOAD))
  let n = 0
  const pick = () => router.decide(taskOf(n++), pool).candidate
  const step = () => churn.step(pick())
  for (let i = 0; i < agents * SLOTS; i++) step()
  const steps = rate(step)
  return { steps, picks: rate(pick) }
}

function naive(agents: number): number {
  const { roster } = poolOf(agents)
  const all = [...roster.instances()]
  const churn = new Churn(roster, Math.floor(agents * SLOTS * LOAD))
  const step = () => {
    const able = all.filter(
      (load) => load.inFlight < load.capacity && REQUIRES.every((need) => load.capabilities.includes(need)),
    )
    let best: InstanceLoad | undefined
    for (const load of able)
      if (best === undefined || load.inFlight / load.capacity < best.inFlight / best.capacity) best = load
    churn.step(best)
  }
  return rate(step)
}

/** Moleculer's strategy that goes by the same, as far as it has one. */
const PEERS: Readonly<Partial<Record<string, MoleculerStrategy>>> = {
  round_robin: 'RoundRobin',
  random: 'Random',
  least_busy: 'CpuUsage',
  peak_ewma: 'Latency',
  consistent_hash: 'Shard',
}

function peerOf(strategy: string): Measured['peer'] {
  const name = PEERS[strategy]
  const moleculer = loadMoleculerRouting()
  if (name === undefined || typeof moleculer === 'string') return undefined
  const picks = SIZES.map((agents) => {
    const list = moleculer.makeList(name, agents)
    let calls = 0
    return rate(() => void list.next({ params: { key: NAMES[calls++ % CUSTOMERS] } }), agents > 1_000 ? 1 : 256)
  })
  return { name: `moleculer ${moleculer.version} ${name}`, picks }
}

function measure(strategy: string): Measured {
  if (strategy === 'none') return { picks: [], steps: SIZES.map(naive) }
  const rates = SIZES.map((agents) => routed(strategy as StrategyName, agents))
  const peer = peerOf(strategy)
  return {
    picks: rates.map(({ picks }) => picks),
    steps: rates.map(({ steps }) => steps),
    ...(peer !== undefined && { peer }),
  }
}

const [, , strategy] = process.argv
if (strategy !== undefined) {
  console.log(JSON.stringify(measure(strategy)))
  // A broker of the peer's may have left timers behind.
  process.exit()
}
