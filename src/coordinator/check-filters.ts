import type { DecisionFilter } from '../router/decision-log.js'
import { copyJson } from '../task/json-value.js'
import { OptionCheck, shown } from '../task/option-check.js'
import { STATUSES } from '../task/task-status.js'
import type { EjectOptions, GraceOptions } from './api-types.js'
import type { ClaimOptions, FailOptions } from './claim-types.js'
import type { ListFilter, RedriveFilter, RedriveOptions } from './listing-types.js'

const LIST_KEYS = new Set(['status', 'type', 'tenant', 'from', 'until', 'order', 'limit', 'cursor'])
const CLAIM_KEYS = new Set(['max', 'waitMs', 'signal'])
const DECISION_KEYS = new Set(['task', 'agent', 'since', 'limit'])
const GRACE_KEYS = new Set(['graceMs'])
const EJECT_KEYS = new Set(['forMs'])
const FAIL_KEYS = new Set(['retryable'])
const REDRIVE_OPTION_KEYS = new Set(['dryRun'])
const REDRIVE_KEYS = new Set(['ids', 'type', 'tenant', 'code', 'from', 'until', 'limit'])

/** @throws OPTIONS_INVALID with everything that is wrong. */
export function checkListFilter(filter: ListFilter): void {
  const check = new OptionCheck()
  if (check.object([], filter)) {
    check.keys([], filter, LIST_KEYS)
    checkCommon(check, filter)
    check.oneOf(['order'], filter.order, ['asc', 'desc'])
    check.id(['cursor'], filter.cursor)
    const statuses: unknown = filter.status
    if (Array.isArray(statuses)) {
      for (const [i, status] of statuses.entries()) check.oneOf(['status', i], status ?? null, STATUSES)
    } else check.oneOf(['status'], statuses, STATUSES)
  }
  check.done('listTasks')
}

/** @throws OPTIONS_INVALID with everything that is wrong. */
export function checkRedriveOptions(options: RedriveOptions): void {
  const check = new OptionCheck()
  if (check.object([], options)) {
    check.keys([], options, REDRIVE_OPTION_KEYS)
    check.boolean(['dryRun'], options.dryRun)
  }
  check.done('redrive')
}

/** @throws OPTIONS_INVALID with everything that is wrong. */
export function checkFailOptions(options: FailOptions): void {
  const check = new OptionCheck()
  if (check.object([], options)) {
    check.keys([], options, FAIL_KEYS)
    check.boolean(['retryable'], options.retryable)
  }
  check.done('fail')
}

/** @throws OPTIONS_INVALID with everything that is wrong. */
export function checkEjectOptions(options: EjectOptions): void {
  const check = new OptionCheck()
  if (check.object([], options)) {
    check.keys([], options, EJECT_KEYS)
    check.number(['forMs'], options.forMs, { min: 1, max: LONGEST_EJECTION_MS })
  }
  check.done('eject')
}

const LONGEST_EJECTION_MS = 365 * 86_400_000

/** For how long running handlers may go on. @throws OPTIONS_INVALID. */
export function graceMsOf(options: GraceOptions): number {
  const check = new OptionCheck()
  if (check.object([], options)) {
    check.keys([], options, GRACE_KEYS)
    check.number(['graceMs'], options.graceMs, { min: 0, max: Number.POSITIVE_INFINITY })
  }
  check.done('this call')
  return options.graceMs ?? DEFAULT_GRACE_MS
}

const DEFAULT_GRACE_MS = 10_000

/** Why a task is cancelled: a text, of no more than a payload may have. @throws OPTIONS_INVALID, PAYLOAD_TOO_LARGE. */
export function checkReason(reason: unknown, maxBytes: number): void {
  const check = new OptionCheck()
  if (reason !== undefined && typeof reason !== 'string')
    check.add(['reason'], `must be a string, not ${shown(reason)}`)
  check.done('cancel')
  copyJson(reason, { maxBytes, what: 'reason' })
}

/** @throws OPTIONS_INVALID. */
export function checkInputs(inputs: unknown): void {
  const check = new OptionCheck()
  if (!Array.isArray(inputs)) check.add(['inputs'], `must be an array, not ${shown(inputs)}`)
  check.done('submitMany')
}

/** @throws OPTIONS_INVALID with everything that is wrong. */
export function checkRedriveFilter(filter: RedriveFilter): void {
  const check = new OptionCheck()
  if (check.object([], filter)) {
    check.keys([], filter, REDRIVE_KEYS)
    checkCommon(check, filter)
    check.ids(['ids'], filter.ids)
    check.id(['code'], filter.code)
  }
  check.done('redrive')
}

/** @throws OPTIONS_INVALID with everything that is wrong. */
export function checkClaimOptions(options: ClaimOptions): void {
  const check = new OptionCheck()
  if (check.object([], options)) {
    check.keys([], options, CLAIM_KEYS)
    check.number(['max'], options.max, { min: 1, whole: true })
    check.number(['waitMs'], options.waitMs, { min: 0, max: Number.POSITIVE_INFINITY })
    const signal: unknown = options.signal
    if (signal !== undefined && !(signal instanceof AbortSignal)) check.add(['signal'], 'must be an AbortSignal')
  }
  check.done('claimTasks')
}

/** @throws OPTIONS_INVALID with everything that is wrong. */
export function checkDecisionFilter(filter: DecisionFilter): void {
  const check = new OptionCheck()
  if (check.object([], filter)) {
    check.keys([], filter, DECISION_KEYS)
    check.id(['task'], filter.task)
    check.id(['agent'], filter.agent)
    check.number(['limit'], filter.limit, { min: 1, whole: true })
    checkTime(check, 'since', filter.since)
  }
  check.done('decisions')
}

function checkCommon(check: OptionCheck, filter: ListFilter | RedriveFilter): void {
  check.id(['type'], filter.type)
  check.id(['tenant'], filter.tenant)
  check.number(['limit'], filter.limit, { min: 1, max: 1_000, whole: true })
  for (const name of ['from', 'until'] as const) checkTime(check, name, filter[name])
}

function checkTime(check: OptionCheck, name: string, at: unknown): void {
  const ms = at instanceof Date ? at.getTime() : at
  if (at !== undefined && !Number.isFinite(ms)) {
    check.add([name], `must be a valid Date or milliseconds since the epoch, not ${shown(at)}`)
  }
}
