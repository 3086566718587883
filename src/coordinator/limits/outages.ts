import type { Verdict } from '../../router/health/breaker.js'
import type { RetryPolicy } from '../../task/retry-policy.js'
import { currentAttempt, isLastChance } from '../../task/task-life-cycle.js'
import type { TaskRecord } from '../../task/task-record.js'

/** So many failures in a row, of whichever agents, since it last worked. */
const FAILURES = 5
/** No retry is kept back for less, in milliseconds: each time is a write. */
const MIN_KEPT_BACK_MS = 100

/**
 * Knows the task types that worked here and have stopped to: what all of their agents need is down. Retries find out when it is
 * back, but the last one of a task is kept for then: a dead letter should hold what fails, not what met an outage.
 */
export class Outages {
  /** By type: how many attempts failed since its last success here. A type that never had one is not in it. */
  readonly #failures = new Map<string, number>()

  /** An attempt of this type came to this. */
  settled(type: string, verdict: Verdict): void {
    if (verdict === 'success') this.#failures.set(type, 0)
    const failures = this.#failures.get(type)
    if (verdict === 'failure' && failures !== undefined) this.#failures.set(type, failures + 1)
  }

  /**
   * For how many milliseconds a retry that is due is kept back; 0: not at all. As long as it has waited already, so that it costs
   * few writes, until `maxDelayMs` after the failure before it.
   */
  keptBackMs(task: TaskRecord, retry: RetryPolicy, hasFallback: boolean, now: number): number {
    if ((this.#failures.get(task.type) ?? 0) < FAILURES || !isLastChance(task, retry, hasFallback)) return 0
    const waitedMs = now - (currentAttempt(task)?.endedAt ?? now)
    const leftMs = Math.max(0, retry.maxDelayMs - waitedMs)
    return Math.min(leftMs, Math.max(waitedMs, retry.minDelayMs, MIN_KEPT_BACK_MS))
  }
}
