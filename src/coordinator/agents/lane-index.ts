import type { LanePool } from '../../router/lane-pool.js'
import { ANY_TYPE, type Lane } from '../../task/lane.js'
import type { AgentInstance } from './agent-instance.js'

type TaskLane = Extract<Lane, { readonly kind: 'tasks' }>

/** A lane of tasks, and the pool of those who serve it. */
interface Entry {
  readonly lane: TaskLane
  readonly pool: LanePool
}

/** Agents that are alike to every lane: they handle the same types and have the same capabilities. */
interface Group {
  readonly types: readonly string[]
  readonly capabilities: readonly string[]
  /** With the number of its registration: pools are filled in that order, whatever the groups. */
  readonly agents: Map<AgentInstance, number>
  readonly pools: LanePool[]
}

/**
 * Which agents serve which lanes, found without a look at all of either. Groups are filed under each of their types and
 * capabilities, lanes under one thing that whoever serves them must have. An agent of a known group costs as much as the
 * lanes that it joins; a new group, as much as the lanes filed under what it has; a new lane, as much as the groups that have its rarest
 * requirement, and those who join.
 */
export class LaneIndex {
  readonly #groups = new Map<string, Group>()
  readonly #byCapability = new Map<string, Set<Group>>()
  readonly #byType = new Map<string, Set<Group>>()
  readonly #lanesByCapability = new Map<string, Entry[]>()
  /** Lanes that require nothing. */
  readonly #lanesByType = new Map<string, Entry[]>()
  #registered = 0

  /** Takes note of an agent. @returns the pools of the lanes that it serves. */
  add(agent: AgentInstance): readonly LanePool[] {
    const name = nameOf(agent)
    let group = this.#groups.get(name)
    if (group === undefined) {
      group = { types: agent.types, capabilities: agent.load.capabilities, agents: new Map(), pools: [] }
      this.#groups.set(name, group)
      for (const capability of group.capabilities) listIn(this.#byCapability, capability, newSet).add(group)
      for (const type of group.types) listIn(this.#byType, type, newSet).add(group)
      this.#findLanes(group)
    }
    group.agents.set(agent, this.#registered++)
    return group.pools
  }

  /** Forgets an agent. */
  remove(agent: AgentInstance): void {
    const name = nameOf(agent)
    const group = this.#groups.get(name)
    if (group === undefined || !group.agents.delete(agent) || group.agents.size > 0) return
    this.#groups.delete(name)
    for (const capability of group.capabilities) removeFrom(this.#byCapability, capability, group)
    for (const type of group.types) removeFrom(this.#byType, type, group)
  }

  /** Takes note of a lane. @returns the agents that serve it, in the order of their registration. */
  addLane(lane: TaskLane, pool: LanePool): readonly AgentInstance[] {
    const entry = { lane, pool }
    const rarest = lane.requires.toSorted((a, b) => this.#frequency(a) - this.#frequency(b))[0]
    if (rarest === undefined) listIn(this.#lanesByType, lane.type ?? ANY_TYPE, newList).push(entry)
    else listIn(this.#lanesByCapability, rarest, newList).push(entry)
    const found: [AgentInstance, number][] = []
    for (const group of this.#candidates(lane, rarest)) {
      if (!serves(group, lane)) continue
      group.pools.push(pool)
      found.push(...group.agents)
    }
    return found.sort(([, a], [, b]) => a - b).map(([agent]) => agent)
  }

  /** Capabilities that somebody has, types that somebody handles. */
  get capabilities(): Set<string> {
    return new Set(this.#byCapability.keys())
  }

  get types(): Set<string> {
    return new Set(this.#byType.keys())
  }

  #frequency(capability: string): number {
    return this.#byCapability.get(capability)?.size ?? 0
  }

  /** Groups among which are all that serve a lane. */
  #candidates(lane: TaskLane, rarest: string | undefined): Iterable<Group> {
    if (rarest !== undefined) return this.#byCapability.get(rarest) ?? []
    const any = this.#byType.get(ANY_TYPE) ?? []
    return lane.type === undefined ? any : new Set([...(this.#byType.get(lane.type) ?? []), ...any])
  }

  #findLanes(group: Group): void {
    const lists = group.types.includes(ANY_TYPE)
      ? [...this.#lanesByType.values()]
      : group.types.map((type) => this.#lanesByType.get(type))
    for (const capability of group.capabilities) lists.push(this.#lanesByCapability.get(capability))
    for (const list of lists) {
      for (const { lane, pool } of list ?? []) if (serves(group, lane)) group.pools.push(pool)
    }
  }
}

function nameOf(agent: AgentInstance): string {
  return JSON.stringify([agent.types.toSorted(), agent.load.capabilities])
}

function serves({ types, capabilities }: Group, lane: TaskLane): boolean {
  if (!types.includes(ANY_TYPE) && (lane.type === undefined || !types.includes(lane.type))) return false
  return lane.requires.every((capability) => capabilities.includes(capability))
}

function newSet(): Set<Group> {
  return new Set()
}

function newList(): Entry[] {
  return []
}

function listIn<L>(lists: Map<string, L>, key: string, make: () => L): L {
  let list = lists.get(key)
  if (list === undefined) {
    list = make()
    lists.set(key, list)
  }
  return list
}

function removeFrom(sets: Map<string, Set<Group>>, key: string, group: Group): void {
  const set = sets.get(key)
  set?.delete(group)
  if (set?.size === 0) sets.delete(key)
}
