import type { CoordinatorOptions } from '../../coordinator/options/coordinator-options.js'
import type { Random } from '../../internal/random.js'
import type { RoutingStrategy } from '../../router/routing-strategy.js'
import type { StrategyName } from '../../router/strategies/strategy-by-name.js'
import type { LocalAgentOptions } from '../../task/agent.js'
import type { DefinitionOptions } from '../../task/definition.js'
import type { SubmitOptions } from '../../task/submit-options.js'
import type { ServiceTime } from './service-time.js'

/** How an agent fails. */
export interface SimulatedFailure {
  /** The part of its attempts that fail, above 0 and at most 1. Default 1. */
  readonly rate?: number | undefined
  /** Only attempts at this task type. Default: at any. */
  readonly type?: string | undefined
  /** `throw` an error; return something of the `wrong_shape`; or `hang` until aborted. Default `throw`. */
  readonly how?: 'throw' | 'wrong_shape' | 'hang' | undefined
  /** How long a failing attempt takes, in milliseconds. Default 5: agents that are down fail fast. */
  readonly afterMs?: number | undefined
  /** From when on, in milliseconds since the start. Default 0. */
  readonly fromMs?: number | undefined
  /** Until when. Default: to the end. */
  readonly untilMs?: number | undefined
}

/** One agent of a simulated team: the options of an agent, and how its handler behaves. */
export interface SimulatedAgent extends Omit<LocalAgentOptions, 'handler' | 'handlers'> {
  /** Default `agent-0`, `agent-1` ... */
  readonly id?: string | undefined
  /** The task types it handles. Default: all of them. */
  readonly types?: readonly string[] | undefined
  /** Its tasks take their service time divided by this; 0.1 is ten times as long. Above 0. Default 1. */
  readonly speed?: number | undefined
  /** It takes `factor` times as long in a stretch of time (milliseconds since the start; default: always). */
  readonly slow?:
    | { readonly factor: number; readonly fromMs?: number | undefined; readonly untilMs?: number | undefined }
    | undefined
  readonly fails?: SimulatedFailure | undefined
  /** It joins the team only then, in milliseconds since the start. Default 0. */
  readonly joinsAtMs?: number | undefined
  /** It leaves the team then: what it runs is given to others. Default: never. */
  readonly leavesAtMs?: number | undefined
}

/** One kind of task in a workload. */
export interface SimulatedTaskType {
  /** Default `work`. */
  readonly type?: string | undefined
  /** How many of the tasks, in proportion to the other types' shares; above 0. Default 1. */
  readonly share?: number | undefined
  /** Default: the workload's. */
  readonly service?: ServiceTime | undefined
  /** Options of its definition: `requires`, `timeoutMs` (default 10 minutes), `retry`, limits. */
  readonly definition?: Omit<DefinitionOptions, 'input' | 'output' | 'stream'> | undefined
}

/** The tasks of a simulation, and when they arrive. */
export interface SimulatedWorkload {
  /** Arrivals as a part of what the team can do when all work as they should: 0.6 is 60 %. Default 0.6. */
  readonly load?: number | undefined
  /** Arrivals per second, instead of `load`. */
  readonly perSecond?: number | undefined
  /** `poisson`: independent of each other; `constant`: evenly spaced; `{ burst: n }`: n at a time. Default `poisson`. */
  readonly arrivals?: 'poisson' | 'constant' | { readonly burst: number } | undefined
  /** How long tasks arrive, in milliseconds. Default 600,000 (10 minutes). */
  readonly durationMs?: number | undefined
  /** How many tasks arrive, instead of `durationMs`. */
  readonly tasks?: number | undefined
  /** Tasks that arrive before then are run but not counted. Default 0. */
  readonly warmupMs?: number | undefined
  /** How long tasks take. Default exponential with a mean of 1,000 ms. */
  readonly service?: ServiceTime | undefined
  /** Default: one type, `work`. */
  readonly types?: readonly SimulatedTaskType[] | undefined
  /** Options of each task, such as `tenant`, `priority` or `sessionId`. Draw from `random` alone, and the run is repeatable. */
  readonly task?: ((index: number, random: Random) => SubmitOptions) | undefined
}

/** What to simulate. */
export interface SimulateLoadOptions {
  /** At least one. */
  readonly agents: readonly SimulatedAgent[]
  readonly workload?: SimulatedWorkload | undefined
  /** A name, or a function that makes a strategy: each run and each node gets one of its own. Default `least_busy`. */
  readonly strategy?: StrategyName | (() => RoutingStrategy) | undefined
  /** A whole number. The same options give the same report. Default 1. */
  readonly seed?: number | undefined
  /** Nodes over one storage, each with the whole team; tasks are submitted to each in turn. 1 to 16. Default 1. */
  readonly nodes?: number | undefined
  /** Every `everyMs` one agent, drawn at random, leaves the team and comes back after `awayMs`. */
  readonly churn?: { readonly everyMs: number; readonly awayMs: number } | undefined
  /** How long to wait for the last tasks after the last arrival, in virtual milliseconds. Default one hour. */
  readonly drainMs?: number | undefined
  /** Options of the coordinators: retries, health, limits. */
  readonly coordinator?:
    | Omit<CoordinatorOptions, 'agents' | 'tasks' | 'storage' | 'engine' | 'bus' | 'router' | 'clock' | 'random'>
    | undefined
}
