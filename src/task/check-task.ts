import { BatutaError } from '../errors/base-error.js'
import { checkLimits } from './check-limits.js'
import { checkSubmitOptions } from './check-submit.js'
import type { AnyTaskDefinition } from './definition.js'
import { ANY_TYPE } from './lane.js'
import { isWellFormed, MAX_ID_LENGTH, OptionCheck, shown } from './option-check.js'
import { PRIORITIES } from './priority.js'
import { DEFAULT_RETRY } from './retry-policy.js'

const KNOWN: ReadonlySet<string> = new Set([
  'input',
  'output',
  'stream',
  'requires',
  'timeoutMs',
  'stallAfterMs',
  'retry',
  'priority',
  'strategy',
  'maxConcurrentTasks',
  'rateLimit',
  'budget',
  'estimate',
  'fallback',
  'defaults',
])
const KNOWN_RETRY: ReadonlySet<string> = new Set(['maxRetries', 'minDelayMs', 'maxDelayMs', 'factor', 'retryIf'])

/** Definitions that passed: they are frozen, so once is enough. */
const checked = new WeakSet<AnyTaskDefinition>()

/** Whether a value was made by `defineTask`, in this copy of the package or another. */
export function isTaskDefinition(value: unknown): value is AnyTaskDefinition {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'batuta.task'
}

/**
 * Checks a definition: cheap, synchronous, and only once for each.
 * @throws DEFINITION_INVALID when it is no definition or its type is no name; OPTIONS_INVALID.
 */
export function checkTaskDefinition(definition: AnyTaskDefinition): void {
  if (checked.has(definition)) return
  if (!isTaskDefinition(definition)) {
    throw new BatutaError('DEFINITION_INVALID', `Expected a task definition, found ${shown(definition)}.`, {
      data: { name: shown(definition) },
      fix: 'Make it with defineTask().',
    })
  }
  checkName('task type', definition.type, [ANY_TYPE])
  const check = new OptionCheck()
  const { options } = definition
  check.keys([], options, KNOWN)
  for (const which of ['input', 'output', 'stream'] as const) checkSchema(check, which, options[which])
  check.ids(['requires'], options.requires)
  check.number(['timeoutMs'], options.timeoutMs, { min: 1 })
  check.number(['stallAfterMs'], options.stallAfterMs, { min: 1 })
  checkRetry(check, ['retry'], options.retry)
  check.oneOf(['priority'], options.priority, PRIORITIES)
  checkStrategy(check, options.strategy)
  check.number(['maxConcurrentTasks'], options.maxConcurrentTasks, { min: 1, whole: true })
  checkLimits(check, options, 'definition')
  check.fn(['estimate'], options.estimate)
  check.fn(['fallback'], options.fallback)
  if (options.defaults !== undefined) checkSubmitOptions(check, ['defaults'], options.defaults)
  check.done(`task "${definition.type}"`)
  checked.add(definition)
}

/** A name, which only the router knows to be one, or what has a strategy's name and verb. */
function checkStrategy(check: OptionCheck, strategy: unknown): void {
  if (typeof strategy !== 'object' || strategy === null) {
    check.id(['strategy'], strategy)
    return
  }
  const { name, select } = strategy as { readonly name?: unknown; readonly select?: unknown }
  check.id(['strategy', 'name'], name ?? '')
  if (typeof select !== 'function') check.add(['strategy', 'select'], 'must be a function')
}

/**
 * Checks a name that users choose: text, not empty, not longer than {@link MAX_ID_LENGTH}, none of the reserved ones.
 * @throws DEFINITION_INVALID
 */
export function checkName(what: string, name: unknown, reserved: readonly string[] = []): asserts name is string {
  const problem =
    typeof name !== 'string'
      ? `must be a string, not ${shown(name)}`
      : name.trim() === ''
        ? 'must not be empty'
        : name.length > MAX_ID_LENGTH
          ? `must not be longer than ${MAX_ID_LENGTH} characters`
          : !isWellFormed(name)
            ? 'must not contain half a surrogate pair'
            : reserved.includes(name)
              ? `must not be "${name}", which is reserved`
              : undefined
  if (problem === undefined) return
  const article = /^[aeiou]/.test(what) ? 'An' : 'A'
  throw new BatutaError('DEFINITION_INVALID', `${article} ${what} ${problem}.`, { data: { name: shown(name) } })
}

/** Checks a retry policy as users write it: of a definition, or of the application. */
export function checkRetry(check: OptionCheck, path: readonly string[], retry: unknown): void {
  if (retry === undefined || retry === false) return
  if (!check.object(path, retry)) return
  check.keys(path, retry, KNOWN_RETRY)
  check.number([...path, 'maxRetries'], retry.maxRetries, { min: 0, whole: true })
  check.number([...path, 'minDelayMs'], retry.minDelayMs, { min: 0 })
  check.number([...path, 'maxDelayMs'], retry.maxDelayMs, { min: 0 })
  check.number([...path, 'factor'], retry.factor, { min: 1 })
  check.fn([...path, 'retryIf'], retry.retryIf)
  const { minDelayMs = DEFAULT_RETRY.minDelayMs, maxDelayMs = DEFAULT_RETRY.maxDelayMs } = retry
  if (typeof minDelayMs === 'number' && typeof maxDelayMs === 'number' && minDelayMs > maxDelayMs) {
    check.add([...path, 'minDelayMs'], `must not be more than maxDelayMs (${maxDelayMs}), not ${minDelayMs}`)
  }
}

function checkSchema(check: OptionCheck, which: string, schema: unknown): void {
  if (schema === undefined) return
  // arktype's schemas are functions.
  const holder = typeof schema === 'function' || (typeof schema === 'object' && schema !== null)
  const props: unknown = holder ? (schema as { '~standard'?: unknown })['~standard'] : undefined
  const fits =
    typeof props === 'object' && props !== null && 'validate' in props && typeof props.validate === 'function'
  if (!fits) check.add([which], 'must be a Standard Schema (zod, valibot, arktype, ...), or be left out')
}
