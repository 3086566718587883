import { BatutaError } from '../errors/base-error.js'
import { BoundedMap } from '../internal/bounded-map.js'
import type { AgentStatus } from '../task/agent.js'
import { ANY_TYPE, laneOf } from '../task/lane.js'
import { DEFAULT_TENANT } from '../task/task.js'
import { InstanceLoad, type RefusalReason, type Standing } from './instance-load.js'
import { LanePool } from './lane-pool.js'
import type { RoutableTask } from './routing-strategy.js'

/** A task as described to `router.route`: everything has a default. */
export type PlainTask = { readonly [K in keyof RoutableTask]?: RoutableTask[K] | undefined }

/** An agent as described to `router.route`. An `AgentSnapshot` is one. */
export interface AgentDescription {
  readonly id: string
  /** Where it runs: needed only when one agent is listed several times. */
  readonly ownerId?: string | undefined
  readonly capabilities?: readonly string[] | undefined
  /** The task types it handles; `*` is a catch-all. Default: any. */
  readonly types?: readonly string[] | undefined
  /** Default 0. */
  readonly inFlight?: number | undefined
  /** Default 1. */
  readonly maxConcurrentTasks?: number | undefined
  /** In (0, 1]. Default 1. */
  readonly successRate?: number | undefined
  /** Milliseconds that it takes for a task of this type. */
  readonly latencyMs?: number | undefined
  readonly cost?: number | undefined
  /** Above 0. Default 1. */
  readonly weight?: number | undefined
  /** Higher is more recent. Default: the router's own memory of whom it chose. */
  readonly lastAssigned?: number | undefined
  readonly status?: AgentStatus | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/** Instances whose last choice is remembered between calls. */
const MAX_REMEMBERED = 10_000

/** Makes pools of plain descriptions, and remembers whom it chose so that ties and turns move on. */
export class PlainAgents {
  readonly #lastChosen = new BoundedMap<string, number>(MAX_REMEMBERED)
  #sequence = 0

  /** @throws OPTIONS_INVALID for impossible numbers or two descriptions of one instance. */
  poolFor(task: RoutableTask, agents: readonly AgentDescription[]): LanePool {
    const pool = new LanePool(laneOf(task.type, [...new Set(task.requires)].sort()))
    const outside = new Map<RefusalReason, number>()
    const seen = new Set<string>()
    agents.forEach((agent, index) => {
      check(agent, index, seen)
      const unfit = unfitness(task, agent)
      if (unfit === undefined) pool.join(this.#loadOf(task, agent))
      else outside.set(unfit, (outside.get(unfit) ?? 0) + 1)
    })
    for (const [reason, count] of outside) pool.setOutside(reason, count)
    return pool
  }

  /** Takes note of a choice. */
  chosen(instanceId: string): void {
    this.#lastChosen.set(instanceId, ++this.#sequence)
  }

  #loadOf(task: RoutableTask, agent: AgentDescription): InstanceLoad {
    const instanceId = instanceIdOf(agent)
    const load = new InstanceLoad({
      instanceId,
      agentId: agent.id,
      capabilities: agent.capabilities,
      capacity: agent.maxConcurrentTasks,
      cost: agent.cost,
      metadata: agent.metadata,
    })
    load.restore({
      inFlight: agent.inFlight ?? 0,
      successRate: agent.successRate ?? 1,
      weight: agent.weight ?? 1,
      lastAssigned: agent.lastAssigned ?? this.#lastChosen.get(instanceId) ?? 0,
    })
    if (agent.latencyMs !== undefined) load.restoreLatencies([task.type, agent.latencyMs])
    load.stand(standingOf(agent.status))
    return load
  }
}

/** A task with every field that routing needs. */
export function routableTask(task: PlainTask): RoutableTask {
  return {
    ...task,
    id: task.id ?? '(unnamed)',
    type: task.type ?? ANY_TYPE,
    requires: [...(task.requires ?? [])],
    tenant: task.tenant ?? DEFAULT_TENANT,
    priority: task.priority ?? 'normal',
    attempts: task.attempts ?? 0,
  }
}

function instanceIdOf({ id, ownerId }: AgentDescription): string {
  return ownerId === undefined ? id : `${id}@${ownerId}`
}

/** Why an agent is not of the task's lane. */
function unfitness(task: RoutableTask, agent: AgentDescription): RefusalReason | undefined {
  const { types } = agent
  if (types !== undefined && !types.includes(ANY_TYPE) && !types.includes(task.type)) return 'wrong_type'
  const has = new Set(agent.capabilities)
  return task.requires.every((capability) => has.has(capability)) ? undefined : 'no_capability'
}

function standingOf(status: AgentStatus | undefined): Standing {
  return status === undefined || status === 'idle' || status === 'busy' ? 'available' : status
}

function check(agent: AgentDescription, index: number, seen: Set<string>): void {
  const { inFlight = 0, maxConcurrentTasks = 1, successRate = 1, latencyMs = 0, cost = 0, weight = 1 } = agent
  if (typeof agent.id !== 'string' || agent.id === '') throw invalid(index, 'id', 'must be a name')
  const instanceId = instanceIdOf(agent)
  if (seen.has(instanceId)) throw invalid(index, 'id', `"${instanceId}" is listed twice; give each its ownerId`)
  seen.add(instanceId)
  if (!Number.isInteger(inFlight) || inFlight < 0) throw invalid(index, 'inFlight', 'must be a whole number from 0')
  if (!Number.isInteger(maxConcurrentTasks) || maxConcurrentTasks < 1)
    throw invalid(index, 'maxConcurrentTasks', 'must be a whole number from 1')
  if (!(successRate > 0 && successRate <= 1)) throw invalid(index, 'successRate', 'must be above 0 and at most 1')
  if (!(latencyMs >= 0 && latencyMs < Number.POSITIVE_INFINITY)) throw invalid(index, 'latencyMs', 'must be from 0')
  if (!(cost >= 0 && cost < Number.POSITIVE_INFINITY)) throw invalid(index, 'cost', 'must be from 0')
  if (!(weight > 0 && weight < Number.POSITIVE_INFINITY)) throw invalid(index, 'weight', 'must be above 0')
}

function invalid(index: number, name: string, message: string): BatutaError {
  return new BatutaError('OPTIONS_INVALID', `route: ${name} of agent ${index} ${message}.`, {
    data: { issues: [{ path: ['agents', index, name], message }] },
    fix: 'Correct the description.',
  })
}
