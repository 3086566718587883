import type { DecisionFilter } from '../router/decision-log.js'
import { OptionCheck, shown } from '../task/option-check.js'
import { STATUSES } from '../task/task-status.js'
import type { ClaimOptions } from './claim-types.js'
import type { ListFilter, RedriveFilter } from './listing-types.js'

const LIST_KEYS = new Set(['status', 'type', 'tenant', 'from', 'until', 'order', 'limit', 'cursor'])
const CLAIM_KEYS = new Set(['max', 'waitMs', 'signal'])
const DECISION_KEYS = new Set(['task', 'agent', 'since', 'limit'])
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
