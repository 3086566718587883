import { BoundedMap } from '../../internal/bounded-map.js'
import { Sample } from '../../internal/sample.js'
import { builtIn } from '../built-in.js'
import type { Candidate, RoutingFeedback, RoutingStrategy, ScoreTerms } from '../routing-strategy.js'
import { checkNames, type NoOptions } from './around.js'
import { contenders, lowestOf, shareOf } from './load-score.js'
import { entriesOf, isNumbers } from './snapshot-state.js'

/** Pools up to this size are compared one by one. */
const SCAN_LIMIT = 8

/** The least time in which an estimate loses all but 1/e of its distance from what is normal. */
const MIN_TAU_MS = 10_000

/** What a duration is guessed to be while nobody has finished anything. */
const DEFAULT_MS = 1_000

/** Types of tasks, and estimates of one, that are remembered: those written longest ago are forgotten first. */
const MAX_TYPES = 32
const MAX_ESTIMATES = 10_000

/** Durations after which the median is taken again, from the 16th on. */
const MEDIAN_EVERY = 16

/**
 * The shortest expected wait: `latency * (inFlight + 1) / (capacity * weight) / successRate`, compared between two that
 * are drawn by slots and weight (between all, in pools of at most 8).
 *
 * The latency of each (instance, task type) is a peak-sensitive moving average, as in Finagle: a longer duration counts
 * at once, shorter ones draw it down with the time that passes, by `exp(-dt / tau)`; tau is 10 s or ten times the median
 * duration of the type, whichever is longer. Read later, a high estimate has come down towards the median, so that an
 * agent that was slow once is tried again. Not towards 0: there a broken agent that nobody uses would look like the fastest of
 * all. Failures are never taken for latency; they count through the success rate. An agent that is unknown counts as normal.
 * @throws OPTIONS_INVALID for options: it has none.
 */
export function peakEwma(options: NoOptions = {}): RoutingStrategy {
  checkNames('peak_ewma', options)
  const types = new BoundedMap<string, TypeLatencies>(MAX_TYPES)
  const latenciesOf = (type: string) => {
    let latencies = types.get(type)
    if (latencies === undefined) {
      latencies = new TypeLatencies()
      types.set(type, latencies)
    }
    return latencies
  }
  const drawn: Candidate[] = []
  /** Of the decision being made. */
  let latencies = new TypeLatencies()
  let type = ''
  let at = 0
  /** The latencies that it was made by, of those drawn in their order. */
  const read: number[] = []
  /** How many of `read` count: the list is written again from its start, not emptied, which would free it. */
  let readCount = 0
  const scoreOf = (of: Candidate) => {
    const latencyMs = latencies.read(of, type, at)
    read[readCount++] = latencyMs
    return waitOf(of, latencyMs) / of.successRate
  }

  return builtIn({
    name: 'peak_ewma',
    select({ pool, random, task, now }) {
      contenders(pool, random, SCAN_LIMIT, drawn)
      type = task.type
      at = now
      latencies = latenciesOf(type)
      readCount = 0
      return lowestOf(drawn, scoreOf)
    },
    /** `[instance, milliseconds, ...]`, of its final size from the start: there is one for every decision. */
    memo: () => {
      const memo = new Array<string | number>(2 * readCount)
      for (let i = 0; i < readCount; i++) {
        memo[2 * i] = (drawn[i] as Candidate).instanceId
        memo[2 * i + 1] = read[i] as number
      }
      return memo
    },
    terms(_task, of, memo): ScoreTerms {
      const known = memo as readonly (string | number)[]
      const latencyMs = known[known.indexOf(of.instanceId) + 1] as number
      const wait = waitOf(of, latencyMs)
      return { wait, failures: wait / of.successRate - wait }
    },
    onResult({ task, outcome, instanceId, durationMs, now }: RoutingFeedback) {
      if (outcome === 'success') latenciesOf(task.type).learn(instanceId, durationMs, now)
    },
    snapshot: () => Object.fromEntries([...types].map(([name, of]) => [name, of.snapshot()])),
    restore(state) {
      const restored = entriesOf('peak_ewma', state, isTypeState)
      types.clear()
      for (const [name, of] of restored) types.set(name, new TypeLatencies(of))
    },
  })
}

function waitOf(of: Candidate, latencyMs: number): number {
  return (latencyMs * (of.inFlight + 1)) / shareOf(of)
}

interface TypeState {
  readonly durations: readonly number[]
  readonly results: number
  readonly median: number
  /** `[milliseconds, when]` by instance id. */
  readonly estimates: Readonly<Record<string, readonly number[]>>
}

/** The durations of one task type. */
class TypeLatencies {
  readonly #estimates = new BoundedMap<string, { readonly ms: number; readonly at: number }>(MAX_ESTIMATES)
  readonly #durations = new Sample()
  #results = 0
  #median = DEFAULT_MS

  constructor(state?: TypeState) {
    for (const [id, [ms = 0, at = 0]] of Object.entries(state?.estimates ?? {})) this.#estimates.set(id, { ms, at })
    for (const ms of state?.durations ?? []) this.#durations.add(ms)
    this.#results = state?.results ?? 0
    this.#median = state?.median ?? DEFAULT_MS
  }

  read(of: Candidate, type: string, now: number): number {
    const estimate = this.#estimates.get(of.instanceId)
    if (estimate === undefined) return of.latencyMs(type) ?? this.#median
    const above = estimate.ms - this.#median
    return above <= 0 ? estimate.ms : this.#median + above * this.#left(now - estimate.at)
  }

  learn(instanceId: string, durationMs: number, now: number): void {
    const before = this.#estimates.get(instanceId)
    const left = before === undefined ? 0 : this.#left(now - before.at)
    const ms = before === undefined || durationMs > before.ms ? durationMs : before.ms * left + durationMs * (1 - left)
    this.#estimates.set(instanceId, { ms, at: now })
    this.#durations.add(durationMs)
    this.#results++
    if (this.#results <= MEDIAN_EVERY || this.#results % MEDIAN_EVERY === 0) this.#median = this.#durations.median()
  }

  snapshot(): TypeState {
    const estimates = Object.fromEntries([...this.#estimates].map(([id, { ms, at }]) => [id, [ms, at]]))
    return { durations: this.#durations.values(), results: this.#results, median: this.#median, estimates }
  }

  /** What a time leaves of a distance; all of it when the clock was set back. */
  #left(elapsedMs: number): number {
    return Math.exp(-Math.max(0, elapsedMs) / Math.max(MIN_TAU_MS, 10 * this.#median))
  }
}

function isTypeState(value: unknown): value is TypeState {
  if (typeof value !== 'object' || value === null) return false
  const { durations, results, median, estimates } = value as Partial<TypeState>
  if (!isNumbers(durations) || !Number.isSafeInteger(results) || !Number.isFinite(median)) return false
  return entriesOf('peak_ewma', estimates, (pair) => isNumbers(pair, 2)).length >= 0
}
