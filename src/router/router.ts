import { BatutaError } from '../errors/base-error.js'
import { type Clock, realClock } from '../internal/clock.js'
import { cryptoRandom, type Random } from '../internal/random.js'
import { OptionCheck } from '../task/option-check.js'
import { type AgentDescription, PlainAgents, type PlainTask, routableTask } from './agent-description.js'
import { type Answer, askStrategy, strategyBroken } from './ask-strategy.js'
import { RoutingDecision } from './decision.js'
import { DecisionLog } from './decision-log.js'
import { admit, type Exclusions, exclude } from './exclusions.js'
import type { InstanceLoad } from './instance-load.js'
import type { LanePool } from './lane-pool.js'
import { DecisionRecorder } from './replay/decision-recorder.js'
import type { DecisionRecording } from './replay/recording.js'
import type { RoutableTask, RoutingFeedback, RoutingStrategy } from './routing-strategy.js'
import { roundRobin } from './strategies/round-robin.js'
import { type StrategyName, strategyByName } from './strategies/strategy-by-name.js'

/** Options of a {@link Router}. */
export interface RouterOptions {
  /** Who decides: a name or a strategy. Default `least_busy`. */
  readonly strategy?: StrategyName | RoutingStrategy | undefined
  /** Where strategies get randomness from. Default: the operating system. */
  readonly random?: Random | undefined
  readonly clock?: Clock | undefined
  /** Decisions that are kept for explanations: a whole number from 0. Default 1,000. */
  readonly keepDecisions?: number | undefined
  /**
   * Records decisions with all that they depended on, for `replayDecisions` of `batuta/testing`: see
   * {@link Router.recording}. `maxDecisions`: how many at most, from 1; the oldest eighth goes at a time. Each
   * takes about 1 KB and some microseconds. Default: off, which costs nothing.
   */
  readonly recordDecisions?: { readonly maxDecisions: number } | undefined
  /** Told when a strategy breaks: STRATEGY_ASYNC or STRATEGY_BROKEN. What it throws is ignored. */
  readonly onError?: ((error: BatutaError) => void) | undefined
}

/** What can be said about one decision. */
export interface DecideOptions {
  /** Whom this task failed on before. */
  readonly exclude?: Exclusions | undefined
  /** Decides instead of the router's own strategy. */
  readonly strategy?: string | RoutingStrategy | undefined
}

/** Who was chosen, and why. */
export interface Decided {
  /** `undefined`: nobody can take the task now, or the strategy wants none of them now. */
  readonly candidate: InstanceLoad | undefined
  readonly decision: RoutingDecision
  /** The strategy wanted none, and wants to be asked again after so many milliseconds. */
  readonly askAgainMs?: number | undefined
}

/**
 * Decides which of the agent instances that could take a task gets it, and can say why. A strategy that breaks harms
 * nobody: `round_robin` decides in its place, and `onError` is told.
 */
export class Router {
  /** The decisions made last. */
  readonly decisions: DecisionLog
  readonly #strategy: RoutingStrategy
  readonly #random: Random
  readonly #clock: Clock
  readonly #onError: ((error: BatutaError) => void) | undefined
  readonly #recorder: DecisionRecorder | undefined
  readonly #fallback = roundRobin()
  readonly #named = new Map<string, RoutingStrategy>()
  readonly #plainAgents = new PlainAgents()

  /**
   * @throws STRATEGY_UNKNOWN for a name that does not exist, OPTIONS_INVALID for something that is no strategy or no
   * number of decisions, and for unknown options.
   */
  constructor(options: RouterOptions = {}) {
    checkNames(options)
    const { keepDecisions = 1_000, random = cryptoRandom(), recordDecisions } = options
    if (!Number.isInteger(keepDecisions) || keepDecisions < 0)
      throw invalid('keepDecisions', `must be a whole number from 0, not ${String(keepDecisions)}`)
    if (recordDecisions !== undefined) this.#recorder = this.#makeRecorder(recordDecisions?.maxDecisions, random)
    this.#random = this.#recorder?.random ?? random
    this.#clock = options.clock ?? realClock
    this.#onError = options.onError
    this.#strategy = this.strategyFor(options.strategy ?? 'least_busy')
    this.decisions = new DecisionLog(keepDecisions)
  }

  /** The name of the strategy that decides when a task names none. */
  get strategy(): string {
    return this.#strategy.name
  }

  /**
   * The strategy behind a name, always the same one, or the strategy itself.
   * @throws STRATEGY_UNKNOWN, OPTIONS_INVALID.
   */
  strategyFor(strategy: string | RoutingStrategy | undefined): RoutingStrategy {
    if (strategy === undefined) return this.#strategy
    if (typeof strategy === 'object') return checked(strategy)
    const known = this.#named.get(strategy)
    if (known !== undefined) return known
    const made = strategyByName(strategy)
    this.#named.set(strategy, made)
    return made
  }

