/**
 * What happens to a task, as pure functions from record to record. This is the only file that says what a success, a
 * failure, a timeout, a loss or a cancel turns a task into; the coordinator only commits what it answers.
 */
import type { StoredError } from '../errors/codes.js'
import { agentLane, fallbackLane } from './lane.js'
import type { Cost } from './limits.js'
import { type PriorityBoosts, rankOf } from './priority.js'
import { backoffMs, type RetryPolicy } from './retry-policy.js'
import type { AttemptOutcome, AttemptRecord, TaskRecord } from './task-record.js'
import { isTerminal } from './task-status.js'

/** Attempts kept per task. Failed and lost ones are bounded by policy; a task released more often loses its oldest released ones. */
const MAX_ATTEMPTS_KEPT = 100

/** What a claim writes into a task. */
export interface ClaimFacts {
  readonly agentId: string
  readonly instanceId: string
  readonly ownerId: string
  readonly token: string
  readonly now: number
  readonly strategy?: string | undefined
  readonly score?: number | undefined
  /** For a polling agent: when its claim ends. */
  readonly claimEndsAt?: number | undefined
  readonly permitId?: string | undefined
}

/** How an attempt went. */
export type Outcome =
  | { readonly type: 'success'; readonly output: unknown }
  | {
      readonly type: 'failure'
      readonly error: StoredError
      /** `false`: no retry, whatever the policy. */
      readonly retryable: boolean
      /** Instead of the policy's backoff, in milliseconds. */
      readonly retryAfterMs?: number | undefined
      /** `true`: no retry and no fallback either (the task itself is at fault). */
      readonly final?: boolean | undefined
    }
  | { readonly type: 'released'; readonly error: StoredError }
  | { readonly type: 'lost'; readonly error: StoredError }

/** What the outcome of an attempt is judged by. */
export interface SettleRules {
  readonly now: number
  readonly settleToken: string
  readonly retry: RetryPolicy
  /** A random number in [0, 1) for the jitter; the same one for every rebuild of one settle. */
  readonly draw: number
  readonly boosts: PriorityBoosts
  readonly maxLost: number
  /** Whether the type's definition has a fallback function. */
  readonly hasFallback: boolean
}

/** The attempt that is running, or the last one of a task that was cancelled while running. */
export function currentAttempt(task: TaskRecord): AttemptRecord | undefined {
  return task.attempts[task.attempts.length - 1]
}

/** Whether this token still holds the right to settle the task's running attempt. */
export function holdsClaim(task: TaskRecord, token: string): boolean {
  return task.state === 'running' && currentAttempt(task)?.token === token
}

/** Whether the task was cancelled while this token's attempt was running, and its handler is still thought to run. */
export function holdsCancelled(task: TaskRecord, token: string): boolean {
  return task.holder !== undefined && isTerminal(task.state) && currentAttempt(task)?.token === token
}

/** Whether the task's next attempt runs a fallback agent or function. */
export function isFallbackStep(task: TaskRecord): boolean {
  return (task.fallbackStep ?? 0) > 0
}

/** ready -> running. */
export function claimed(task: TaskRecord, claim: ClaimFacts): TaskRecord {
  const attempt: AttemptRecord = {
    number: (currentAttempt(task)?.number ?? 0) + 1,
    agentId: claim.agentId,
    instanceId: claim.instanceId,
    ownerId: claim.ownerId,
    token: claim.token,
    startedAt: claim.now,
    endedAt: undefined,
    outcome: undefined,
    error: undefined,
    settleToken: undefined,
    strategy: claim.strategy,
    score: claim.score,
    cost: undefined,
    role: isFallbackStep(task) ? 'fallback' : undefined,
  }
  return {
    ...task,
    state: 'running',
    attempts: task.attempts.length === 0 ? [attempt] : [...task.attempts, attempt],
    holder: claim.ownerId,
    claimEndsAt: claim.claimEndsAt,
    permitId: claim.permitId,
  }
}

/** running -> completed, failed, scheduled (backoff) or ready, as the outcome and the rules say. */
export function settled(task: TaskRecord, outcome: Outcome, rules: SettleRules): TaskRecord {
  switch (outcome.type) {
    case 'success':
      return {
        ...task,
        ...NO_CLAIM,
        state: 'completed',
        attempts: endAttempt(task.attempts, 'completed', rules.now, rules.settleToken),
        output: outcome.output,
        error: undefined,
        endedAt: rules.now,
      }
    case 'failure':
      return afterFailure(released(task, 'failed', rules, outcome.error), outcome, rules)
    case 'released':
      // Its place in the lane is kept: what was taken back goes to the front, not to the end of the backlog.
      return { ...released(task, 'released', rules, outcome.error), state: 'ready' }
    case 'lost': {
      const next = released(task, 'lost', rules, outcome.error)
      const lost = next.attempts.filter((attempt) => attempt.outcome === 'lost').length
      if (lost < rules.maxLost) return { ...next, state: 'ready' }
      return failed(next, rules.now, {
        name: 'BatutaError',
        code: 'TASK_LOST',
        message: `The owners of ${lost} attempts died. The task may be what kills them.`,
      })
    }
  }
}

/** Whether the task is failed for good if its next attempt fails: no retry is left after it, and no fallback. */
export function isLastChance(task: TaskRecord, retry: RetryPolicy, hasFallback: boolean): boolean {
  const isFallbackLeft = (task.fallbackAgents?.length ?? 0) > 0 || hasFallback
  return !isFallbackLeft && failuresOf(task) >= retry.maxRetries
}

