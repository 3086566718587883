import { fnv1a, mixed } from '../../internal/hash.js'
import type { AgentRecord } from '../../storage/records.js'
import { ANY_TYPE, type Lane, parseLane } from '../../task/lane.js'
import type { Entry, NodeContext } from '../node-context.js'

const PAGE = 500
/** Lanes are few; this only bounds what a stream of new names could cost. */
const MAX_LANES = 4_096

interface Peer {
  readonly hash: number
  /** The owner's count of changes to its agents, as of when they were read; `undefined` before that. */
  agentChanges: number | undefined
  agents: readonly AgentRecord[]
  /** Its beats are late: it makes no claims, so no task is left to it. */
  isLate: boolean
}

/**
 * The other owners of this storage, as last seen, and which of them each task is for first: those who serve its lane are put in
 * an order by rendezvous hashing, which all nodes find alike without a word between them. It is a preference and no right:
 * claims decide. While this node is alone all of it is passed by.
 */
export class Peers {
  readonly #peers = new Map<string, Peer>()
  /** Hashes of the other owners that serve a lane. */
  readonly #byLane = new Map<string, readonly number[]>()
  /** An owner came, or changed, since the last look. */
  onNews: () => void = () => {}
  #hasStranger = false
  #ownId = ''
  #ownHash = 0
  /** Of the last look. */
  #seen: readonly Entry<'owner'>[] = []
  #reading: Promise<void> | undefined

  constructor(private readonly node: Pick<NodeContext, 'ownerId' | 'query' | 'bus'>) {}

  /** Whether no other owner is known. */
  get isAlone(): boolean {
    return this.#peers.size === 0
  }

  /** Whether others are known, or were heard since the last look. */
  get areHere(): boolean {
    return this.#hasStranger || !this.isAlone
  }

  /** How many owners there are, this one included. */
  get owners(): number {
    return this.#peers.size + 1
  }

  /** The agents of the other owners, as these last made them known. */
  agents(): AgentRecord[] {
    return [...this.#peers.values()].flatMap(({ agents }) => agents)
  }

  /** Takes note of the owners that there are and which are late, and has the agents read of those whose agents have changed. */
  saw(owners: readonly Entry<'owner'>[], isLate: (ownerId: string) => boolean): void {
    this.#hasStranger = false
    const others = owners.filter(({ id }) => id !== this.node.ownerId)
    if (others.length === 0 && this.isAlone) return
    const ids = new Set(others.map(({ id }) => id))
    for (const id of this.#peers.keys()) if (!ids.has(id)) this.#forget(id)
    const isNew = others.some(({ id }) => !this.#peers.has(id))
    for (const { id } of others) this.#meet(id, isLate(id))
    // They may not know of this one yet.
    if (isNew) this.tell()
    this.#seen = others
    this.#reading ??= this.#readAgents().finally(() => {
      this.#reading = undefined
    })
  }

  /** The others are to look at this owner: they leave it its share as soon as they know it and its agents. */
  tell(): void {
    this.node.bus.publish({ type: 'owner', ownerId: this.node.ownerId })
  }

  /** Resolves when the agents of those that were seen are known, or could not be read. */
  async read(): Promise<void> {
    await this.#reading
  }

  /** Somebody else said something. */
  heard(): void {
    if (this.areHere) return
    this.#hasStranger = true
    this.onNews()
  }

  /** This owner was quicker with a task. */
  met(ownerId: string): void {
    if (ownerId !== this.node.ownerId && !this.#peers.has(ownerId)) this.onNews()
  }

  async #readAgents(): Promise<void> {
    const others = this.#seen
    for (const { id, value } of others) {
      const changes = value.agentChanges ?? 0
      const peer = this.#peers.get(id)
      if (peer === undefined || peer.agentChanges === changes) continue
      // Asked again at the next look.
      const agents = await this.#agentsOf(id).catch(() => undefined)
      if (agents === undefined) return
      peer.agents = agents
      peer.agentChanges = changes
      this.#byLane.clear()
    }
    if (this.#seen !== others) await this.#readAgents()
  }

  /** At which place this node is among those who may take this task of this lane: 0 is the first. */
  placeOf({ id, lane }: { readonly id: string; readonly lane: string }): number {
    return this.#place(id, this.#othersOf(lane))
  }

  /** The same among all owners, for what any node can do. */
  placeOfAny(id: string): number {
    if (this.isAlone) return 0
    return this.#place(
      id,
      this.#others('', () => true),
    )
  }

  #place(id: string, others: readonly number[]): number {
    if (others.length === 0) return 0
    if (this.#ownId !== this.node.ownerId) {
      this.#ownId = this.node.ownerId
      this.#ownHash = fnv1a(this.#ownId)
    }
    const hash = fnv1a(id)
    const own = mixed(hash, this.#ownHash)
    let place = 0
    for (const other of others) if (mixed(hash, other) > own) place++
    return place
  }

  #othersOf(lane: string): readonly number[] {
    const known = this.#byLane.get(lane)
    if (known !== undefined) return known
    const parsed = parseLane(lane)
    return this.#others(
      lane,
      (peer) => parsed.kind === 'fallback' || peer.agents.some((agent) => !agent.paused && serves(agent, parsed)),
    )
  }

  /** Which others these are, remembered under a name. */
  #others(name: string, isOne: (peer: Peer) => boolean): readonly number[] {
    const known = this.#byLane.get(name)
    if (known !== undefined) return known
    if (this.#byLane.size >= MAX_LANES) this.#byLane.clear()
    const others = [...this.#peers.values()].filter((peer) => !peer.isLate && isOne(peer)).map(({ hash }) => hash)
    this.#byLane.set(name, others)
    return others
  }

  #meet(id: string, isLate: boolean): void {
    const peer = this.#peers.get(id)
    if (peer?.isLate === isLate) return
    if (peer === undefined) this.#peers.set(id, { hash: fnv1a(id), agentChanges: undefined, agents: [], isLate })
    else peer.isLate = isLate
    this.#byLane.clear()
  }

  #forget(id: string): void {
    this.#peers.delete(id)
    this.#byLane.clear()
  }

  async #agentsOf(ownerId: string): Promise<AgentRecord[]> {
    const agents: AgentRecord[] = []
    for (let after: readonly string[] | undefined; ; ) {
      const page = await this.node.query('agent', 'agents', { prefix: [ownerId], after, limit: PAGE }, 0)
      agents.push(...page.map(({ value }) => value))
      const last = page[page.length - 1]
      if (last === undefined || page.length < PAGE) return agents
      after = [ownerId, last.value.agentId]
    }
  }
}

/** Whether an agent is one of those that a lane is for, at work or not. */
export function serves({ agentId, types, capabilities }: AgentRecord, lane: Lane): boolean {
  if (lane.kind === 'fallback') return false
  if (lane.kind === 'agent') return lane.agentId === agentId
  if (!types.includes(ANY_TYPE) && (lane.type === undefined || !types.includes(lane.type))) return false
  return lane.requires.every((capability) => capabilities.includes(capability))
}
