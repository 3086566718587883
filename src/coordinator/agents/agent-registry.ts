import { BatutaError } from '../../errors/base-error.js'
import { suggest } from '../../internal/did-you-mean.js'
import { Health } from '../../router/health/health.js'
import type { InstanceLoad } from '../../router/instance-load.js'
import type { LanePool } from '../../router/lane-pool.js'
import { Roster } from '../../router/roster.js'
import type { AgentDefinition } from '../../task/agent.js'
import { checkAgentOptions } from '../../task/check-agent.js'
import { checkTaskDefinition } from '../../task/check-task.js'
import type { AnyTaskDefinition } from '../../task/definition.js'
import { ANY_TYPE, agentLane, fallbackLane, isAgentLane, parseLane } from '../../task/lane.js'
import type { TaskRecord } from '../../task/task-record.js'
import type { Limits } from '../limits/limits.js'
import type { NodeContext } from '../node-context.js'
import { AgentInstance } from './agent-instance.js'
import { LaneIndex } from './lane-index.js'

/** The instance that runs definitions' fallback functions: on every node, and no agent of the user's. */
export const FALLBACK_AGENT = 'batuta:fallback'
const FALLBACK_SLOTS = 16

/** The agents and definitions of this node, and the lanes with the pool of those who serve each. */
export class AgentRegistry {
  readonly #agents = new Map<string, AgentInstance>()
  readonly #definitions = new Map<string, AnyTaskDefinition>()
  readonly #lanes = new Map<string, LanePool>()
  readonly #index = new LaneIndex()
  readonly roster: Roster
  readonly health: Health
  readonly #fallback: AgentInstance