/** Attempts that count against the retries. */
function failuresOf(task: TaskRecord): number {
  return task.attempts.filter((attempt) => attempt.outcome === 'failed' && attempt.role === undefined).length
}

function afterFailure(task: TaskRecord, outcome: Outcome & { type: 'failure' }, rules: SettleRules): TaskRecord {
  if (outcome.final === true) return failed(task, rules.now, outcome.error)
  const failures = failuresOf(task)
  const isFallback = isFallbackStep(task)
  if (!isFallback && outcome.retryable && failures <= rules.retry.maxRetries) {
    const delayMs = outcome.retryAfterMs ?? backoffMs(rules.retry, failures, rules.draw)
    const runAt = rules.now + delayMs
    return scheduledAt({ ...task, error: outcome.error }, runAt, rules.boosts)
  }
  return nextFallback({ ...task, error: outcome.error }, rules) ?? failed(task, rules.now, outcome.error)
}

/** The fallback agents in their order, then the definition's function; one extra attempt each. */
function nextFallback(task: TaskRecord, rules: SettleRules): TaskRecord | undefined {
  const step = task.fallbackStep ?? 0
  const agents = task.fallbackAgents ?? []
  const agentId = agents[step]
  if (agentId !== undefined) return { ...task, state: 'ready', lane: agentLane(agentId), fallbackStep: step + 1 }
  if (step === agents.length && rules.hasFallback) {
    return { ...task, state: 'ready', lane: fallbackLane(task.type), fallbackStep: step + 1 }
  }
  return undefined
}

/** -> scheduled: a delay, a backoff, or a retry pushed back. It is due from then on, so its rank counts from there. */
export function scheduledAt(task: TaskRecord, runAt: number, boosts: PriorityBoosts): TaskRecord {
  return { ...task, state: 'scheduled', runAt, dueAt: runAt, rank: rankOf(runAt, task.priority, boosts) }
}

/** scheduled -> ready, or waiting when it is not its turn. */
export function promoted(task: TaskRecord, hasTurn: boolean): TaskRecord {
  return { ...task, runAt: undefined, merge: undefined, state: hasTurn ? 'ready' : 'waiting' }
}

/** waiting -> ready: its turn has come. It keeps the rank that it has earned by waiting. */
export function givenTurn(task: TaskRecord): TaskRecord {
  return { ...task, state: 'ready' }
}

/**
 * any unfinished state -> cancelled. A running task keeps its holder (and its permit): the turn is passed on only when
 * the handler has returned, and that is `withoutHolder`.
 */
export function cancelled(task: TaskRecord, now: number, settleToken: string, reason: string | undefined): TaskRecord {
  const attempts = task.state === 'running' ? endAttempt(task.attempts, 'cancelled', now, settleToken) : task.attempts
  return {
    ...task,
    runAt: undefined,
    merge: undefined,
    state: 'cancelled',
    attempts,
    endedAt: now,
    cancelReason: reason,
  }
}

/** An ended task whose handler has returned, was abandoned, or died with its owner. */
export function withoutHolder(task: TaskRecord): TaskRecord {
  return { ...task, ...NO_CLAIM }
}

/** any pending state -> failed: it was not started by its `expiresAt`. */
export function expired(task: TaskRecord, now: number): TaskRecord {
  return failed({ ...task, runAt: undefined, merge: undefined }, now, {
    name: 'BatutaError',
    code: 'TASK_EXPIRED',
    message: `Not started by ${new Date(task.expiresAt ?? now).toISOString()}.`,
  })
}

/** running -> running with a later end of the polling agent's claim. */
export function extended(task: TaskRecord, claimEndsAt: number): TaskRecord {
  return { ...task, claimEndsAt }
}

/** What its last attempt cost. */
export function withCost(task: TaskRecord, cost: Cost | undefined): TaskRecord {
  const last = currentAttempt(task)
  if (cost === undefined || last === undefined) return task
  return { ...task, attempts: [...task.attempts.slice(0, -1), { ...last, cost }] }
}

/** Whether nothing of a task is left to do: it has ended and no handler of it is thought to run. */
export function isOver(task: TaskRecord): boolean {
  return isTerminal(task.state) && task.holder === undefined
}

function failed(task: TaskRecord, now: number, error: StoredError): TaskRecord {
  return { ...task, state: 'failed', error, endedAt: now }
}

/** The task with its running attempt ended and its holder gone; the state is the caller's to say. */
function released(task: TaskRecord, outcome: AttemptOutcome, rules: SettleRules, error?: StoredError): TaskRecord {
  const attempts = endAttempt(task.attempts, outcome, rules.now, rules.settleToken, error)
  return withoutHolder({ ...task, attempts })
}

/** Nobody holds it. */
const NO_CLAIM = { holder: undefined, claimEndsAt: undefined, permitId: undefined }

function endAttempt(
  attempts: readonly AttemptRecord[],
  outcome: AttemptOutcome,
  endedAt: number,
  settleToken: string,
  error?: StoredError,
): readonly AttemptRecord[] {
  const last = attempts[attempts.length - 1]
  if (last === undefined) return attempts
  const ended = { ...last, endedAt, outcome, settleToken, error }
  if (attempts.length === 1) return [ended]
  const all = [...attempts.slice(0, -1), ended]
  if (all.length <= MAX_ATTEMPTS_KEPT) return all
  // Never the one that has just ended: its number and its tokens are what comes next goes by.
  const oldest = all.findIndex((attempt) => attempt.outcome === 'released' && attempt !== ended)
  return oldest === -1 ? all : all.toSpliced(oldest, 1)
}
