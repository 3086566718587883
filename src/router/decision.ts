import type { CandidateSnapshot } from './candidate-snapshot.js'
import { decisionText } from './decision-text.js'
import type { RefusalReason } from './instance-load.js'
import type { Refusals } from './refusal-counts.js'
import type { RoutableTask, RoutingStrategy, ScoreTerms } from './routing-strategy.js'

/** One of the candidates that a decision compared, with its numbers as they were then. */
export interface ComparedCandidate {
  readonly agent: string
  readonly instance: string
  /** The sum of the terms; lower is better. Absent when the strategy gives no terms. */
  readonly score?: number
  readonly terms?: ScoreTerms
  readonly inFlight: number
  readonly capacity: number
  readonly successRate: number
  /** Of tasks of this type; absent before the first success. */
  readonly latencyMs?: number
  /** Of one task, in the application's unit; absent when the agent declares none. */
  readonly cost?: number
  /** The part of its capacity that it is given for the time being; absent when it is all of it. */
  readonly weight?: number
}

/** How many instances could not take the task, and why. */
export interface Refusal {
  readonly reason: RefusalReason
  readonly count: number
  /** When that ends for the last of them, where it is known. */
  readonly until?: Date
}

/** What was known at the moment of a decision. Everything in it is a value, or never changes. */
export interface DecisionFacts {
  readonly task: RoutableTask
  readonly at: number
  /** Who decided: the strategy asked for, or the fallback. */
  readonly strategy: RoutingStrategy
  /** Why the strategy that was asked for did not decide. */
  readonly fallbackFor?: string | undefined
  readonly chosen: boolean
  /** At most 16, the winner first. */
  readonly compared: readonly CandidateSnapshot[]
  /** How many could have taken the task. */
  readonly able: number
  readonly memo: unknown
  readonly refusals: Refusals
  /** Nobody was left who had not failed this task before, so those were allowed again. */
  readonly exclusionsLifted: boolean
  /** So few of the lane's agents were healthy that those ejected were used, too. */
  readonly inPanic: boolean
}

/**
 * Why a task went to an agent: true of the moment when it was decided, whatever happened since. Made into objects and
 * text when asked.
 */
export class RoutingDecision {
  // Fields, not an object of facts: V8 may come to allocate a literal that it has often seen survive in the old generation
  // ("pretenuring"), and all that it refers to then survives until the next full collection. Constructors are exempt.
  readonly #task: RoutableTask
  readonly #at: number
  readonly #strategy: RoutingStrategy
  readonly #fallbackFor: string | undefined
  readonly #chosen: boolean
  readonly #compared: readonly CandidateSnapshot[]
  readonly #able: number
  readonly #memo: unknown
  readonly #refusals: Refusals
  readonly #exclusionsLifted: boolean
  readonly #inPanic: boolean
  #candidates: readonly ComparedCandidate[] | undefined

  constructor(facts: DecisionFacts) {
    this.#task = facts.task
    this.#at = facts.at
    this.#strategy = facts.strategy
    this.#fallbackFor = facts.fallbackFor
    this.#chosen = facts.chosen
    this.#compared = facts.compared
    this.#able = facts.able
    this.#memo = facts.memo
    this.#refusals = facts.refusals
    this.#exclusionsLifted = facts.exclusionsLifted
    this.#inPanic = facts.inPanic
  }

  get taskId(): string {
    return this.#task.id
  }

  get taskType(): string {
    return this.#task.type
  }

  /** The number of the attempt that it is about, from 1. */
  get attempt(): number {
    return this.#task.attempts + 1
  }

  /** The agent's id; `undefined` when nobody was chosen. */
  get agent(): string | undefined {
    return this.#chosen ? this.#compared[0]?.agentId : undefined
  }

  /** The instance's id; `undefined` when nobody was chosen. */
  get instance(): string | undefined {
    return this.#chosen ? this.#compared[0]?.instanceId : undefined
  }

  /** The name of the strategy that decided. */
  get strategy(): string {
    return this.#strategy.name
  }

