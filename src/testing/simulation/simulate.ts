import { BusHub } from '../../bus/in-process-bus.js'
import { loadHandlerQueue } from '../../coordinator/handler/handler-queue.js'
import { memoryStorage } from '../../storage/memory/memory-storage.js'
import type { TaskRecord } from '../../task/task-record.js'
import { isTerminal } from '../../task/task-status.js'
import { VirtualClock } from '../virtual-clock.js'
import { check, type RunFacts, type Violation } from './checker.js'
import { Clients } from './clients.js'
import { Cluster } from './cluster.js'
import { Draw } from './draw.js'
import { EventLog, formatEvent } from './event-log.js'
import { type FaultSchedule, makeFaults, NO_FAULTS } from './fault-schedule.js'
import { INVARIANTS } from './invariants/index.js'
import { Journal } from './journal.js'
import { makeWorkload } from './make-workload.js'
import type { SystemUnderTest } from './sim-node.js'
import type { SimWorld } from './sim-process.js'
import type { Focus } from './workload.js'

/** What to simulate. Everything but the seed and the system may be left out; then the seed decides. */
export interface SimulateOptions {
  readonly seed: number
  readonly system: SystemUnderTest
  /** How many nodes, 1 to 4. */
  readonly nodes?: number | undefined
  /** How many tasks are submitted. */
  readonly tasks?: number | undefined
  /** Virtual milliseconds over which they are submitted. */
  readonly activeMs?: number | undefined
  /** What there is more of than usual, so that what goes wrong only there shows in fewer runs. */
  readonly focus?: Focus | undefined
  /** `false`: nothing goes wrong. A schedule: exactly that. */
  readonly faults?: boolean | FaultSchedule | undefined
  /** Virtual milliseconds to go on after everything is done, so that late copies and purges meet. */
  readonly tailMs?: number | undefined
}

/** What came of a run. */
export interface SimulationReport {
  readonly seed: number
  readonly ok: boolean
  readonly violations: readonly Violation[]
  /** SHA-1 of the event log: the same for the same seed. */
  readonly hash: string
  readonly events: number
  readonly virtualMs: number
  readonly tasks: number
  /** The event log as text, made when asked: long. */
  log(): string
  /** Seed, command to replay, violations with the events around them. */
  toString(): string
}

/** After the faults everything must be done within this time: backoffs, leases, timeouts and stuck handlers included. */
const QUIET_LIMIT_MS = 300_000
const STEP_MS = 500
/** Longer than a set may be under way, and than what is purged must wait. */
const TAIL_MS = 200_000
/** Longer than a storage call of the faulty times may hang. */
const SHORT_TAIL_MS = 10_000
const STOP_LIMIT_MS = 120_000

/**
 * Runs a whole system of several nodes over one storage for minutes of virtual time, makes things go wrong, and checks
 * the invariants of the architecture page over everything that was committed. The same options give the same run.
 */
