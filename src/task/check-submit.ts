import type { OptionCheck } from './option-check.js'
import { shown } from './option-check.js'
import { PRIORITIES } from './priority.js'
import type { WhenBusy } from './submit-options.js'

/** What can be done about a busy ordering key or session. */
export const BUSY_POLICIES: readonly WhenBusy[] = ['enqueue', 'reject', 'interrupt']

/** The options of `submit`. */
export const SUBMIT_KEYS: readonly string[] = [
  'priority',
  'runAt',
  'delayMs',
  'idempotencyKey',
  'orderingKey',
  'whenBusy',
  'sessionId',
  'tenant',
  'timeoutMs',
  'expiresAt',
  'fallbackAgents',
  'strategy',
  'metadata',
]

const SUBMIT: ReadonlySet<string> = new Set(SUBMIT_KEYS)

/**
 * Checks each option of `submit` on its own, and that it does not say twice when to run. What depends on the
 * definition too is for {@link resolveSubmitOptions}.
 * @param known - the options there are, for calls that take more than `submit`.
 */
export function checkSubmitOptions(
  check: OptionCheck,
  path: readonly string[],
  options: unknown,
  known = SUBMIT,
): void {
  if (!check.object(path, options)) return
  check.keys(path, options, known)
  for (const key of ['idempotencyKey', 'orderingKey', 'sessionId', 'tenant', 'strategy']) {
    check.id([...path, key], options[key])
  }
  check.oneOf([...path, 'priority'], options.priority, PRIORITIES)
  check.oneOf([...path, 'whenBusy'], options.whenBusy, BUSY_POLICIES)
  check.number([...path, 'delayMs'], options.delayMs, { min: 0 })
  check.number([...path, 'timeoutMs'], options.timeoutMs, { min: 1 })
  check.ids([...path, 'fallbackAgents'], options.fallbackAgents)
  checkMoment(check, [...path, 'runAt'], options.runAt)
  checkMoment(check, [...path, 'expiresAt'], options.expiresAt)
  if (options.metadata !== undefined) check.object([...path, 'metadata'], options.metadata)
  if (options.delayMs !== undefined && options.runAt !== undefined) {
    check.add([...path, 'delayMs'], 'must not be given together with runAt')
  }
}

/** Latest moment that a Date can hold, in milliseconds since the epoch (ECMA-262, 21.4.1.1). */
const LATEST = 8.64e15

function checkMoment(check: OptionCheck, path: readonly string[], value: unknown): void {
  if (value === undefined) return
  const ms = value instanceof Date ? value.getTime() : value
  if (typeof ms === 'number' && Math.abs(ms) <= LATEST) return
  check.add(path, `must be a valid Date or milliseconds since the epoch, not ${shown(value)}`)
}
