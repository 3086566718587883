import { suggest } from '../../internal/did-you-mean.js'
import type { RoutingDecision } from '../../router/decision.js'
import type { RefusalReason } from '../../router/instance-load.js'
import { ANY_TYPE, parseLane } from '../../task/lane.js'
import { taskOf } from '../../task/task.js'
import type { TaskRecord } from '../../task/task-record.js'
import { statusOf } from '../../task/task-status.js'
import type { AgentInstance } from '../agents/agent-instance.js'
import type { AgentRegistry } from '../agents/agent-registry.js'
import type { Gate } from '../limits/gate.js'
import type { Limits } from '../limits/limits.js'
import type { PutOff } from '../limits/retry-gate.js'
import type { Entry, NodeContext } from '../node-context.js'
import { serves } from '../nodes/peers.js'
import type { Explanation, PendingReason } from './explain-types.js'
import { explanationText } from './explanation-text.js'

/** What an explanation may look at besides the records. */
export interface ExplainView {
  readonly node: NodeContext
  readonly registry: AgentRegistry
  readonly limits: Limits
  /** Newest first. */
  readonly decisions: (taskId: string) => RoutingDecision[]
  readonly mayClaim: boolean
  readonly isParked: (taskId: string) => boolean
  /** Whether all permits of a type are taken. */
  readonly isSpent: (taskType: string) => boolean
  /** Why a retry that was due before is due only then. */
  readonly putOff: (taskId: string, until: number | undefined) => PutOff['reason'] | undefined
  /** The strategy that decides when a task names none. */
  readonly strategy: string
}

/** Why a task is where it is. */
export async function explainTask(view: ExplainView, entry: Entry): Promise<Explanation> {
  const task = entry.value
  // Right after the answer that brought the task, this is the storage time of that answer: what is read below is younger.
  const asOf = new Date(view.node.time.now())
  const pending = statusOf(task.state) === 'pending' ? await pendingReasons(view, task) : []
  const facts = {
    taskId: task.id,
    taskType: task.type,
    status: statusOf(task.state),
    asOf,
    pending,
    decisions: view.decisions(task.id).reverse(),
    attempts: taskOf(task).attempts,
  }
  return { ...facts, toString: () => explanationText(facts) }
}

async function pendingReasons(view: ExplainView, task: TaskRecord): Promise<PendingReason[]> {
  if (task.state === 'scheduled') return [scheduledReason(view, task)]
  if (task.state === 'waiting') return [await waitingReason(view, task)]
  const reasons = readyReasons(view, task)
  if (!view.mayClaim) reasons.push({ kind: 'node_not_claiming', why: 'it is stopping, or the storage does not answer' })
  return reasons.length > 0 ? reasons : [{ kind: 'queued' }]
}

function scheduledReason(view: ExplainView, task: TaskRecord): PendingReason {
  const until = new Date(task.runAt ?? 0)
  const attempt = task.attempts.length
  if (attempt === 0) return { kind: 'scheduled', until }
  const putOff = view.putOff(task.id, task.runAt)
  if (putOff === 'last_retry') return { kind: putOff, until, taskType: task.type }
  return putOff === 'retry_budget' ? { kind: putOff, until } : { kind: 'backing_off', until, attempt }
}

async function waitingReason(view: ExplainView, task: TaskRecord): Promise<PendingReason> {
  const turnKey = task.turnKey ?? ''
  const turn = await view.node.read('turn', turnKey)
  const head = turn?.value.head ?? 0
  const [ahead] = await view.node.query('task', 'turn', { prefix: [turnKey], after: [turnKey, head - 1], limit: 1 })
  const orderingKey = taskOf(task).orderingKey
  return {
    kind: 'waiting',
    ...(ahead === undefined || ahead.id === task.id ? undefined : { taskId: ahead.id }),
    ...(orderingKey === undefined ? undefined : { orderingKey }),
    ...(task.sessionId === undefined ? undefined : { sessionId: task.sessionId }),
  }
}

function readyReasons(view: ExplainView, task: TaskRecord): PendingReason[] {
  const lane = parseLane(task.lane)
  const agents = [...view.registry.agents].filter((agent) => agent.serves(lane))
  if (agents.length === 0 && lane.kind !== 'fallback') {
    const elsewhere = view.node.peers.agents().filter((agent) => serves(agent, lane))
    if (elsewhere.length === 0)
      return lane.kind === 'agent' ? [unknownAgent(view, lane.agentId)] : nobodyReasons(view, task)
    if (elsewhere.every(({ paused }) => paused))
      return [{ kind: 'all_away', agents: elsewhere.length, statuses: { paused: elsewhere.length } }]
  }
  const reasons: PendingReason[] = []
  const gate = view.limits.ofType(task.type)
  if (gate?.reason !== undefined) reasons.push({ kind: gate.reason, ...until(view, gate), taskType: task.type })
  const isParked = view.isParked(task.id) && gate?.reason === undefined
  const limit = view.registry.definition(task.type)?.options.maxConcurrentTasks
  if (limit !== undefined && view.isSpent(task.type))
    reasons.push({ kind: 'limit_reached', taskType: task.type, limit })
  const failedOn = new Set(
    task.attempts.filter((attempt) => attempt.outcome === 'failed').map((attempt) => attempt.agentId),
  )
  const refusals = agents.map((agent) => refusalOf(view, task, agent))
  if (agents.length > 0 && refusals.every((refusal) => refusal !== undefined)) {
    reasons.push(...unableReasons(view, task, agents, refusals))
  } else if (isParked && failedOn.size > 0) {
    reasons.push({ kind: 'excluded', agents: failedOn.size })
  } else if (isParked && limit === undefined) {
    const strategy = task.strategy ?? view.registry.definition(task.type)?.options.strategy ?? view.strategy
    reasons.push({ kind: 'strategy_declined', strategy: typeof strategy === 'string' ? strategy : strategy.name })
  }
  return reasons
}

