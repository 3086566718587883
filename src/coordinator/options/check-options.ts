import type * as Zod from 'zod'
import { BatutaError } from '../../errors/base-error.js'
import { COUNT_LIMIT } from '../../storage/storage.js'
import { checkAgentOptions } from '../../task/check-agent.js'
import { checkRetry, checkTaskDefinition } from '../../task/check-task.js'
import type { AnyTaskDefinition } from '../../task/definition.js'
import { OptionCheck } from '../../task/option-check.js'
import type { CoordinatorOptions } from './coordinator-options.js'
import { resolveOptions } from './resolve-options.js'

type Z = typeof Zod

/** Calls in the window of a breaker: each costs eight bytes. */
const MAX_WINDOW = 10_000

/** Makes the schema of an object of options, whose names are then known for "did you mean". */
export type ObjectOf = <S extends Zod.core.$ZodLooseShape>(path: string, shape: S) => Zod.ZodType

/** Options of a layer above, checked in the same pass. */
export interface MoreOptions {
  readonly of: string
  shape(z: Z, object: ObjectOf): Zod.core.$ZodLooseShape
  /** Definitions among them. */
  readonly definitions: readonly AnyTaskDefinition[]
}

const NOTHING_MORE: MoreOptions = { of: 'the coordinator', shape: () => ({}), definitions: [] }

/**
 * Checks everything that a coordinator is given. zod is loaded here and nowhere before.
 * @throws OPTIONS_INVALID with every bad option; DUPLICATE_ID; what agents and definitions throw for themselves.
 */
export async function checkCoordinatorOptions(raw: unknown, more: MoreOptions = NOTHING_MORE): Promise<void> {
  if (raw === undefined) return
  const check = new OptionCheck()
  const { of } = more
  const z = await import('zod')
  const { schema, known } = schemaOf(z, more, (raw ?? {}) as CoordinatorOptions)
  const result = schema.safeParse(raw)
  if (!result.success) {
    for (const issue of result.error.issues) addIssue(check, issue, known)
    check.done(of)
  }
  const options = raw as CoordinatorOptions
  checkRetry(check, ['retry'], options.retry)
  if (options.retry && 'retryIf' in options.retry) check.add(['retry', 'retryIf'], 'belongs in a task definition')
  checkTogether(check, options)
  check.done(of)
  checkDefinitions(options, more.definitions)
}

/** What `maxCount` of a retention may be. */
const KEPT = `must be a whole number from 0 to ${COUNT_LIMIT}, or Infinity`

/** The names that each object takes, by its path. */
type KnownNames = Record<string, ReadonlySet<string>>

function addIssue(check: OptionCheck, issue: Zod.core.$ZodIssue, known: KnownNames): void {
  const path = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key))
  if (issue.code !== 'unrecognized_keys') check.add(path, issue.message)
  else check.keys(path, Object.fromEntries(issue.keys.map((key) => [key, true])), known[path.join('.')] ?? new Set())
}

function schemaOf(z: Z, more: MoreOptions, raw: CoordinatorOptions) {
  const known: KnownNames = {}
  const ms = z.number().min(0).max(Number.MAX_SAFE_INTEGER).optional()
  const positiveMs = z.number().min(1).max(Number.MAX_SAFE_INTEGER).optional()
  const count = z.int().min(1).optional()
  const pending = z.int().min(1).max(COUNT_LIMIT).optional()
  const part = (what: string, methods: readonly string[]) =>
    z.custom<unknown>((value) => has(value, methods), `must be ${what} (with ${methods.join(', ')})`).optional()
  const kind = (name: string, maker: string) =>
    z.custom<unknown>((value) => isKind(value, name), `must be made with ${maker}`)
  const object: ObjectOf = (path, shape) => {
    known[path] = new Set(Object.keys(shape))
    return z.strictObject(shape).optional()
  }
  const kept = z.union([z.int().min(0).max(COUNT_LIMIT), z.literal(Number.POSITIVE_INFINITY)], KEPT).optional()
  const rule = (path: string) => object(path, { ageMs: ms, maxCount: kept })
  const schema = object('', {
    agents: z.array(kind('batuta.agent', 'defineAgent()')).optional(),
    tasks: z.array(kind('batuta.task', 'defineTask()')).optional(),
    storage: part('a storage', ['open', 'read', 'query', 'count', 'commit', 'close']),
    engine: part('an engine', ['start', 'offer', 'want', 'finish', 'stop']),
    bus: part('a bus', ['publish', 'subscribe', 'close']),
    router: z
      .custom<unknown>(isRouter, 'must be the name of a strategy, a strategy (with select), or a Router')
      .optional(),
    logger: part('a logger', ['debug', 'info', 'warn', 'error']),
    name: z.string().min(1).max(512).optional(),
    strict: z.boolean().optional(),
    taskTimeoutMs: positiveMs,
    abandonAfterMs: ms,
    retry: z.unknown().optional(),
    retryBudget: object('retryBudget', {
      ratio: z.number().min(0).max(1).optional(),
      floorPerSecond: z.number().min(0).optional(),
    }),
    maxLost: count,
    maxPayloadBytes: count,
    breaker:
      raw.breaker === false
        ? z.literal(false)
        : object('breaker', {
            failureRate: z.number().gt(0).max(1).optional(),
            minCalls: count,
            maxCalls: z.int().min(1).max(MAX_WINDOW).optional(),
            windowMs: positiveMs,
            openMs: positiveMs,
            maxOpenMs: positiveMs,
          }),
    ejection:
      raw.ejection === false
        ? z.literal(false)
        : object('ejection', {
            failures: count,
            baseMs: positiveMs,
            maxMs: positiveMs,
            maxShare: z.number().min(0).max(1).optional(),
            panicBelow: z.number().min(0).max(1).optional(),
          }),
    slowStartMs: ms,
    priorityBoosts: object('priorityBoosts', { low: ms, normal: ms, high: ms, critical: ms }),
    maxPending: object('maxPending', { perLane: pending, perTenant: pending, total: pending }),
    tenantWeights: z.record(z.string().min(1), z.number().min(0.01).max(100)).optional(),
    heartbeatMs: positiveMs,
    leaseMs: positiveMs,
    observeMs: positiveMs,
    pollMs: positiveMs,
    storageWaitMs: ms,
    window: z.int().min(64).max(100_000).optional(),
    maxLanes: count,
    decisions: z.int().min(0).max(1_000_000).optional(),
    recordDecisions: object('recordDecisions', { maxDecisions: z.int().min(1) }),
    retention: object('retention', {
      completed: rule('retention.completed'),
      failed: rule('retention.failed'),
      cancelled: rule('retention.cancelled'),
      idleMs: ms,
    }),
    clock: part('a clock', ['now', 'monotonic', 'setTimer']),
    random: part('a source of randomness', ['next']),
    ...more.shape(z, object),
  })
  return { schema, known }
}

