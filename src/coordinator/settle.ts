/**
 * Complete: one guarded commit settles the outcome of an attempt together with all that its handler staged.
 */
import { isBatutaError } from '../errors/base-error.js'
import { toStoredError } from '../errors/stored-error.js'
import type { AnyTaskDefinition } from '../task/definition.js'
import { DEFAULT_RETRY, NO_RETRY, type RetryPolicy } from '../task/retry-policy.js'
import {
  holdsCancelled,
  holdsClaim,
  type Outcome,
  type SettleRules,
  settled,
  withoutHolder,
} from '../task/task-life-cycle.js'
import type { TaskRecord } from '../task/task-record.js'
import { type ChangeResult, changeTask, type OnChange } from './change-task.js'
import type { Entry, NodeContext } from './node-context.js'
import type { Contribution } from './set-builder.js'

/** What an attempt leaves behind. */
export interface Settlement {
  readonly token: string
  readonly outcome: Outcome
  readonly children?: readonly TaskRecord[] | undefined
  readonly contributions?: readonly Contribution[] | undefined
  readonly definition: AnyTaskDefinition | undefined
}

/** What became of a settlement. `late`: the claim no longer stood, so nothing changed. */
export type SettleResult = ChangeResult & { readonly isLate: boolean; readonly outcome: Outcome }

/**
 * Settles an attempt, if its claim still stands. A task that was cancelled meanwhile only loses its holder, and its turn is
 * passed on. A staged change that conflicts turns a success into a retryable failure.
 */
export async function settle(
  node: NodeContext,
  onChange: OnChange,
  entry: Entry,
  settlement: Settlement,
): Promise<SettleResult> {
  const { token, definition } = settlement
  const settleToken = node.newToken()
  const draw = node.random.next()
  let outcome = settlement.outcome
  let isLate = false
  const decide = (task: TaskRecord) => {
    if (holdsCancelled(task, token)) {
      isLate = true
      return { after: withoutHolder(task) }
    }
    // Our own settle, found again after its answer went missing, or somebody else's: either way there is nothing to do.
    isLate = !task.attempts.some((attempt) => attempt.settleToken === settleToken)
    if (!holdsClaim(task, token)) return undefined
    isLate = false
    const rules = rulesFor(node, definition, settleToken, draw)
    const isSuccess = outcome.type === 'success'
    return {
      after: settled(task, outcome, rules),
      children: isSuccess ? settlement.children : undefined,
      contributions: isSuccess ? settlement.contributions : undefined,
    }
  }
  for (;;) {
    try {
      const result = await changeTask(node, onChange, entry, decide)
      return { ...result, isLate, outcome }
    } catch (error) {
      // Something staged can't be written: the attempt failed by it. Anything else is the storage's trouble.
      if (outcome.type !== 'success' || !isStagingError(error)) throw error
      outcome = { type: 'failure', error: toStoredError(error), retryable: true }
    }
  }
}

function isStagingError(error: unknown): boolean {
  return (
    !isBatutaError(error, 'STORAGE_UNAVAILABLE') &&
    !isBatutaError(error, 'STORAGE_OUTCOME_UNKNOWN') &&
    !isBatutaError(error, 'NOT_RUNNING') &&
    !isBatutaError(error, 'STORAGE_CLOSED')
  )
}

/** What an attempt of this definition is judged by, now. */
export function rulesFor(
  node: NodeContext,
  definition: AnyTaskDefinition | undefined,
  settleToken: string,
  draw: number,
): SettleRules {
  return {
    now: node.time.now(),
    settleToken,
    draw,
    retry: retryPolicyOf(definition, node.settings.retry),
    boosts: node.settings.boosts,
    maxLost: node.settings.maxLost,
    hasFallback: definition?.options.fallback !== undefined,
  }
}

/** A definition's retry policy, with what it leaves out from the application's. */
export function retryPolicyOf(
  definition: AnyTaskDefinition | undefined,
  base: RetryPolicy = DEFAULT_RETRY,
): RetryPolicy {
  const retry = definition?.options.retry
  if (retry === undefined) return base
  if (retry === false) return NO_RETRY
  return {
    maxRetries: retry.maxRetries ?? base.maxRetries,
    minDelayMs: retry.minDelayMs ?? base.minDelayMs,
    maxDelayMs: retry.maxDelayMs ?? base.maxDelayMs,
    factor: retry.factor ?? base.factor,
  }
}