  /**
   * Which of these agents should get the task? Nothing is assigned: call it again and turns and ties move on.
   * @throws OPTIONS_INVALID for an agent with impossible numbers, STRATEGY_UNKNOWN for `options.strategy`.
   */
  route(task: PlainTask, agents: readonly AgentDescription[], options: DecideOptions = {}): RoutingDecision {
    const routable = routableTask(task)
    const pool = this.#plainAgents.poolFor(routable, agents)
    const { candidate, decision } = this.#decide(routable, pool, options)
    if (candidate !== undefined) this.#plainAgents.chosen(candidate.instanceId)
    return decision
  }

  /**
   * Which instance of a lane's pool should get the task? Does not assign it.
   * @throws STRATEGY_UNKNOWN for a name that does not exist. Nothing else.
   */
  decide(task: RoutableTask, pool: LanePool, options: DecideOptions = NO_OPTIONS): Decided {
    if (pool.healer?.recovering === true) pool.healer.recover(this.#clock.monotonic())
    const decided = this.#decide(task, pool, options)
    if (decided.candidate !== undefined) this.decisions.add(decided.decision)
    return decided
  }

  /**
   * The decisions recorded so far, with all that they depended on, as plain JSON; `undefined` without `recordDecisions`.
   * O(what is recorded): not meant for every request.
   */
  recording(): DecisionRecording | undefined {
    return this.#recorder?.recording()
  }

  /** Tells the strategy that decided how the attempt went. */
  settled(decision: RoutingDecision, outcome: RoutingFeedback['outcome'], durationMs: number): void {
    const { agent, instance } = decision
    const { strategy, task } = decision.decidedBy
    if ((strategy.onResult ?? this.#recorder) === undefined || agent === undefined || instance === undefined) return
    const feedback = { task, instanceId: instance, agentId: agent, outcome, durationMs, now: this.#clock.now() }
    this.#recorder?.settles(decision, feedback)
    try {
      strategy.onResult?.(feedback)
    } catch (cause) {
      this.#report(strategyBroken(strategy, 'threw in onResult', cause))
    }
  }

  #decide(task: RoutableTask, pool: LanePool, options: DecideOptions): Decided {
    const strategy = options.strategy === undefined ? this.#strategy : this.strategyFor(options.strategy)
    const at = this.#clock.now()
    const excluded = exclude(pool, options.exclude)
    const able = pool.size
    const answer = able === 0 ? nobody(strategy) : this.#ask(strategy, task, pool, at)
    const decision = new RoutingDecision({
      task,
      at,
      strategy: answer.strategy,
      fallbackFor: answer.strategy === strategy ? undefined : strategy.name,
      chosen: answer.load !== undefined,
      compared: able === 0 ? [] : pool.comparison.capture(answer.load),
      able,
      memo: answer.memo,
      refusals: pool.refusals(),
      exclusionsLifted: excluded.lifted,
      inPanic: pool.health.inPanic,
    })
    if (able > 0) this.#recorder?.decided(decision, strategy, pool, answer.load)
    admit(pool, excluded.barred)
    return { candidate: answer.load, decision, askAgainMs: answer.askAgainMs }
  }

  #ask(strategy: RoutingStrategy, task: RoutableTask, pool: LanePool, now: number): Answer {
    this.#recorder?.asks(strategy)
    try {
      return askStrategy(strategy, task, pool, this.#random, now)
    } catch (error) {
      this.#report(error as BatutaError)
      this.#recorder?.asks(this.#fallback)
      return askStrategy(this.#fallback, task, pool, this.#random, now)
    }
  }

  #makeRecorder(maxDecisions: unknown, random: Random): DecisionRecorder {
    if (!Number.isInteger(maxDecisions) || (maxDecisions as number) < 1)
      throw invalid('recordDecisions.maxDecisions', `must be a whole number from 1, not ${String(maxDecisions)}`)
    return new DecisionRecorder(maxDecisions as number, random, (strategy, cause) =>
      this.#report(strategyBroken(strategy, 'threw in snapshot', cause)),
    )
  }

  #report(error: BatutaError): void {
    try {
      this.#onError?.(error)
    } catch {
      // Whoever is told of a broken strategy must not break the decision that was saved from it.
    }
  }
}

function checked(strategy: RoutingStrategy): RoutingStrategy {
  const { name, select } = strategy ?? {}
  if (typeof name !== 'string' || name === '') throw invalid('strategy', 'must have a name')
  if (typeof select !== 'function') throw invalid('strategy', 'must have a function "select"')
  return strategy
}

const KNOWN: ReadonlySet<string> = new Set([
  'strategy',
  'random',
  'clock',
  'keepDecisions',
  'recordDecisions',
  'onError',
])

/** An option that nobody knows is mostly a typing mistake. */
function checkNames(options: RouterOptions): void {
  const check = new OptionCheck()
  if (check.object([], options)) check.keys([], options, KNOWN)
  check.done('the router')
}

function invalid(name: string, message: string): BatutaError {
  return new BatutaError('OPTIONS_INVALID', `Router: ${name} ${message}.`, {
    data: { issues: [{ path: [name], message }] },
    fix: 'Correct the option.',
  })
}

function nobody(strategy: RoutingStrategy): Answer {
  return { strategy, load: undefined, memo: undefined, askAgainMs: undefined }
}

const NO_OPTIONS: DecideOptions = {}