/** Why an agent of the task's lane can't take it now. */
function refusalOf({ registry }: ExplainView, task: TaskRecord, { load }: AgentInstance): RefusalReason | undefined {
  return registry.isBlocked(task) ? 'breaker_open' : registry.lane(task.lane).refusalOf(load)
}

/** Nobody of those who serve a task can take it now: why not, those first who can before long. */
function unableReasons(
  view: ExplainView,
  task: TaskRecord,
  agents: readonly AgentInstance[],
  refusals: readonly (RefusalReason | undefined)[],
): PendingReason[] {
  if (refusals.every((refusal) => refusal === 'full')) return [{ kind: 'all_busy', agents: agents.length }]
  const { health } = view.registry
  const reasons: PendingReason[] = []
  const left = (reason: RefusalReason) => agents.filter((_, i) => refusals[i] === reason)
  for (const kind of ['rate_limited', 'over_budget'] as const) {
    const gates = left(kind).flatMap((agent) => agent.gate ?? [])
    if (gates.length > 0) reasons.push({ kind, ...until(view, ...gates), agents: gates.length })
  }
  const open = left('breaker_open')
  if (open.length > 0) {
    const end = earliest(open.map(({ load }) => health.openUntil(load, task.type)))
    reasons.push({ kind: 'breaker_open', agents: open.length, ...(end !== undefined && { until: end }) })
  }
  const ejected = left('ejected')
  const end = earliest(ejected.map(({ load }) => health.ejectedUntil(load)))
  if (end !== undefined) reasons.push({ kind: 'ejected', agents: ejected.length, until: end })
  const statuses: Record<string, number> = {}
  for (const refusal of refusals)
    if (refusal !== undefined && !TIMED.has(refusal)) statuses[refusal] = (statuses[refusal] ?? 0) + 1
  const rest = Object.values(statuses).reduce((sum, count) => sum + count, 0)
  if (rest > 0) reasons.push({ kind: 'all_away', agents: rest, statuses })
  return reasons
}

/** Reasons that are told of by themselves: they end by time. */
const TIMED: ReadonlySet<RefusalReason> = new Set(['rate_limited', 'over_budget', 'breaker_open', 'ejected'])

/** The first of these times that are known. */
function earliest(times: readonly (number | undefined)[]): Date | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : new Date(Math.min(...known))
}

/** When the first of these opens: storage time. */
function until({ node }: ExplainView, ...gates: readonly Gate[]): { readonly until?: Date } {
  const at = Math.min(...gates.map((gate) => gate.opensAt ?? Number.POSITIVE_INFINITY))
  return Number.isFinite(at) ? { until: new Date(node.time.now() + Math.ceil(at - node.clock.monotonic())) } : {}
}

function nobodyReasons(view: ExplainView, task: TaskRecord): PendingReason[] {
  const here = view.registry.vocabulary()
  const elsewhere = view.node.peers.agents()
  const capabilities = new Set([...here.capabilities, ...elsewhere.flatMap((agent) => agent.capabilities)])
  const types = new Set([...here.types, ...elsewhere.flatMap((agent) => agent.types)])
  const hasCatchAll = types.has(ANY_TYPE)
  const reasons: PendingReason[] = []
  for (const capability of task.requires) {
    if (capabilities.has(capability)) continue
    reasons.push({ kind: 'no_capability', capability, ...guess(capability, capabilities) })
  }
  if (task.type === ANY_TYPE ? !hasCatchAll : !hasCatchAll && !types.has(task.type)) {
    reasons.push({ kind: 'no_handler', taskType: task.type, ...guess(task.type, types) })
  }
  if (reasons.length === 0) reasons.push({ kind: 'no_agent_has_all', capabilities: task.requires })
  return reasons
}

function unknownAgent(view: ExplainView, agentId: string): PendingReason {
  const ids = [...view.registry.agents].map((agent) => agent.id)
  ids.push(...view.node.peers.agents().map((agent) => agent.agentId))
  return { kind: 'no_agent', agentId, ...guess(agentId, ids) }
}

function guess(name: string, known: Iterable<string>): { readonly didYouMean?: string } {
  const didYouMean = suggest(name, known)
  return didYouMean === undefined ? {} : { didYouMean }
}
