import { OptionCheck, shown } from './option-check.js'
import { PRIORITIES } from './priority.js'
import type { SubmitOptions, WhenBusy } from './submit-options.js'

/** What can be done about a busy ordering key or session. */
export const BUSY_POLICIES: readonly WhenBusy[] = ['enqueue', 'reject', 'interrupt']

type Check = (check: OptionCheck, path: readonly string[], value: unknown) => void

const id: Check = (check, path, value) => check.id(path, value)

/** How each option of `submit` is checked by itself. */
const CHECKS: Readonly<Record<keyof SubmitOptions, Check>> = {
  priority: (check, path, value) => check.oneOf(path, value, PRIORITIES),
  runAt: checkMoment,
  delayMs: (check, path, value) => check.number(path, value, { min: 0 }),
  idempotencyKey: id,
  orderingKey: id,
  whenBusy: (check, path, value) => check.oneOf(path, value, BUSY_POLICIES),
  sessionId: id,
  tenant: id,
  timeoutMs: (check, path, value) => check.number(path, value, { min: 1 }),
  expiresAt: checkMoment,
  fallbackAgents: (check, path, value) => check.ids(path, value),
  strategy: id,
  metadata: (check, path, value) => void check.object(path, value),
}

/** The options of `submit`. */
export const SUBMIT_KEYS: readonly string[] = Object.keys(CHECKS)

const SUBMIT: ReadonlySet<string> = new Set(SUBMIT_KEYS)
const WAIT: ReadonlySet<string> = new Set(['waitMs', 'signal'])

/**
 * Checks how long a caller wants to wait.
 * @throws OPTIONS_INVALID
 */
export function checkWaitOptions(options: unknown): void {
  if (options === undefined) return
  const check = new OptionCheck()
  if (check.object([], options)) {
    check.keys([], options, WAIT)
    checkWait(check, options)
  }
  check.done('the wait')
}

function checkWait(check: OptionCheck, { waitMs, signal }: Readonly<Record<string, unknown>>): void {
  check.number(['waitMs'], waitMs, { min: 0, max: Number.POSITIVE_INFINITY })
  if (signal !== undefined && !(signal instanceof AbortSignal)) check.add(['signal'], `must be an AbortSignal`)
}

/**
 * Checks each option of `submit` on its own, and that it does not say twice when to run. What depends on the
 * definition too is for {@link resolveSubmitOptions}.
 * @param known - the options there are, for calls that take more than `submit`.
 */
export function checkSubmitOptions(
  check: OptionCheck,
  path: readonly string[],
  options: unknown,
  known: ReadonlySet<string> = SUBMIT,
): void {
  if (!check.object(path, options)) return
  for (const key of Object.keys(options)) {
    const value = options[key]
    if (!known.has(key)) check.unknown(path, key, known)
    else if (value !== undefined && SUBMIT.has(key)) CHECKS[key as keyof SubmitOptions](check, [...path, key], value)
  }
  if (known.has('waitMs')) checkWait(check, options)
  if (options.delayMs !== undefined && options.runAt !== undefined) {
    check.add([...path, 'delayMs'], 'must not be given together with runAt')
  }
}

/** Latest moment that a Date can hold, in milliseconds since the epoch (ECMA-262, 21.4.1.1). */
const LATEST = 8.64e15

function checkMoment(check: OptionCheck, path: readonly string[], value: unknown): void {
  const ms = value instanceof Date ? value.getTime() : value
  if (typeof ms === 'number' && Math.abs(ms) <= LATEST) return
  check.add(path, `must be a valid Date or milliseconds since the epoch, not ${shown(value)}`)
}
