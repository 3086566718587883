/**
 * Complete: one guarded commit settles the outcome of an attempt together with all that its handler staged.
 */
import { isBatutaError } from '../errors/base-error.js'
import { toStoredError } from '../errors/stored-error.js'
import type { Verdict } from '../router/health/breaker.js'
import type { AnyTaskDefinition } from '../task/definition.js'
import type { Cost } from '../task/limits.js'
import { DEFAULT_RETRY, NO_RETRY, type RetryPolicy } from '../task/retry-policy.js'
import {
  holdsCancelled,
  holdsClaim,
  type Outcome,
  type SettleRules,
  settled,
  withCost,
  withoutHolder,
} from '../task/task-life-cycle.js'
import type { TaskRecord } from '../task/task-record.js'
import { type ChangeResult, changeTask, type OnChange, type Plan } from './change-task.js'
import type { Contribution } from './commit/set-builder.js'
import type { Entry, NodeContext } from './node-context.js'

/** Between two tries of an outcome that the storage did not take: because it takes nothing now, or because it refused this one. */
const PAUSE_MS = 500
const REFUSED_PAUSE_MS = 10_000

/** What an attempt leaves behind. */
export interface Left {
  readonly outcome: Outcome
  readonly children?: readonly TaskRecord[] | undefined
  readonly contributions?: readonly Contribution[] | undefined
}

/** One attempt's settling: what it wants, and what came of it. */
export class Settlement {
  /** What counts in the end: a staged change that can't be written makes a failure of a success. */
  outcome: Outcome
  /** The claim no longer stood, so nothing changed. */
  isLate = false
  readonly #settleToken: string
  readonly #draw: number

  constructor(
    private readonly node: NodeContext,
    private readonly token: string,
    private readonly definition: AnyTaskDefinition | undefined,
    readonly left: Left,
    private readonly cost?: Cost | undefined,
  ) {
    this.outcome = left.outcome
    this.#settleToken = node.newToken()
    this.#draw = node.random.next()
  }

  /** What becomes of the task, as it stands. */
  readonly decide = (task: TaskRecord): Plan | undefined => {
    if (holdsCancelled(task, this.token)) {
      this.isLate = true
      return { after: withCost(withoutHolder(task), this.cost) }
    }
    if (!holdsClaim(task, this.token)) {
      // Our own settle, found again after its answer went missing, or somebody else's: either way there is nothing to do.
      this.isLate = !task.attempts.some((attempt) => attempt.settleToken === this.#settleToken)
      return undefined
    }
    this.isLate = false
    const rules = rulesFor(this.node, this.definition, this.#settleToken, this.#draw)
    const after = withCost(settled(task, this.outcome, rules), this.cost)
    if (this.outcome.type !== 'success') return { after }
    return { after, children: this.left.children, contributions: this.left.contributions }
  }
}

/**
 * Settles an attempt, if its claim still stands. A task that was cancelled meanwhile only loses its holder, and its turn is
 * passed on. A staged change that conflicts turns a success into a retryable failure.
 */
export function settle(
  node: NodeContext,
  onChange: OnChange,
  entry: Entry,
  settlement: Settlement,
): Promise<ChangeResult> {
  return changeTask(node, onChange, entry, settlement.decide).catch((error) => {
    // What it leaves behind can't be written: the attempt failed by it.
    if (settlement.outcome.type !== 'success' || isStorageTrouble(error)) throw error
    settlement.outcome = { type: 'failure', error: toStoredError(error), retryable: true }
    return changeTask(node, onChange, entry, settlement.decide)
  })
}

/**
 * As {@link settle}, again and again until this node stops. The handler has done its work by then, and nobody else can say what
 * came of it: given back, its task would run once more. One that is refused in any form holds its slot until an operator helps.
 */
export async function settlePatiently(
  node: NodeContext,
  onChange: OnChange,
  entry: Entry,
  settlement: Settlement,
): Promise<void> {
  for (;;) {
    try {
      await settle(node, onChange, entry, settlement)
      return
    } catch (error) {
      if (node.isStopped || !isBatutaError(error)) throw error
      node.log.warn({ taskId: entry.id, error }, 'an outcome could not be written')
      await node.pause(isStorageTrouble(error) ? PAUSE_MS : REFUSED_PAUSE_MS)
    }
  }
}

/** Whether the storage takes nothing now, and not only this. */
export function isStorageTrouble(error: unknown): boolean {
  if (!isBatutaError(error)) return false
  return error.code === 'NOT_RUNNING' || (error.code.startsWith('STORAGE_') && error.code !== 'STORAGE_REFUSED')
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

/** What an outcome says about the agent. */
export function verdictOn(outcome: Outcome | undefined): Verdict {
  if (outcome?.type === 'success') return 'success'
  if (outcome?.type !== 'failure' || !outcome.retryable) return 'neutral'
  // Somebody else wrote to the session meanwhile.
  return outcome.error.code === 'CONTEXT_CONFLICT' ? 'neutral' : 'failure'
}
