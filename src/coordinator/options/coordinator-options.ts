import type { Bus } from '../../bus/bus.js'
import type { Engine } from '../../engine/engine.js'
import type { Clock } from '../../internal/clock.js'
import type { Logger } from '../../internal/logger.js'
import type { Random } from '../../internal/random.js'
import type { HealthOptions } from '../../router/health/health-options.js'
import type { Router, RouterOptions } from '../../router/router.js'
import type { RoutingStrategy } from '../../router/routing-strategy.js'
import type { StrategyName } from '../../router/strategies/strategy-by-name.js'
import type { Storage } from '../../storage/storage.js'
import type { AgentDefinition } from '../../task/agent.js'
import type { AnyTaskDefinition, RetryOptions } from '../../task/definition.js'
import type { PriorityBoosts } from '../../task/priority.js'
import type { MaxPending } from '../limits/queue-bounds.js'

/** How long ended tasks of one outcome are kept, and how many; whichever is reached first. */
export interface RetentionOptions {
  /** In milliseconds from the end of the task. Default 7 days for completed and cancelled tasks, 30 days for failed ones. */
  readonly ageMs?: number | undefined
  /**
   * From 0 to 10,000, as far as storages count, or `Infinity`: as many as there are. They go by up to 500 at once, so that so many
   * fewer may be left. Default: in memory 10,000, in a durable storage `Infinity`.
   */
  readonly maxCount?: number | undefined
}

/**
 * Options of `new Coordinator`, and most of those of `createOrchestrator`. Each may be left out or undefined, which is the same. They are
 * checked at the start, all at once; an unknown name is an error.
 */
export interface CoordinatorOptions extends HealthOptions {
  /** The agents to begin with. Default none; `app.agent()` adds more. */
  readonly agents?: readonly AgentDefinition[] | undefined
  /** Task definitions to know besides those of the agents' handlers: what is submitted here and done elsewhere. */
  readonly tasks?: readonly AnyTaskDefinition[] | undefined
  /** Where tasks are kept. Default: `memoryStorage()`, which forgets them when the process ends. */
  readonly storage?: Storage | undefined
  /** What hands out ready tasks. Default: the in-process engine. */
  readonly engine?: Engine | undefined
  /** What carries hints between nodes. Default: within this process. Without a common one, nodes find out by polling. */
  readonly bus?: Bus | undefined
  /** Who decides which agent gets a task: a name, a strategy, or a router. Default `least_busy`. */
  readonly router?: StrategyName | RoutingStrategy | Router | undefined
  /** Where batuta writes what it notices; pino and `console` fit as they are. Default: nowhere. */
  readonly logger?: Logger | undefined
  /** For status and logs. Default `batuta`. */
  readonly name?: string | undefined
  /** Refuse tasks at submit whose type nobody handles or whose capabilities nobody here has. Default: they wait. */
  readonly strict?: boolean | undefined

  /** Longest duration of one attempt when its task and definition say nothing, in milliseconds. Default 60,000. */
  readonly taskTimeoutMs?: number | undefined
  /** How long a handler may ignore its aborted signal before its attempt is settled without it. Default 5,000. */
  readonly abandonAfterMs?: number | undefined
  /** When a failed attempt is repeated if its definition says nothing. Default 3 retries, 1 s to 60 s, factor 2. */
  readonly retry?: Omit<RetryOptions, 'retryIf'> | false | undefined
  /**
   * Retries may be at most `ratio` of the attempts of their type, besides `floorPerSecond`; more wait. Default 0.2 and
   * 10. A failing service is then not buried under retries.
   */
  readonly retryBudget?:
    | { readonly ratio?: number | undefined; readonly floorPerSecond?: number | undefined }
    | undefined
  /** A task whose owners died so many times is failed with TASK_LOST. From 1. Default 3. */
  readonly maxLost?: number | undefined
  /** Largest input, output or metadata, in bytes of JSON. Default 1,048,576. */
  readonly maxPayloadBytes?: number | undefined
  /**
   * How many tasks may wait: of a lane, of a tenant in a lane (both: ready ones), in all. Each from 1 to 10,000: storages count
   * no further. One more is QUEUE_FULL, with `retryAfterMs`, and nothing is written. From a count at most a second old, so
   * several nodes together may exceed it a little. Tasks that handlers stage are always accepted. Default: no bound.
   */
  readonly maxPending?: MaxPending | undefined
  /**
   * How many tasks of a tenant start for one of a tenant of weight 1, while both have some waiting: numbers from 0.01 to 100 by
   * tenant. Default 1: tenants in turn. The same on all nodes.
   */
  readonly tenantWeights?: Readonly<Record<string, number>> | undefined
  /** How many milliseconds earlier a task counts as due, by priority. Default 0, 60,000, 300,000, 1,800,000. */
  readonly priorityBoosts?: { readonly [K in keyof PriorityBoosts]?: PriorityBoosts[K] | undefined } | undefined

  /** How often this node says that it lives, in milliseconds. Less than half of `leaseMs`. Default 1,000. */
  readonly heartbeatMs?: number | undefined
  /**
   * A node that has not been heard of for so long is dead, and its tasks are taken back. Longer survives longer
   * pauses; shorter recovers sooner. The same on all nodes. Default 3,000.
   */
  readonly leaseMs?: number | undefined
  /** How often this node looks at the others' beats, in milliseconds. At most a quarter of `leaseMs`. Default 250. */
  readonly observeMs?: number | undefined
  /** How often it looks for work that no hint told it of, in milliseconds. Default 1,000. */
  readonly pollMs?: number | undefined
  /**
   * How long operations wait for a storage that is away, in milliseconds. What is on its way by then is waited for until the
   * storage's own limit for a command. Default 10,000.
   */
  readonly storageWaitMs?: number | undefined
  /** References to ready tasks held per lane. 64 to 100,000. Default 1,000. */
  readonly window?: number | undefined
  /** Distinct combinations of type and requirements; one more is LANE_LIMIT. From 1. Default 1,024. */
  readonly maxLanes?: number | undefined
  /** Routing decisions kept for explanations. From 0. Default 1,000. */
  readonly decisions?: number | undefined
  /**
   * Records the last decisions with all that they depended on, so that `replayDecisions` of `batuta/testing` can decide
   * them again: `app.router.recording()` gives them. Default: off, which costs nothing. A Router has its own option.
   */
  readonly recordDecisions?: RouterOptions['recordDecisions']
  /** How long ended tasks are kept, by outcome. Of several processes over one storage one lets go of them for all, by its own rules. */
  readonly retention?:
    | {
        readonly completed?: RetentionOptions | undefined
        readonly failed?: RetentionOptions | undefined
        readonly cancelled?: RetentionOptions | undefined
        /** Unused turns and ended sessions: so long after their last use, in milliseconds. Default 7 days. */
        readonly idleMs?: number | undefined
      }
    | undefined

  /** Where time comes from. For tests. */
  readonly clock?: Clock | undefined
  /** Where randomness comes from. For tests. */
  readonly random?: Random | undefined
}
