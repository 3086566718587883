import { BatutaError } from '../errors/base-error.js'
import { checkSubmitOptions, SUBMIT_KEYS } from './check-submit.js'
import { checkName, checkTaskDefinition } from './check-task.js'
import type { AnyTaskDefinition } from './definition.js'
import { copyJson, DEFAULT_MAX_PAYLOAD_BYTES } from './json-value.js'
import { ANY_TYPE } from './lane.js'
import { OptionCheck } from './option-check.js'
import type { Priority } from './priority.js'
import type { AdHocTask, SubmitOptions, WaitOptions, WhenBusy } from './submit-options.js'
import { DEFAULT_TENANT } from './task.js'

/** What a submit comes down to: options, the definition's defaults and the definition, merged and checked. */
export interface ResolvedSubmit {
  /** `*` for a task without a type. */
  readonly type: string
  /** Sorted, without repeats. */
  readonly requires: readonly string[]
  readonly priority: Priority
  readonly tenant: string
  readonly whenBusy: WhenBusy
  /** Milliseconds since the epoch, later than `now`; absent when it is due at once. */
  readonly runAt?: number
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number
  readonly timeoutMs?: number
  readonly idempotencyKey?: string
  readonly orderingKey?: string
  readonly sessionId?: string
  readonly fallbackAgents?: readonly string[]
  readonly strategy?: string
  /** A copy. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** What a resolution may depend on besides the options. */
export interface ResolveSettings {
  /** Now, on the clock that `runAt` is compared with: milliseconds since the epoch. */
  readonly now: number
  /** Limit of the metadata. Default 1 MiB. */
  readonly maxBytes?: number | undefined
  /**
   * Which call it is. `run` also takes `waitMs` and `signal`. `staged`, from a handler, is without what its parent
   * decides (tenant, session) or a staged task can't have (`idempotencyKey`, `whenBusy`), in the defaults too.
   * Default `submit`.
   */
  readonly call?: 'submit' | 'run' | 'staged' | undefined
}

const WAIT_KEYS = ['waitMs', 'signal']
const NOT_STAGED: SubmitOptions = Object.freeze({
  idempotencyKey: undefined,
  whenBusy: undefined,
  tenant: undefined,
  sessionId: undefined,
})
const KNOWN = {
  staged: new Set(SUBMIT_KEYS.filter((key) => !(key in NOT_STAGED))),
  submit: new Set(SUBMIT_KEYS),
  run: new Set([...SUBMIT_KEYS, ...WAIT_KEYS]),
}
const AD_HOC_KEYS = ['type', 'requires', 'input']
const KNOWN_AD_HOC = {
  submit: new Set([...SUBMIT_KEYS, ...AD_HOC_KEYS]),
  run: new Set([...SUBMIT_KEYS, ...AD_HOC_KEYS, ...WAIT_KEYS]),
}

/**
 * Merges and checks the options of a submit with a definition.
 * @throws OPTIONS_INVALID, ORDERING_CONFLICT, DEFINITION_INVALID, PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE.
 */
export function resolveSubmitOptions(
  definition: AnyTaskDefinition,
  options: (SubmitOptions & WaitOptions) | undefined,
  settings: ResolveSettings,
): ResolvedSubmit {
  const base = baseOf(definition)
  if (options === undefined && base.ready !== undefined) return base.ready
  const { type } = definition
  if (options !== undefined) checkOptions(type, options, KNOWN[settings.call ?? 'submit'])
  const given = definition.options.defaults ?? NONE
  const defaults = settings.call === 'staged' ? { ...given, ...NOT_STAGED } : given
  return resolve(type, base.requires, options ?? NONE, defaults, base.defaults, settings)
}

/**
 * Checks a task that was submitted without a definition.
 * @param second - what was given beside it, and would be ignored.
 * @throws OPTIONS_INVALID, ORDERING_CONFLICT, DEFINITION_INVALID, PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE.
 */
export function resolveAdHocTask(
  task: AdHocTask & WaitOptions,
  settings: ResolveSettings & { readonly call?: 'submit' | 'run' | undefined },
  second?: unknown,
): ResolvedSubmit {
  const type = task?.type ?? ANY_TYPE
  checkName('task type', type)
  checkOptions(type, task, KNOWN_AD_HOC[settings.call ?? 'submit'], (check) => {
    check.ids(['requires'], task?.requires)
    if (second !== undefined) check.add([], ONE_ARGUMENT)
  })
  return resolve(type, sortedRequires(task.requires), task, NONE, NONE, settings)
}

/** Capabilities in the order in which lanes name them, each once. */
export function sortedRequires(requires: readonly string[] | undefined): readonly string[] {
  if (requires === undefined || requires.length === 0) return []
  return requires.length === 1 ? [...requires] : [...new Set(requires)].sort()
}

const NONE: SubmitOptions = Object.freeze({})
const ONE_ARGUMENT = 'an untyped task takes one argument: put `idempotencyKey` beside `type` and `input`'

/** What of a definition is the same for all its tasks. */
interface Base {
  readonly requires: readonly string[]
  /** The definition's own options, in the words of `submit`. */
  readonly defaults: SubmitOptions
  /** The answer to a submit without options, when it does not depend on the time. */
  readonly ready: ResolvedSubmit | undefined
}

/** Definitions are frozen, so this is worked out, and they are checked, once for each. */
const bases = new WeakMap<AnyTaskDefinition, Base>()

function baseOf(definition: AnyTaskDefinition): Base {
  const known = bases.get(definition)
  if (known !== undefined) return known
  checkTaskDefinition(definition)
  const { requires: required, priority, strategy, timeoutMs, defaults: given } = definition.options
  const requires = sortedRequires(required)
  // A strategy that is no name can't be stored with a task: it is looked up at the definition.
  const named = typeof strategy === 'string' ? strategy : undefined
  const defaults: SubmitOptions = { priority, strategy: named, timeoutMs }
  const ready =
    given === undefined
      ? Object.freeze(resolve(definition.type, requires, NONE, NONE, defaults, { now: 0 }))
      : undefined
  const base: Base = { requires, defaults, ready }
  bases.set(definition, base)
  return base
}

function checkOptions(
  type: string,
  options: unknown,
  known: ReadonlySet<string>,
  more?: (check: OptionCheck) => void,
): void {
  const check = new OptionCheck()
  checkSubmitOptions(check, [], options, known)
  more?.(check)
  check.done(type === ANY_TYPE ? 'the task' : `task "${type}"`)
}

type Draft = { -readonly [K in keyof ResolvedSubmit]: ResolvedSubmit[K] }

/** Merges three levels: the first that says something counts. Times and keys are one thing each, so they don't mix. */
function resolve(
  type: string,
  requires: readonly string[],
  own: SubmitOptions,
  defaults: SubmitOptions,
  definition: SubmitOptions,
  settings: ResolveSettings,
): ResolvedSubmit {
  const draft: Draft = {
    type,
    requires,
    priority: own.priority ?? defaults.priority ?? definition.priority ?? 'normal',
    tenant: own.tenant ?? defaults.tenant ?? DEFAULT_TENANT,
    whenBusy: 'enqueue',
  }
  const timeoutMs = own.timeoutMs ?? defaults.timeoutMs ?? definition.timeoutMs
  if (timeoutMs !== undefined) draft.timeoutMs = timeoutMs
  const strategy = own.strategy ?? defaults.strategy ?? definition.strategy
  if (strategy !== undefined) draft.strategy = strategy
  const idempotencyKey = own.idempotencyKey ?? defaults.idempotencyKey
  if (idempotencyKey !== undefined) draft.idempotencyKey = idempotencyKey
  const fallbackAgents = own.fallbackAgents ?? defaults.fallbackAgents
  if (fallbackAgents !== undefined && fallbackAgents.length > 0) draft.fallbackAgents = [...fallbackAgents]
  const metadata = own.metadata ?? defaults.metadata
  if (metadata !== undefined) draft.metadata = copyMetadata(metadata, settings)
  setTimes(draft, own, defaults, settings.now)
  setOrder(draft, own, defaults)
  return draft
}

function copyMetadata(
  metadata: Readonly<Record<string, unknown>>,
  settings: ResolveSettings,
): Draft['metadata'] & object {
  const maxBytes = settings.maxBytes ?? DEFAULT_MAX_PAYLOAD_BYTES
  return copyJson(metadata, { maxBytes, what: 'metadata' }).value as Readonly<Record<string, unknown>>
}

function setTimes(draft: Draft, own: SubmitOptions, defaults: SubmitOptions, now: number): void {
  const when = own.runAt === undefined && own.delayMs === undefined ? defaults : own
  const runAt = when.runAt === undefined ? now + (when.delayMs ?? 0) : Number(when.runAt)
  if (runAt > now) draft.runAt = runAt
  const expiresAt = own.expiresAt ?? defaults.expiresAt
  if (expiresAt === undefined) return
  draft.expiresAt = Number(expiresAt)
  if (draft.runAt === undefined || draft.runAt < draft.expiresAt) return
  const check = new OptionCheck()
  check.add(['expiresAt'], 'must be later than the moment when the task is due, or it could never start')
  check.done(`task "${draft.type}"`)
}

function setOrder(draft: Draft, own: SubmitOptions, defaults: SubmitOptions): void {
  const order = own.orderingKey === undefined && own.sessionId === undefined ? defaults : own
  const { orderingKey, sessionId } = order
  if (orderingKey !== undefined && sessionId !== undefined) {
    throw conflict('both an orderingKey and a sessionId order the task', 'Leave one of them out.')
  }
  if (orderingKey !== undefined) draft.orderingKey = orderingKey
  if (sessionId !== undefined) draft.sessionId = sessionId
  const whenBusy = own.whenBusy ?? defaults.whenBusy ?? 'enqueue'
  if (whenBusy === 'enqueue') return
  if (orderingKey === undefined && sessionId === undefined) {
    // A default waits for the submits that name a key.
    if (own.whenBusy === undefined) return
    throw conflict(`whenBusy: '${whenBusy}' has nothing to be busy`, 'Give an orderingKey or a sessionId with it.')
  }
  if (draft.runAt !== undefined) {
    throw conflict(
      `whenBusy: '${whenBusy}' has no meaning for a delayed task`,
      "Leave out the delay, or use 'enqueue'.",
    )
  }
  draft.whenBusy = whenBusy
}

function conflict(reason: string, fix: string): BatutaError<'ORDERING_CONFLICT'> {
  return new BatutaError('ORDERING_CONFLICT', `The options contradict each other: ${reason}.`, {
    data: { reason },
    fix,
  })
}
