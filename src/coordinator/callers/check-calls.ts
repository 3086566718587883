import type { DecisionFilter } from '../../router/decision-log.js'
import { copyJson } from '../../task/json-value.js'
import { checkOptions, idRule, type OptionRule, type OptionRules, shown } from '../../task/option-check.js'
import { STATUSES } from '../../task/task-status.js'
import type { ClaimOptions, FailOptions } from '../agents/claim-types.js'
import type { ListFilter, RedriveFilter, RedriveOptions } from '../views/listing-types.js'
import type { EjectOptions, GraceOptions } from './api-types.js'

const DEFAULT_GRACE_MS = 10_000
const LONGEST_EJECTION_MS = 365 * 86_400_000

const duration: OptionRule = (check, path, value) =>
  check.number(path, value, { min: 0, max: Number.POSITIVE_INFINITY })
const page: OptionRule = (check, path, value) => check.number(path, value, { min: 1, max: 1_000, whole: true })
const count: OptionRule = (check, path, value) => check.number(path, value, { min: 1, whole: true })
const flag: OptionRule = (check, path, value) => check.boolean(path, value)

const time: OptionRule = (check, path, value) => {
  const ms = value instanceof Date ? value.getTime() : value
  if (!Number.isFinite(ms)) {
    check.add(path, `must be a valid Date or milliseconds since the epoch, not ${shown(value)}`)
  }
}

const LIST: OptionRules<ListFilter> = {
  status: (check, path, value) => {
    if (!Array.isArray(value)) return check.oneOf(path, value, STATUSES)
    for (const [i, status] of value.entries()) check.oneOf([...path, i], status ?? null, STATUSES)
  },
  type: idRule,
  tenant: idRule,
  from: time,
  until: time,
  order: (check, path, value) => check.oneOf(path, value, ['asc', 'desc']),
  limit: page,
  cursor: idRule,
}

const REDRIVE: OptionRules<RedriveFilter> = {
  ids: (check, path, value) => check.ids(path, value),
  type: idRule,
  tenant: idRule,
  code: idRule,
  from: time,
  until: time,
  limit: page,
}

const CLAIM: OptionRules<ClaimOptions> = {
  max: count,
  waitMs: duration,
  signal: (check, path, value) => {
    if (!(value instanceof AbortSignal)) check.add(path, 'must be an AbortSignal')
  },
}

const DECISIONS: OptionRules<DecisionFilter> = { task: idRule, agent: idRule, limit: count, since: time }

const EJECT: OptionRules<EjectOptions> = {
  forMs: (check, path, value) => check.number(path, value, { min: 1, max: LONGEST_EJECTION_MS }),
}

/** @throws OPTIONS_INVALID with everything that is wrong. */
export const checkListFilter = (filter: ListFilter): void => checkOptions('listTasks', filter, LIST)
/** @throws OPTIONS_INVALID with everything that is wrong. */
export const checkRedriveFilter = (filter: RedriveFilter): void => checkOptions('redrive', filter, REDRIVE)
/** @throws OPTIONS_INVALID with everything that is wrong. */
export const checkRedriveOptions = (options: RedriveOptions): void => checkOptions('redrive', options, { dryRun: flag })
/** @throws OPTIONS_INVALID with everything that is wrong. */
export const checkClaimOptions = (options: ClaimOptions): void => checkOptions('claimTasks', options, CLAIM)
/** @throws OPTIONS_INVALID with everything that is wrong. */
export const checkFailOptions = (options: FailOptions): void => checkOptions('fail', options, { retryable: flag })
/** @throws OPTIONS_INVALID with everything that is wrong. */
export const checkDecisionFilter = (filter: DecisionFilter): void => checkOptions('decisions', filter, DECISIONS)
/** @throws OPTIONS_INVALID with everything that is wrong. */
export const checkEjectOptions = (options: EjectOptions): void => checkOptions('eject', options, EJECT)

/** For how long running handlers may go on. @throws OPTIONS_INVALID. */
export function graceMsOf(call: string, options: GraceOptions): number {
  checkOptions(call, options, { graceMs: duration })
  return options.graceMs ?? DEFAULT_GRACE_MS
}

/** Why a task is cancelled: a text, of no more than a payload may have. @throws OPTIONS_INVALID, PAYLOAD_TOO_LARGE. */
export function checkReason(reason: unknown, maxBytes: number): void {
  const text: OptionRule = (check, path, value) => {
    if (typeof value !== 'string') check.add(path, `must be a string, not ${shown(value)}`)
  }
  checkOptions('cancel', { reason }, { reason: text })
  copyJson(reason, { maxBytes, what: 'reason' })
}

/** @throws OPTIONS_INVALID. */
export function checkInputs(inputs: unknown): void {
  const list: OptionRule = (check, path, value) => {
    if (!Array.isArray(value)) check.add(path, `must be an array, not ${shown(value)}`)
  }
  checkOptions('submitMany', { inputs: inputs ?? null }, { inputs: list })
}
