import { BusHub } from '../../bus/in-process-bus.js'
import { Coordinator } from '../../coordinator/coordinator.js'
import { loadHandlerQueue } from '../../coordinator/handler/handler-queue.js'
import { isBatutaError } from '../../errors/base-error.js'
import { createDeferred } from '../../internal/deferred.js'
import { Router } from '../../router/router.js'
import { memoryStorage } from '../../storage/memory/memory-storage.js'
import type { Storage } from '../../storage/storage.js'
import type { AgentDefinition } from '../../task/agent.js'
import { defineAgent } from '../../task/define-agent.js'
import { defineTask } from '../../task/define-task.js'
import type { TaskDefinition } from '../../task/definition.js'
import type { StandardSchema } from '../../task/standard-schema.js'
import { Draw } from '../simulation/draw.js'
import { VirtualClock } from '../virtual-clock.js'
import { checkLoadOptions } from './check-load.js'
import type { SimulateLoadOptions } from './load-options.js'
import { LoadPlan, type PlannedTask } from './load-plan.js'
import { type LoadReport, loadReport, quantilesOf } from './load-report.js'
import { SimulatedWorker } from './simulated-worker.js'

const DEFAULT_TIMEOUT_MS = 600_000
const DEFAULT_DRAIN_MS = 3_600_000

/**
 * Runs a team under load on a virtual clock: the real router and coordinator over a memory storage, with tasks that
 * arrive and take as long as the options say. An hour of traffic takes seconds. Closed loop: what a strategy does changes
 * what it meets next, unlike a replay of recorded decisions.
 *
 * Every strategy meets the same tasks at the same moments with the same durations for the same seed, so reports can be
 * compared line by line. Times are whole milliseconds.
 * @throws OPTIONS_INVALID with everything that is wrong; STRATEGY_UNKNOWN; what agents and definitions throw.
 *
 * @example
 * const team = Array.from({ length: 10 }, () => ({ maxConcurrentTasks: 4 }))
 * const report = await simulateLoad({ agents: team, workload: { load: 0.8 }, strategy: 'balanced' })
 * console.log(String(report), report.sojournMs.p99)
 */
export async function simulateLoad(options: SimulateLoadOptions): Promise<LoadReport> {
  checkLoadOptions(options)
  // Loading it takes real time, which the virtual clock does not wait for.
  await loadHandlerQueue()
  const run = new LoadRun(options)
  return run.report()
}

/** A task under way. */
interface Arrival extends PlannedTask {
  readonly counted: boolean
  startedMs: number | undefined
}

type Work = TaskDefinition<number, number, unknown, number, number>

/** A result must be a number: agents that give the wrong shape fail by that. */
const NUMBER: StandardSchema<number, number> = {
  '~standard': {
    version: 1,
    vendor: 'batuta',
    validate: (value) => (typeof value === 'number' ? { value } : { issues: [{ message: 'must be a number' }] }),
  },
}

class LoadRun {
  readonly #options: SimulateLoadOptions
  readonly #seed: number
  readonly #clock = new VirtualClock()
  readonly #plan: LoadPlan
  readonly #definitions: readonly Work[]
  readonly #workers: readonly SimulatedWorker[]
  readonly #agents: readonly AgentDefinition[]
  readonly #nodes: readonly Coordinator[]
  readonly #done = createDeferred<void>()
  /** By index; taken out when they are over. */
  readonly #underWay = new Map<number, Arrival>()
  readonly #waits: number[] = []
  readonly #sojourns: number[] = []
  readonly #refused: Record<string, number> = {}
  #arrived = 0
  #counted = 0
  #failed = 0
  #fallbacks = 0
  #lastEndMs = 0
  #hasAllArrived = false
  #isStopping = false