/** Whether something has all of these methods. */
function has(value: unknown, methods: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false
  return methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function')
}

/** Whether a value is one of ours of this kind (`batuta.agent`, `batuta.handler`). */
export function isKind(value: unknown, kind: string): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind
}

function isRouter(value: unknown): boolean {
  return typeof value === 'string' || has(value, ['select']) || has(value, ['route', 'decide'])
}

/** Options that are fine each by itself and contradict each other, defaults included. */
function checkTogether(check: OptionCheck, options: CoordinatorOptions): void {
  const { settings } = resolveOptions(options)
  const { heartbeatMs, leaseMs, observeMs, boosts } = settings
  if (heartbeatMs * 2 >= leaseMs) {
    check.add(['heartbeatMs'], `must be less than half of leaseMs (${leaseMs}), not ${heartbeatMs}`)
  }
  if (observeMs * 4 > leaseMs) {
    check.add(['observeMs'], `must be at most a quarter of leaseMs (${leaseMs}), not ${observeMs}`)
  }
  const { breaker, ejection } = settings.health
  if (breaker !== undefined && breaker.minCalls > breaker.maxCalls)
    check.add(['breaker', 'minCalls'], `must be at most maxCalls (${breaker.maxCalls}), not ${breaker.minCalls}`)
  if (breaker !== undefined && breaker.openMs > breaker.maxOpenMs)
    check.add(['breaker', 'openMs'], `must be at most maxOpenMs (${breaker.maxOpenMs}), not ${breaker.openMs}`)
  if (ejection.baseMs > ejection.maxMs)
    check.add(['ejection', 'baseMs'], `must be at most maxMs (${ejection.maxMs}), not ${ejection.baseMs}`)
  const { perLane, perTenant, total } = settings.maxPending ?? {}
  if (perTenant !== undefined && perTenant > (perLane ?? COUNT_LIMIT)) {
    check.add(['maxPending', 'perTenant'], `must not be more than perLane (${perLane}), not ${perTenant}`)
  }
  const most = Math.max(perLane ?? 0, perTenant ?? 0)
  if (total !== undefined && most > total) {
    check.add(['maxPending', 'total'], `must not be less than perLane and perTenant (${most}), not ${total}`)
  }
  const inOrder = boosts.low <= boosts.normal && boosts.normal <= boosts.high && boosts.high <= boosts.critical
  if (typeof options.router === 'object' && 'recording' in options.router && options.recordDecisions !== undefined)
    check.add(['recordDecisions'], 'belongs in the options of the Router that is given')
  if (!inOrder) check.add(['priorityBoosts'], 'must not fall from low to critical')
}

/** Agents and definitions, each by itself, and that no name is used for two. */
function checkDefinitions(options: CoordinatorOptions, own: readonly AnyTaskDefinition[]): void {
  const agents = new Set<string>()
  for (const { id, options: given } of options.agents ?? []) {
    checkAgentOptions(id, given)
    if (agents.has(id)) throw duplicate('agent', id)
    agents.add(id)
  }
  const tasks = new Map<string, AnyTaskDefinition>()
  const handled = (options.agents ?? []).flatMap((agent) => agent.options.handlers ?? []).map((h) => h.definition)
  for (const definition of [...(options.tasks ?? []), ...own, ...handled]) {
    checkTaskDefinition(definition)
    const other = tasks.get(definition.type)
    if (other !== undefined && other !== definition) throw duplicate('task', definition.type)
    tasks.set(definition.type, definition)
  }
}

function duplicate(kind: 'agent' | 'task', id: string): BatutaError<'DUPLICATE_ID'> {
  const what = kind === 'agent' ? 'Two agents have the id' : 'Two different definitions have the type'
  return new BatutaError('DUPLICATE_ID', `${what} "${id}".`, {
    data: { kind, id },
    fix: kind === 'agent' ? 'Rename one of them.' : 'Share one definition, or rename one of them.',
  })
}