export async function simulate(options: SimulateOptions): Promise<SimulationReport> {
  // Loading it takes real time, which the virtual clock does not wait for.
  await loadHandlerQueue()
  const { seed, system } = options
  const draw = Draw.of(seed, 'run')
  const nodes = options.nodes ?? draw.pick([1, 2, 2, 3, 3, 4])
  const workload = makeWorkload({ ...options, nodes, features: system.features })
  const isFaultless = options.faults === false || (options.faults === undefined && draw.chance(0.1))
  const schedule = isFaultless
    ? NO_FAULTS
    : typeof options.faults === 'object'
      ? options.faults
      : makeFaults(seed, nodes, workload.activeMs, options.focus)
  const clock = new VirtualClock({ random: Draw.of(seed, 'ties').random })
  const log = new EventLog(() => clock.monotonic())
  const journal = new Journal(memoryStorage({ now: () => Math.floor(clock.now()) }), log, clock)
  const world: SimWorld = { seed, clock, log, journal, hub: new BusHub(), system, workload, schedule }
  const cluster = new Cluster(world, nodes)
  const clients = new Clients(world, cluster)
  const tailMs = options.tailMs ?? (draw.chance(0.1) ? TAIL_MS : SHORT_TAIL_MS)

  const onUnhandled = (error: unknown) =>
    log.add({ type: 'broken', text: `unhandled rejection: ${error instanceof Error ? error.stack : String(error)}` })
  process.on('unhandledRejection', onUnhandled)
  let ended = false
  try {
    cluster.start()
    clients.start()
    for (const fault of schedule.faults) clock.setTimer(() => cluster.strike(fault), fault.atMs)
    await drive(world, async () => {
      await clock.advance(workload.activeMs + (isFaultless ? 0 : 5_000))
      cluster.calm()
      ended = await settleDown(world, clients)
      await clock.advance(tailMs)
      const stopping = Promise.all(cluster.processes.map((each) => each.stop(2_000)))
      await clock.runUntil(stopping, { limitMs: STOP_LIMIT_MS })
      await clock.advance(20_000)
    })
    // Node reports rejections after the promise jobs of a turn.
    await clock.settle()
  } finally {
    process.off('unhandledRejection', onUnhandled)
  }
  const facts: RunFacts = {
    slots: new Map(workload.agents.map((agent) => [agent.id, agent.slots])),
    limits: new Map(workload.types.flatMap((type) => (type.limit === undefined ? [] : [[type.type, type.limit]]))),
    rates: new Map(
      workload.types.flatMap(({ type, rate }) =>
        rate === undefined ? [] : [[type, { max: rate.limit, perMs: rate.perMs }]],
      ),
    ),
    interrupting: new Set(
      workload.tasks.filter((task) => task.options.whenBusy === 'interrupt').map((task) => task.ref),
    ),
    startMs: clock.now() - clock.monotonic(),
    leaseMs: system.leaseMs,
    heartbeatMs: system.heartbeatMs,
    pollMs: system.pollMs,
    nodes,
    faultless: isFaultless,
    ended,
  }
  return makeReport(options, world, check(log.events, facts, INVARIANTS))
}

/** What escapes from a timer would have ended a real process. */
async function drive(world: SimWorld, body: () => Promise<void>): Promise<void> {
  try {
    await body()
  } catch (error) {
    world.log.add({
      type: 'broken',
      text: `thrown into a timer: ${error instanceof Error ? error.stack : String(error)}`,
    })
  }
}

/** Goes on until every task is over and every client was answered. */
async function settleDown({ clock, journal }: SimWorld, clients: Clients): Promise<boolean> {
  const untilMs = clock.monotonic() + QUIET_LIMIT_MS
  const isDone = () =>
    clients.waiting === 0 &&
    [...journal.all('task')].every(({ value }) => {
      const task = value as TaskRecord
      return isTerminal(task.state) && task.holder === undefined
    })
  while (clock.monotonic() < untilMs) {
    if (isDone()) return true
    await clock.advance(STEP_MS)
  }
  return isDone()
}

function makeReport(
  { seed, focus }: SimulateOptions,
  { log, clock, workload }: SimWorld,
  violations: Violation[],
): SimulationReport {
  return {
    seed,
    ok: violations.length === 0,
    violations,
    hash: log.digest(),
    events: log.events.length,
    virtualMs: clock.monotonic(),
    tasks: workload.tasks.length,
    log: () => log.events.map(formatEvent).join(''),
    toString() {
      if (violations.length === 0) return `seed ${seed}: ok, ${log.events.length} events`
      const shown = violations.slice(0, 3).map((each) => `- ${each.invariant}: ${each.text}\n${each.excerpt}`)
      return [
        `seed ${seed}: ${violations.length} violations`,
        `replay: npx tsx scripts/simulate.ts --seeds 1 --from ${seed}${focus === undefined ? '' : ` --focus ${focus}`} --log`,
        ...shown,
      ].join('\n')
    },
  }
}
