import { BoundedMap } from '../../internal/bounded-map.js'
import type { Clock } from '../../internal/clock.js'
import type { Verdict } from '../../router/health/breaker.js'
import type { RetryPolicy } from '../../task/retry-policy.js'
import type { TaskRecord } from '../../task/task-record.js'
import { Outages } from './outages.js'
import { RetryBudget, type RetryBudgetOptions } from './retry-budget.js'

/** Put-off retries that are remembered for explanations. */
const MAX_REMEMBERED = 1_000

/** A retry that is due may not go yet. */
export interface PutOff {
  /** For want of retry budget, or because nothing of its type succeeds and it is its last. */
  readonly reason: 'retry_budget' | 'last_retry'
  readonly forMs: number
}

/** Says when retries may go, so that an outage is neither multiplied by them nor fills the dead letters. */
export class RetryGate {
  readonly #budget: RetryBudget
  readonly #outages = new Outages()
  /** Retries that this node has put off: why, and until when. The oldest are forgotten. */
  readonly #remembered = new BoundedMap<string, { readonly until: number; readonly reason: PutOff['reason'] }>(
    MAX_REMEMBERED,
  )

  constructor(clock: Clock, options: RetryBudgetOptions) {
    this.#budget = new RetryBudget(clock, options)
  }

  /** A task was tried for the first time. */
  tried(): void {
    this.#budget.deposit()
  }

  /** An attempt of this type came to this. */
  settled(type: string, verdict: Verdict): void {
    this.#outages.settled(type, verdict)
  }

  /** Lets a retry that is due go (`undefined`), or puts it off. */
  pass(task: TaskRecord, retry: RetryPolicy, hasFallback: boolean, now: number): PutOff | undefined {
    const keptBackMs = this.#outages.keptBackMs(task, retry, hasFallback, now)
    if (keptBackMs > 0) return { reason: 'last_retry', forMs: keptBackMs }
    const forMs = this.#budget.take()
    return forMs > 0 ? { reason: 'retry_budget', forMs } : undefined
  }

  /** It was put off until then (storage time). */
  remember(taskId: string, until: number, { reason }: PutOff): void {
    this.#remembered.set(taskId, { until, reason })
  }

  /** Why this task is due only then, as far as this node put it off and remembers. */
  reasonFor(taskId: string, until: number | undefined): PutOff['reason'] | undefined {
    const known = this.#remembered.get(taskId)
    return known !== undefined && known.until === until ? known.reason : undefined
  }
}
