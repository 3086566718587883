import { BatutaError } from '../../errors/base-error.js'
import { type Random, seededRandom } from '../../internal/random.js'
import { askStrategy } from '../ask-strategy.js'
import { InstanceLoad } from '../instance-load.js'
import { LanePool } from '../lane-pool.js'
import type { RoutingStrategy } from '../routing-strategy.js'
import { roundRobin } from '../strategies/round-robin.js'
import { type StrategyName, strategyByName } from '../strategies/strategy-by-name.js'
import type { DecisionRecording, RecordedDecision, RecordedResult } from './recording.js'
import type { ReplayReport } from './replay-report.js'
import { ReplayTally } from './replay-tally.js'

/** How to replay. */
export interface ReplayOptions {
  /**
   * Who decides this time. What it remembers is replaced by what the recording says of a strategy of the same name.
   * Default: for each decision a strategy of the name recorded, with its default options.
   */
  readonly strategy?: StrategyName | RoutingStrategy | undefined
  /** Where randomness comes from. Default: the numbers that were drawn at the time, and then those of seed 1. */
  readonly seed?: number | undefined
}

/**
 * Decides again what a router recorded (`recordDecisions`), with another strategy or the same. The same strategy with the
 * same options decides everything as it did: its memory, the numbers it drew, the pool and the results that it was told
 * are in the recording (of pools beyond 64 members only a sample).
 *
 * Open loop: every decision meets the pool as it was then, whatever was chosen before. For what would have come of it,
 * run `simulateLoad`.
 * @throws OPTIONS_INVALID for something that is no recording, STRATEGY_UNKNOWN.
 *
 * @example
 * const recording = app.router.recording()
 * console.log(String(replayDecisions(recording, { strategy: 'balanced' })))
 */
export function replayDecisions(recording: DecisionRecording, options: ReplayOptions = {}): ReplayReport {
  checkRecording(recording)
  const replay = new Replay(recording, options)
  for (const entry of recording.entries) {
    if (entry.kind === 'decision') replay.decide(entry)
    else replay.settle(entry)
  }
  return replay.tally.report()
}

class Replay {
  readonly tally: ReplayTally
  readonly #recording: DecisionRecording
  readonly #random: ReplayedRandom
  readonly #strategies: readonly RoutingStrategy[]
  /** In place of a strategy that breaks. */
  readonly #fallback: RoutingStrategy
  readonly #loads: readonly InstanceLoad[]
  /** The numbers that each instance has at present. */
  readonly #numbers: number[] = []
  readonly #pools = new Map<string, LanePool>()

  constructor(recording: DecisionRecording, { strategy, seed }: ReplayOptions) {
    this.#recording = recording
    this.#random = new ReplayedRandom(seed)
    const chosen = typeof strategy === 'string' ? strategyByName(strategy) : strategy
    const recorded = recording.strategies
    const restored = new Set<RoutingStrategy>()
    this.#strategies = recorded.map(({ name, state }) => {
      const decides = chosen ?? strategyByName(name)
      if (decides.name === name && state !== undefined && !restored.has(decides)) {
        decides.restore?.(state)
        restored.add(decides)
      }
      return decides
    })
    this.#fallback = roundRobin()
    const broke = recording.entries.find((entry) => entry.kind === 'decision' && entry.by !== entry.asked)
    const state = recorded[(broke as RecordedDecision | undefined)?.by ?? -1]?.state
    if (state !== undefined) this.#fallback.restore?.(state)
    this.#loads = recording.instances.map(
      ({ instance, agent, capabilities, cost, metadata }) =>
        new InstanceLoad({ instanceId: instance, agentId: agent, capabilities, cost, metadata }),
    )
    const forgot = recorded.filter(({ name }, i) => {
      const decides = this.#strategies[i] as RoutingStrategy
      return decides.name !== name && decides.restore !== undefined && !restored.has(decides)
    })
    this.tally = new ReplayTally(recording, chosen?.name, forgot.length > 0)
  }

  decide(entry: RecordedDecision): void {
    const strategy = this.#strategies[entry.asked] as RoutingStrategy
    const pool = this.#poolOf(entry)
    this.#random.replay(entry.draws)
    const ask = (who: RoutingStrategy) => askStrategy(who, entry.task, pool, this.#random, entry.at).load
    let load: InstanceLoad | undefined
    let isBroken = false
    try {
      load = ask(strategy)
    } catch {
      isBroken = true
      load = ask(this.#fallback)
    }
    this.tally.decided(entry, this.#loads[entry.chosen ?? -1], load, isBroken)
  }

  /** What happened then is true whoever decides now: a strategy that learns from results hears of all of them. */
  settle({ by, task, instance, agent, outcome, durationMs, at }: RecordedResult): void {
    this.tally.settled(outcome, durationMs)
    try {
      this.#strategies[by]?.onResult?.({ task, instanceId: instance, agentId: agent, outcome, durationMs, now: at })
    } catch {
      // As in the router, it only harms itself.
    }
  }

  #poolOf({ pool: id, circle, candidates, busy, away }: RecordedDecision): LanePool {
    let pool = this.#pools.get(id)
    if (pool === undefined) {
      pool = new LanePool(id)
      this.#pools.set(id, pool)
    }
    const all = [...candidates, ...busy, ...away]
    const places: { load: InstanceLoad; slot: number }[] = []
    for (let i = 0; i < all.length; i += 2)
      places.push({ load: this.#with(all[i] as number), slot: all[i + 1] as number })
    pool.arrange(circle, places, candidates.length / 2)
    return pool
  }

  /** An instance with the numbers that it had then. */
  #with(numbers: number): InstanceLoad {
    const { of, latencies, ...rest } = this.#recording.numbers[numbers] as DecisionRecording['numbers'][number]
    const load = this.#loads[of] as InstanceLoad
    if (this.#numbers[of] === numbers) return load
    this.#numbers[of] = numbers
    load.restore(rest)
    load.restoreLatencies(latencies)
    return load
  }
}

/** The numbers that were drawn at the time, then those of a seed. */
class ReplayedRandom implements Random {
  readonly #seeded: Random
  readonly #isSeededOnly: boolean
  #draws: readonly number[] = []
  #next = 0

  constructor(seed: number | undefined) {
    this.#seeded = seededRandom(seed ?? 1)
    this.#isSeededOnly = seed !== undefined
  }

  replay(draws: readonly number[]): void {
    this.#draws = this.#isSeededOnly ? [] : draws
    this.#next = 0
  }

  next(): number {
    return this.#draws[this.#next++] ?? this.#seeded.next()
  }
}

function checkRecording(recording: DecisionRecording): void {
  const { format, entries, numbers, instances, strategies } = (recording ?? {}) as Partial<DecisionRecording>
  if (format === 'batuta.decisions/1' && [entries, numbers, instances, strategies].every(Array.isArray)) return
  const message = `must be a recording of decisions (batuta.decisions/1), not ${String(format ?? typeof recording)}`
  throw new BatutaError('OPTIONS_INVALID', `replayDecisions: recording ${message}.`, {
    data: { issues: [{ path: ['recording'], message }] },
    fix: 'Give it what router.recording() gave.',
  })
}
