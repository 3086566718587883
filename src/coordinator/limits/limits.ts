import type { LimitHold } from '../../task/agent.js'
import type { AnyTaskDefinition } from '../../task/definition.js'
import { cloneJson } from '../../task/json-value.js'
import { parseLane } from '../../task/lane.js'
import type { LimitOptions } from '../../task/limits.js'
import { checkInput } from '../../task/schema-check.js'
import type { TaskRecord } from '../../task/task-record.js'
import type { AgentInstance } from '../agents/agent-instance.js'
import type { NodeContext } from '../node-context.js'
import { type Amount, amountOf, isCost, NOTHING } from './amount.js'
import { Gate, type OnTurn } from './gate.js'
import { Hold } from './hold.js'
import type { Rate } from './rate.js'
import { SharedRate } from './shared-rate.js'

/** Whom limits tell that something may start again. */
export interface LimitsHooks {
  /** This agent may. */
  freed(instance: AgentInstance): void
  /** Tasks of a type may: those in these lanes, and what was parked for it. */
  opened(lanes: Iterable<string>): void
}

interface TypeLimits {
  readonly gate: Gate
  /** The lanes that hold nothing but tasks of this type: while the gate is shut, nothing is taken out of them. */
  readonly lanes: Set<string>
}

/**
 * The rate limits and budgets of this node's agents and task types. Everything here is empty, and is passed by, where no
 * limit is configured.
 */
export class Limits {
  readonly #types = new Map<string, TypeLimits>()
  readonly #lanes = new Map<string, Gate>()
  readonly #gates = new Set<Gate>()
  #hooks: LimitsHooks | undefined

  constructor(
    private readonly node: NodeContext,
    private readonly definitionOf: (type: string) => AnyTaskDefinition | undefined,
  ) {}

  /** Who is to be told. */
  connect(hooks: LimitsHooks): void {
    this.#hooks = hooks
  }

  addAgent(instance: AgentInstance): void {
    if (!isLimited(instance.options)) return
    const { load } = instance
    instance.gate = this.#gate(instance.options, (reason, wasReason, opensInMs) => {
      if (wasReason !== undefined && wasReason !== reason) load.unbar(wasReason)
      if (reason === undefined) this.#hooks?.freed(instance)
      else load.bar(reason, opensInMs === undefined ? undefined : this.node.clock.now() + opensInMs)
    })
  }

  removeAgent({ gate }: AgentInstance): void {
    gate?.stop()
    if (gate !== undefined) this.#gates.delete(gate)
  }

  /** @param lanes - those that are known by now. */
  addType(definition: AnyTaskDefinition, lanes: Iterable<string>): void {
    if (!isLimited(definition.options)) return
    const own = new Set<string>()
    const { type, options } = definition
    const { rateLimit } = options
    const onTurn: OnTurn = (reason) => {
      if (reason === undefined) this.#hooks?.opened(own)
    }
    const gate =
      rateLimit?.scope === 'all'
        ? this.#gate(options, onTurn, (changed) => new SharedRate(this.node, type, rateLimit, changed))
        : this.#gate(options, onTurn)
    this.#types.set(type, { gate, lanes: own })
    for (const lane of lanes) this.addLane(lane)
  }

  addLane(name: string): void {
    if (this.#types.size === 0) return
    const lane = parseLane(name)
    const limits = lane.kind === 'agent' ? undefined : this.#types.get(lane.type ?? '')
    if (limits === undefined) return
    limits.lanes.add(name)
    this.#lanes.set(name, limits.gate)
  }

  /** Whether no task of this lane may start now. */
  isShut(lane: string): boolean {
    return this.#lanes.get(lane)?.reason !== undefined
  }

  /** Those of them out of which something may start: what a limit of its type holds back is in nobody's way. */
  open(lanes: Iterable<string>): Iterable<string> {
    return this.#lanes.size === 0 ? lanes : [...lanes].filter((lane) => !this.isShut(lane))
  }

  /** The limits of a type. */
  ofType(type: string): Gate | undefined {
    return this.#types.size === 0 ? undefined : this.#types.get(type)?.gate
  }

  /** The types of which nothing may start now. */
  view(): ({ readonly taskType: string } & LimitHold)[] {
    return [...this.#types].flatMap(([taskType, { gate }]) => {
      const hold = gate.view()
      return hold === undefined ? [] : [{ taskType, ...hold }]
    })
  }

  /** What an attempt at this task may cost, if its type lets it start now; `undefined` if it does not. */
  admitted(task: TaskRecord): Amount | undefined {
    if (this.#gates.size === 0) return NOTHING
    const need = this.#estimate(task)
    return this.ofType(task.type)?.admits(need) === false ? undefined : need
  }

  /** As its definition estimates it; nothing when that says nothing useful. */
  #estimate(task: TaskRecord): Amount {
    const definition = this.definitionOf(task.type)
    if (definition?.options.estimate === undefined) return NOTHING
    try {
      const cost: unknown = definition.options.estimate(checkInput(definition, cloneJson(task.input)))
      if (isCost(cost)) return amountOf(cost)
      this.node.log.warn({ taskId: task.id, cost }, 'an estimate is no cost, and counts as nothing')
    } catch (error) {
      this.node.log.warn({ taskId: task.id, error }, 'an estimate could not be made, and counts as nothing')
    }
    return NOTHING
  }

  /** Takes what an attempt occupies; `undefined` when nothing limits it. */
  hold(instance: AgentInstance, type: string, need: Amount): Hold | undefined {
    const gate = this.ofType(type)
    return instance.gate === undefined && gate === undefined ? undefined : new Hold(instance.gate, gate, need)
  }

  /** Nothing starts any more: no timer is left. */
  stop(): void {
    for (const gate of this.#gates) gate.stop()
  }

  #gate(options: LimitOptions, onTurn: OnTurn, shared?: (changed: () => void) => Rate): Gate {
    const gate = new Gate(this.node.clock, options, onTurn, shared)
    this.#gates.add(gate)
    return gate
  }
}

function isLimited({ rateLimit, budget }: LimitOptions): boolean {
  return rateLimit !== undefined || budget !== undefined
}
