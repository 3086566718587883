import { type Clock, realClock } from '../../internal/clock.js'
import { type Logger, silentLogger } from '../../internal/logger.js'
import { cryptoRandom, type Random } from '../../internal/random.js'
import { healthSettings } from '../../router/health/health-options.js'
import { COUNT_LIMIT } from '../../storage/storage.js'
import { DEFAULT_MAX_PAYLOAD_BYTES } from '../../task/json-value.js'
import { DEFAULT_BOOSTS } from '../../task/priority.js'
import { DEFAULT_RETRY, NO_RETRY } from '../../task/retry-policy.js'
import type { CoordinatorOptions, RetentionOptions } from './coordinator-options.js'
import type { CoordinatorSettings, RetentionRule } from './coordinator-settings.js'

const DAY_MS = 86_400_000
/** A coordinator's options with all defaults in. What has no default but a choice of parts stays undefined. */
export interface ResolvedOptions extends Pick<CoordinatorOptions, 'storage' | 'engine' | 'bus' | 'recordDecisions'> {
  readonly settings: CoordinatorSettings
  readonly agents: NonNullable<CoordinatorOptions['agents']>
  readonly tasks: NonNullable<CoordinatorOptions['tasks']>
  readonly router: NonNullable<CoordinatorOptions['router']>
  readonly logger: Logger
  readonly clock: Clock
  readonly random: Random
  /** References per lane. */
  readonly window: number
}

/** Puts the defaults in. The one place where they stand. Does not check: {@link checkCoordinatorOptions} does. */
export function resolveOptions(options: CoordinatorOptions = {}): ResolvedOptions {
  return {
    settings: settingsOf(options),
    agents: options.agents ?? [],
    tasks: options.tasks ?? [],
    router: options.router ?? 'least_busy',
    logger: options.logger ?? silentLogger,
    clock: options.clock ?? realClock,
    random: options.random ?? cryptoRandom(),
    window: options.window ?? 1_000,
    storage: options.storage,
    engine: options.engine,
    bus: options.bus,
    recordDecisions: options.recordDecisions,
  }
}

function settingsOf(options: CoordinatorOptions): CoordinatorSettings {
  const { retry, retryBudget, retention, priorityBoosts: boosts } = options
  // What is on disk goes by its age alone, or a busy hour would let go of results that somebody is still to ask for.
  const maxCount = options.storage?.durable === true ? Number.POSITIVE_INFINITY : COUNT_LIMIT
  const ruleOf = (rule: RetentionOptions | undefined, ageMs: number): RetentionRule => {
    return { ageMs: rule?.ageMs ?? ageMs, maxCount: rule?.maxCount ?? maxCount }
  }
  return {
    name: options.name ?? 'batuta',
    strict: options.strict ?? false,
    taskTimeoutMs: options.taskTimeoutMs ?? 60_000,
    abandonAfterMs: options.abandonAfterMs ?? 5_000,
    heartbeatMs: options.heartbeatMs ?? 1_000,
    leaseMs: options.leaseMs ?? 3_000,
    observeMs: options.observeMs ?? 250,
    pollMs: options.pollMs ?? 1_000,
    maxLost: options.maxLost ?? 3,
    maxLanes: options.maxLanes ?? 1_024,
    maxPayloadBytes: options.maxPayloadBytes ?? DEFAULT_MAX_PAYLOAD_BYTES,
    storageWaitMs: options.storageWaitMs ?? 10_000,
    decisions: options.decisions ?? 1_000,
    retry:
      retry === false
        ? NO_RETRY
        : {
            maxRetries: retry?.maxRetries ?? DEFAULT_RETRY.maxRetries,
            minDelayMs: retry?.minDelayMs ?? DEFAULT_RETRY.minDelayMs,
            maxDelayMs: retry?.maxDelayMs ?? DEFAULT_RETRY.maxDelayMs,
            factor: retry?.factor ?? DEFAULT_RETRY.factor,
          },
    retryBudget: { ratio: retryBudget?.ratio ?? 0.2, floorPerSecond: retryBudget?.floorPerSecond ?? 10 },
    retention: {
      completed: ruleOf(retention?.completed, 7 * DAY_MS),
      failed: ruleOf(retention?.failed, 30 * DAY_MS),
      cancelled: ruleOf(retention?.cancelled, 7 * DAY_MS),
      idleMs: retention?.idleMs ?? 7 * DAY_MS,
    },
    maxPending: options.maxPending,
    tenantWeights: new Map(Object.entries(options.tenantWeights ?? {})),
    boosts: {
      low: boosts?.low ?? DEFAULT_BOOSTS.low,
      normal: boosts?.normal ?? DEFAULT_BOOSTS.normal,
      high: boosts?.high ?? DEFAULT_BOOSTS.high,
      critical: boosts?.critical ?? DEFAULT_BOOSTS.critical,
    },
    health: healthSettings(options),
  }
}
