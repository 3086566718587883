import { BatutaError } from '../../errors/base-error.js'
import { KeyedChain } from '../../internal/keyed-chain.js'
import type { AgentRecord } from '../../storage/records.js'
import type { AgentDefinition, AgentSnapshot, AgentStatus } from '../../task/agent.js'
import { SetBuilder } from '../commit/set-builder.js'
import type { Entry, NodeContext } from '../node-context.js'
import type { NodeParts } from '../node-parts.js'
import type { AgentInstance } from './agent-instance.js'

/** The life of agents: register, heartbeat, pause, drain, unregister; and the records by which other nodes know them. */
export class AgentDesk {
  readonly #records = new Map<string, Entry<'agent'>>()
  /** One write of an agent's record at a time: what is removed at once must be removed after it was made known. */
  readonly #writes = new KeyedChain()
  /** Those that could not be made known as they are: tried again with the next beat. */
  readonly #unknown = new Set<AgentInstance>()

  constructor(
    private readonly node: NodeContext,
    private readonly parts: Omit<NodeParts, 'desk'>,
  ) {}

  register(definition: AgentDefinition, isRunning: boolean): void {
    const agent = this.parts.registry.add(definition)
    // One that polls can take work only while it asks.
    if (agent.isPolling) agent.load.stand('offline')
    this.node.events.emit('agent:registered', () => ({ agent: this.snapshot(agent) }))
    if (!isRunning) return
    this.#publishSoon(agent)
    this.parts.dispatcher.freed(agent)
    void this.parts.lookAround().catch((error) => this.node.log.debug({ error }, 'a look around failed'))
  }

  /** @throws AGENT_NOT_FOUND, AGENT_NOT_POLLING. */
  heartbeat(agent: AgentInstance): void {
    if (!agent.isPolling) {
      throw new BatutaError('AGENT_NOT_POLLING', `Agent "${agent.id}" runs its handlers here; it does not poll.`, {
        data: { agentId: agent.id },
        fix: 'Give it `accepts` instead of handlers.',
      })
    }
    agent.lastHeartbeatAt = this.node.clock.monotonic()
  }