  /** @param healed - told of an agent that may have become able to take work. */
  constructor(
    private readonly node: NodeContext,
    private readonly limits: Limits,
    healed: (instance: AgentInstance) => void,
  ) {
    const { health } = node.settings
    this.roster = new Roster(health.slowStartMs)
    this.health = new Health(health, this.roster, node.clock, {
      emit: (name, payload) => node.events.emit(name, payload),
      healed: ({ agentId }: InstanceLoad) => {
        const instance = this.#agents.get(agentId)
        if (instance !== undefined) healed(instance)
      },
    })
    this.#fallback = this.#instance({
      kind: 'batuta.agent',
      id: FALLBACK_AGENT,
      options: { name: 'Fallback functions', maxConcurrentTasks: FALLBACK_SLOTS, handler: () => undefined },
    })
  }

  /** @throws OPTIONS_INVALID, DEFINITION_INVALID, DUPLICATE_ID. */
  add(definition: AgentDefinition): AgentInstance {
    checkAgentOptions(definition.id, definition.options)
    if (this.#agents.has(definition.id)) {
      throw new BatutaError('DUPLICATE_ID', `There is an agent "${definition.id}" already.`, {
        data: { kind: 'agent', id: definition.id },
        fix: 'Give each agent its own id, or remove the first one.',
      })
    }
    const instance = this.#instance(definition)
    for (const task of instance.definitions) this.define(task)
    this.#agents.set(instance.id, instance)
    this.limits.addAgent(instance)
    this.health.came(instance.load)
    for (const pool of this.#index.add(instance)) this.#join(pool, instance)
    const own = this.#lanes.get(agentLane(instance.id))
    if (own !== undefined) this.#join(own, instance)
    return instance
  }

  remove(id: string): void {
    const instance = this.#agents.get(id)
    if (instance === undefined) return
    this.#agents.delete(id)
    this.#index.remove(instance)
    this.limits.removeAgent(instance)
    this.roster.remove(instance.load, instance.lanes)
  }

  /**
   * Gets to know a definition. The first one of a type stays.
   * @throws DUPLICATE_ID when another definition has the type.
   */
  define(definition: AnyTaskDefinition): void {
    const known = this.#definitions.get(definition.type)
    if (known === definition) return
    checkTaskDefinition(definition)
    if (known !== undefined) {
      throw new BatutaError('DUPLICATE_ID', `There are two different definitions of task type "${definition.type}".`, {
        data: { kind: 'task', id: definition.type },
        fix: 'Define it once and share the value.',
      })
    }
    this.#definitions.set(definition.type, definition)
    this.limits.addType(definition, this.#lanes.keys())
    if (definition.options.fallback !== undefined) {
      const pool = this.#lanes.get(fallbackLane(definition.type))
      if (pool !== undefined) this.#join(pool, this.#fallback)
    }
  }

  definition(type: string): AnyTaskDefinition | undefined {
    return this.#definitions.get(type)
  }

  /** How many attempts of a type may run at once, over all nodes. */
  limitOf(type: string): number | undefined {
    return this.#definitions.get(type)?.options.maxConcurrentTasks
  }

  get definitions(): IterableIterator<AnyTaskDefinition> {
    return this.#definitions.values()
  }

  get(id: string): AgentInstance | undefined {
    return id === FALLBACK_AGENT ? this.#fallback : this.#agents.get(id)
  }

  /** @throws AGENT_NOT_FOUND, with the id that was probably meant. */
  require(id: string): AgentInstance {
    const instance = this.#agents.get(id)
    if (instance !== undefined) return instance
    const didYouMean = suggest(id, this.#agents.keys())
    throw new BatutaError('AGENT_NOT_FOUND', `No agent "${id}" is registered on this node.`, {
      data: { agentId: id, ...(didYouMean === undefined ? undefined : { didYouMean }) },
      fix: didYouMean === undefined ? 'Register it first.' : `Did you mean "${didYouMean}"?`,
    })
  }

  /** The user's agents. */
  get agents(): IterableIterator<AgentInstance> {
    return this.#agents.values()
  }

  /** The pool of a lane; the lane is known from then on. */
  lane(name: string): LanePool {
    const known = this.#lanes.get(name)
    if (known !== undefined) return known
    this.#checkLaneLimit(name)
    const pool = this.roster.pool(name)
    const lane = parseLane(name)
    if (lane.kind === 'tasks') for (const instance of this.#index.addLane(lane, pool)) this.#join(pool, instance)
    else {
      const hasFallback = lane.kind === 'fallback' && this.#definitions.get(lane.type)?.options.fallback !== undefined
      const only = lane.kind === 'agent' ? this.#agents.get(lane.agentId) : hasFallback ? this.#fallback : undefined
      if (only !== undefined) this.#join(pool, only)
    }
    this.#lanes.set(name, pool)
    this.limits.addLane(name)
    return pool
  }

  /** Whether a task is meant for one agent whose breaker for its type is open: such a lane holds tasks of several types. */
  isBlocked({ lane, type }: TaskRecord): boolean {
    const parsed = isAgentLane(lane) ? parseLane(lane) : undefined
    const load = parsed?.kind === 'agent' ? this.#agents.get(parsed.agentId)?.load : undefined
    return load !== undefined && this.health.blocks(load, type)
  }

  get lanes(): IterableIterator<string> {
    return this.#lanes.keys()
  }

  /** Capabilities that somebody here has, types that somebody here handles. */
  vocabulary(): { readonly capabilities: Set<string>; readonly types: Set<string>; readonly hasCatchAll: boolean } {
    const { capabilities, types } = this.#index
    return { capabilities, types, hasCatchAll: types.has(ANY_TYPE) }
  }

  #join(pool: LanePool, instance: AgentInstance): void {
    pool.join(instance.load)
    instance.lanes.push(pool.id)
    this.health.joined(pool, instance.load)
  }

  #instance(definition: AgentDefinition): AgentInstance {
    const { id, options } = definition
    const load = this.roster.add({
      // The owner is part of it: the same agent on another node is another instance.
      instanceId: `${id}@${this.node.ownerId}`,
      agentId: id,
      capabilities: options.capabilities,
      capacity: options.maxConcurrentTasks,
      cost: options.cost,
      metadata: options.metadata,
    })
    return new AgentInstance(definition, load, this.node.clock.monotonic())
  }

  #checkLaneLimit(lane: string): void {
    const limit = this.node.settings.maxLanes
    if (this.#lanes.size < limit) return
    throw new BatutaError(
      'LANE_LIMIT',
      `The application uses more than ${limit} combinations of task type and requirements.`,
      {
        data: { lane, limit },
        fix: 'Do not put ids or other free text into types and requirements.',
      },
    )
  }
}