  /** The name of the strategy that should have decided, when it was broken and the fallback took its place. */
  get fallbackFor(): string | undefined {
    return this.#fallbackFor
  }

  /** The winner's score; `undefined` when nobody was chosen, or the strategy gives no terms. */
  get score(): number | undefined {
    if (!this.#chosen) return undefined
    if (this.#candidates !== undefined) return this.#candidates[0]?.score
    const [winner] = this.#compared
    return winner && sumOf(this.#termsOf(winner))
  }

  get at(): Date {
    return new Date(this.#at)
  }

  /** How many could have taken the task, compared or not. */
  get able(): number {
    return this.#able
  }

  /** Whether everybody left had failed this task before. */
  get exclusionsLifted(): boolean {
    return this.#exclusionsLifted
  }

  /** Whether so few of the lane's agents were healthy that those ejected were used, too. */
  get inPanic(): boolean {
    return this.#inPanic
  }

  /** The candidates that were really compared: at most 16, the winner first, then by score. */
  get candidates(): readonly ComparedCandidate[] {
    this.#candidates ??= this.#compare()
    return this.#candidates
  }

  /** Everybody who could not take the task, most frequent reason first. */
  get refusals(): readonly Refusal[] {
    const refusals: Refusal[] = []
    const list = this.#refusals
    for (let i = 0; i < list.length; i += 3) {
      const until = list[i + 2] as number
      const reason = list[i] as RefusalReason
      const count = list[i + 1] as number
      refusals.push({ reason, count, ...(until > 0 && { until: new Date(until) }) })
    }
    return refusals.sort((a, b) => b.count - a.count)
  }

  /** The strategy that decided and the task it decided about: for its feedback. */
  get decidedBy(): { readonly strategy: RoutingStrategy; readonly task: RoutableTask } {
    return { strategy: this.#strategy, task: this.#task }
  }

  /** For a terminal: who, why, the candidates in columns, and who was out of the question. */
  toString(): string {
    return decisionText(this)
  }

  toJSON() {
    const { taskId, taskType, attempt, agent, instance, strategy, fallbackFor, exclusionsLifted, inPanic } = this
    const { score, at, able, candidates, refusals } = this
    const who = { taskId, taskType, attempt, agent, instance, strategy, fallbackFor, exclusionsLifted, inPanic }
    return { ...who, score, at, able, candidates, refusals }
  }

  #compare(): readonly ComparedCandidate[] {
    const list = this.#compared.map((snapshot): ComparedCandidate => {
      const terms = this.#termsOf(snapshot)
      const score = sumOf(terms)
      const latencyMs = snapshot.latencyMs(this.#task.type)
      return {
        agent: snapshot.agentId,
        instance: snapshot.instanceId,
        ...(terms !== undefined && score !== undefined && { score, terms }),
        inFlight: snapshot.inFlight,
        capacity: snapshot.capacity,
        successRate: snapshot.successRate,
        ...(latencyMs !== undefined && { latencyMs }),
        ...(snapshot.cost !== 0 && { cost: snapshot.cost }),
        ...(snapshot.weight !== 1 && { weight: snapshot.weight }),
      }
    })
    const winner = this.#chosen ? list.splice(0, 1) : []
    list.sort((a, b) => (a.score ?? 0) - (b.score ?? 0))
    return Object.freeze([...winner, ...list])
  }

  /** A strategy that breaks here only spoils its own explanation. */
  #termsOf(snapshot: CandidateSnapshot): ScoreTerms | undefined {
    try {
      return this.#strategy.terms?.(this.#task, Object.freeze(snapshot), this.#memo)
    } catch {
      return undefined
    }
  }
}

/** The score that terms stand for; `undefined` when they are no terms. */
function sumOf(terms: ScoreTerms | undefined): number | undefined {
  if (typeof terms !== 'object' || terms === null) return undefined
  let sum = 0
  for (const term of Object.values(terms)) sum += term
  return typeof sum === 'number' && !Number.isNaN(sum) ? sum : undefined
}