  /** Gives it no new tasks, or new ones again. */
  pause(agentId: string, isPaused: boolean): void {
    const agent = this.parts.registry.require(agentId)
    if (agent.isPaused === isPaused) return
    const was = this.#statusOf(agent)
    agent.isPaused = isPaused
    this.#stand(agent)
    this.#publishSoon(agent)
    this.node.events.emit('agent:status', { agentId, status: this.#statusOf(agent), was })
    if (!isPaused) this.parts.dispatcher.freed(agent)
  }

  /**
   * Leaves it out for a while, as if it had failed too often: it comes back by itself.
   * @throws AGENT_NOT_FOUND.
   */
  eject(agentId: string, forMs: number | undefined): void {
    const agent = this.parts.registry.require(agentId)
    this.parts.registry.health.eject(agent.load, forMs)
  }

  /** Gives it work again at once. @throws AGENT_NOT_FOUND. */
  restore(agentId: string): void {
    const agent = this.parts.registry.require(agentId)
    this.parts.registry.health.restore(agent.load)
    this.parts.dispatcher.freed(agent)
  }

  /** Gives it no new tasks, and resolves when those it has are over. */
  async drain(agentId: string, graceMs?: number): Promise<void> {
    const agent = this.parts.registry.require(agentId)
    if (!agent.isDraining) {
      agent.isDraining = true
      this.parts.registry.health.cooling.letAllGo(agent.load)
      this.#stand(agent)
      this.#publishSoon(agent)
      this.node.events.emit('agent:draining', { agentId, unfinished: agent.load.working })
    }
    await this.#until(() => agent.load.working === 0, graceMs)
    if (agent.load.working === 0) this.node.events.emit('agent:drained', { agentId })
  }

  /** Drains it; what is unfinished after `graceMs` is given back, for others to take. */
  async unregister(agentId: string, graceMs: number): Promise<void> {
    const agent = this.parts.registry.require(agentId)
    await this.drain(agentId, graceMs)
    this.parts.polling.stop(agent)
    const reason = new DOMException(`Agent "${agentId}" was removed.`, 'AbortError')
    for (const run of this.parts.flow.runs.values()) {
      if (run.reservation.instance === agent) run.attempt.abort('released', reason)
    }
    await this.#until(
      () => agent.load.working - agent.load.stuck <= 0,
      this.node.settings.abandonAfterMs + this.node.settings.leaseMs,
    )
    this.parts.registry.remove(agentId)
    await this.#withdraw(agentId)
    this.node.events.emit('agent:unregistered', { agentId })
  }

  /** Lets running handlers finish for `graceMs`, then tells them to stop, and waits until all but the stuck ones have. */
  async finishAll(graceMs: number): Promise<void> {
    const { runs, stuck } = this.parts.flow
    // By slots and not by runs: a claim that is being committed has its slot already, and is a run a moment later.
    const isDone = () =>
      // Fallback functions belong to none of the agents.
      runs.size === 0 &&
      [...this.parts.registry.agents].every(({ isPolling, load }) => isPolling || load.inFlight <= load.stuck)
    const isReleased = () => {
      this.parts.flow.releaseAll('this node shuts down')
      return isDone()
    }
    await this.#until(isDone, graceMs)
    // A claim that is committed from now on, by a storage that was away, starts no handler.
    this.parts.flow.close()
    // Abandoned at the latest then; and their outcomes need a storage that answers.
    await this.#until(isReleased, this.node.settings.abandonAfterMs + this.node.settings.leaseMs)
    if (stuck.size > 0)
      this.node.log.error({ stuck: stuck.size }, 'handlers did not return although they were told to stop')
  }

  /** Makes all agents known to other nodes. */
  async publishAll(): Promise<void> {
    await Promise.all([...this.parts.registry.agents].map((agent) => this.#publish(agent)))
  }

  /** Makes those known that could not be made known before. */
  publishAgain(): void {
    if (this.#unknown.size === 0) return
    const again = [...this.parts.registry.agents].filter((agent) => this.#unknown.has(agent))
    this.#unknown.clear()
    for (const agent of again) this.#publishSoon(agent)
  }

  /** Takes the records back: this node stops. */
  async withdrawAll(): Promise<void> {
    const known = [...this.parts.registry.agents].map(({ id }) => id)
    await Promise.all(known.map((agentId) => this.#withdraw(agentId))).catch((error) =>
      this.node.log.warn({ error }, 'agents could not be signed off'),
    )
  }

  snapshot(agent: AgentInstance): AgentSnapshot {
    const { load, options } = agent
    const ageMs = this.node.clock.monotonic() - agent.lastHeartbeatAt
    const limited = agent.gate?.view()
    return {
      id: agent.id,
      name: agent.name,
      ownerId: this.node.ownerId,
      capabilities: load.capabilities,
      types: agent.types,
      status: this.#statusOf(agent),
      polling: agent.isPolling,
      maxConcurrentTasks: load.capacity,
      inFlight: load.inFlight,
      stuck: load.stuck,
      cooling: load.cooling,
      completed: load.completed,
      failed: load.failed,
      successRate: load.successRate,
      weight: load.weight,
      health: this.parts.registry.health.view(load),
      ...(limited === undefined ? undefined : { limited }),
      lastHeartbeatAt: new Date(this.node.clock.now() - (agent.isPolling ? ageMs : 0)),
      ...(agent.lastError === undefined ? undefined : { lastError: agent.lastError }),
      ...(options.metadata === undefined ? undefined : { metadata: options.metadata }),
    }
  }

  #statusOf(agent: AgentInstance): AgentStatus {
    if (agent.isDraining) return 'draining'
    if (agent.isPaused) return 'paused'
    if (agent.isPolling) {
      const isSilent = this.node.clock.monotonic() - agent.lastHeartbeatAt > agent.leaseMs
      return isSilent ? 'offline' : agent.load.working > 0 ? 'busy' : 'idle'
    }
    if (agent.load.stuck >= agent.load.capacity) return 'error'
    if (!this.parts.owner.isAlive) return 'suspect'
    return agent.load.working > 0 ? 'busy' : 'idle'
  }

  #stand(agent: AgentInstance): void {
    if (agent.isPolling) this.parts.polling.moved(agent)
    else if (agent.isDraining) agent.load.stand('draining')
    else if (agent.isPaused) agent.load.stand('paused')
    else agent.load.stand('available')
  }

  #publishSoon(agent: AgentInstance): void {
    void this.#publish(agent).catch((error) =>
      this.node.log.warn({ agentId: agent.id, error }, 'an agent could not be made known'),
    )
  }

  #publish(agent: AgentInstance): Promise<void> {
    return this.#writes
      .run(agent.id, () => this.#writeRecord(agent))
      .catch((error) => {
        this.#unknown.add(agent)
        throw error
      })
  }

  async #writeRecord(agent: AgentInstance): Promise<void> {
    const set = new SetBuilder(this.node)
    const value: AgentRecord = {
      ownerId: this.node.ownerId,
      agentId: agent.id,
      name: agent.name,
      capabilities: agent.load.capabilities,
      types: agent.types,
      maxConcurrentTasks: agent.load.capacity,
      polling: agent.isPolling,
      paused: agent.isPaused || agent.isDraining,
    }
    const id = `${this.node.ownerId}/${encodeURIComponent(agent.id)}`
    const was = this.#records.get(agent.id)
    // One of an earlier life of this node stands under another id.
    const record = set.put('agent', id, was?.id === id ? was : undefined, value)
    const result = await this.node.committer.commit(set.build(this.node.latest()), {
      waitMs: this.node.settings.storageWaitMs,
    })
    const stands = result.applied ? record : (result.found[0] as Entry<'agent'> | undefined)
    // Refused by our own record, whose answer went missing: written again from what stands.
    if (!result.applied) this.#unknown.add(agent)
    if (stands === undefined) this.#records.delete(agent.id)
    else this.#records.set(agent.id, stands)
    this.node.agentChanges++
  }

  #withdraw(agentId: string): Promise<void> {
    return this.#writes.run(agentId, () => this.#removeRecord(agentId))
  }

  async #removeRecord(agentId: string): Promise<void> {
    const record = this.#records.get(agentId)
    if (record === undefined) return
    this.#records.delete(agentId)
    const set = new SetBuilder(this.node)
    set.remove('agent', record.id, record.version)
    await this.node.committer.commit(set.build(this.node.latest()), { waitMs: this.node.settings.leaseMs })
    this.node.agentChanges++
  }

  /** Resolves when it holds, or after `graceMs`. */
  async #until(holds: () => boolean, graceMs = Number.POSITIVE_INFINITY): Promise<void> {
    const giveUpAt = this.node.clock.monotonic() + graceMs
    // Looked at often enough for a person: nothing waits for this but a drain or a shutdown.
    while (!holds() && this.node.clock.monotonic() < giveUpAt) await this.node.sleep(Math.min(10, graceMs))
  }
}