  constructor(options: SimulateLoadOptions) {
    this.#options = options
    this.#seed = options.seed ?? 1
    this.#plan = new LoadPlan(options)
    this.#definitions = this.#plan.types.map(({ type, definition }) =>
      defineTask(type, { timeoutMs: DEFAULT_TIMEOUT_MS, ...definition, output: NUMBER } as { output: typeof NUMBER }),
    ) as readonly Work[]
    this.#workers = options.agents.map(
      (agent, i) => new SimulatedWorker(agent.id ?? `agent-${i}`, agent, this.#clock, this.#seed),
    )
    this.#agents = this.#workers.map((worker, i) => this.#define(worker, i))
    const storage = memoryStorage({ now: () => this.#clock.now() })
    const hub = new BusHub()
    this.#nodes = Array.from({ length: options.nodes ?? 1 }, (_, i) => this.#makeNode(i, storage, hub))
  }

  async report(): Promise<LoadReport> {
    await this.#clock.runUntil(Promise.all(this.#nodes.map((node) => node.start())))
    this.#scheduleMoves()
    this.#nextArrival()
    await this.#clock.runUntil(this.#done.promise, { limitMs: Number.MAX_SAFE_INTEGER })
    const unfinished = [...this.#underWay.values()].filter(({ counted }) => counted).length
    this.#isStopping = true
    await this.#clock.runUntil(Promise.all(this.#nodes.map((node) => node.stop({ graceMs: 0 }))))
    return this.#reportOf(unfinished)
  }

  #makeNode(index: number, storage: Storage, hub: BusHub): Coordinator {
    const { strategy = 'least_busy' } = this.#options
    const { recordDecisions, ...coordinator } = this.#options.coordinator ?? {}
    const random = Draw.of(this.#seed, `node ${index}`).random
    const router = new Router({
      strategy: typeof strategy === 'string' ? strategy : strategy(),
      random,
      clock: this.#clock,
      keepDecisions: coordinator.decisions,
      recordDecisions,
      onError: () => this.#fallbacks++,
    })
    return new Coordinator({
      ...coordinator,
      agents: this.#agents.filter((_, i) => (this.#options.agents[i]?.joinsAtMs ?? 0) === 0),
      tasks: this.#definitions,
      router,
      storage,
      bus: hub.connect(),
      clock: this.#clock,
      random,
    })
  }

  #define(worker: SimulatedWorker, index: number): AgentDefinition {
    const {
      id: _,
      types,
      speed: _speed,
      slow: _slow,
      fails: _fails,
      joinsAtMs: _in,
      leavesAtMs: _out,
      ...rest
    } = this.#options.agents[index] as SimulateLoadOptions['agents'][number]
    const handlers = this.#definitions
      .filter(({ type }) => types === undefined || types.includes(type))
      .map((definition) =>
        definition.handler(async (task, { signal }) => {
          const arrival = this.#underWay.get(task)
          // Whoever waited for it has given up.
          if (arrival === undefined) return 1
          this.#started(arrival)
          const { serviceMs, counted } = arrival
          return (await worker.work({ taskType: definition.type, serviceMs, counted, signal })) as number
        }),
      )
    return defineAgent(worker.id, { ...rest, handlers })
  }

  #nextArrival(): void {
    const next = this.#plan.next()
    if (next === undefined) {
      this.#hasAllArrived = true
      this.#clock.setTimer(() => this.#done.resolve(), this.#options.drainMs ?? DEFAULT_DRAIN_MS)
      this.#maybeDone()
      return
    }
    this.#clock.setTimer(() => {
      void this.#submit(next)
      this.#nextArrival()
    }, next.atMs - this.#clock.monotonic())
  }

  async #submit(planned: PlannedTask): Promise<void> {
    const index = this.#arrived++
    const counted = planned.atMs >= (this.#options.workload?.warmupMs ?? 0)
    if (counted) this.#counted++
    this.#underWay.set(index, { ...planned, counted, startedMs: undefined })
    const node = this.#nodes[index % this.#nodes.length] as Coordinator
    const submittedMs = this.#clock.monotonic()
    try {
      await node.run(this.#definitions[planned.type] as Work, index, planned.options)
      if (counted) this.#sojourns.push(this.#clock.monotonic() - submittedMs)
    } catch (error) {
      if (this.#isStopping) return
      if (counted) this.#noteFailure(error)
    }
    this.#lastEndMs = this.#clock.monotonic()
    this.#underWay.delete(index)
    this.#maybeDone()
  }

  #noteFailure(error: unknown): void {
    if (!isBatutaError(error)) throw error
    if (error.code === 'TASK_FAILED' || error.code === 'TASK_CANCELLED') this.#failed++
    else this.#refused[error.code] = (this.#refused[error.code] ?? 0) + 1
  }

  #started(arrival: Arrival): void {
    if (arrival.startedMs !== undefined) return
    arrival.startedMs = this.#clock.monotonic()
    if (arrival.counted) this.#waits.push(arrival.startedMs - arrival.atMs)
  }

  #maybeDone(): void {
    if (this.#hasAllArrived && this.#underWay.size === 0) this.#done.resolve()
  }

  /** Agents that join late, leave, or come and go. */
  #scheduleMoves(): void {
    const { agents, churn } = this.#options
    agents.forEach(({ joinsAtMs = 0, leavesAtMs }, i) => {
      if (joinsAtMs > 0) this.#clock.setTimer(() => this.#join(i), joinsAtMs)
      if (leavesAtMs !== undefined) this.#clock.setTimer(() => void this.#leave(i), leavesAtMs)
    })
    if (churn === undefined) return
    const draw = Draw.of(this.#seed, 'churn')
    const away = new Set<number>()
    const step = () => {
      if (this.#hasAllArrived) return
      const index = draw.int(0, agents.length - 1)
      if (!away.has(index) && away.size < agents.length - 1) {
        away.add(index)
        const back = () => {
          away.delete(index)
          this.#join(index)
        }
        void this.#leave(index).then(() => this.#clock.setTimer(back, churn.awayMs))
      }
      this.#clock.setTimer(step, churn.everyMs)
    }
    this.#clock.setTimer(step, churn.everyMs)
  }

  #join(index: number): void {
    if (this.#isStopping) return
    for (const node of this.#nodes) node.registerAgent(this.#agents[index] as AgentDefinition)
  }

  async #leave(index: number): Promise<void> {
    const { id } = this.#workers[index] as SimulatedWorker
    await Promise.all(this.#nodes.map((node) => node.unregisterAgent(id, { graceMs: 0 })))
  }

  #reportOf(unfinished: number): LoadReport {
    const { strategy = 'least_busy', workload } = this.#options
    const attempts = this.#workers.reduce((sum, worker) => sum + worker.attempts, 0)
    const countedMs = Math.max(1, this.#lastEndMs - (workload?.warmupMs ?? 0))
    return loadReport({
      strategy: typeof strategy === 'string' ? strategy : (this.#nodes[0]?.router.strategy ?? ''),
      seed: this.#seed,
      nodes: this.#nodes.length,
      tasks: this.#counted,
      completed: this.#sojourns.length,
      failed: this.#failed,
      refused: this.#refused,
      unfinished,
      attempts,
      offeredPerSecond: this.#plan.perSecond,
      throughputPerSecond: (1_000 * this.#sojourns.length) / countedMs,
      virtualMs: this.#lastEndMs,
      waitMs: quantilesOf(this.#waits),
      sojournMs: quantilesOf(this.#sojourns),
      agents: this.#workers.map(({ id, attempts: got, completed, failed, busyMs, slots }) => ({
        id,
        attempts: got,
        share: attempts === 0 ? 0 : got / attempts,
        completed,
        failed,
        busy: busyMs / (slots * this.#nodes.length * countedMs),
      })),
      fallbacks: this.#fallbacks,
      recordings: this.#nodes.flatMap(({ router }) => router.recording() ?? []),
    })
  }
}
