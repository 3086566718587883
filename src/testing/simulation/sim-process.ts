import type { BusHub } from '../../bus/in-process-bus.js'
import { FaultyBus } from '../faults/faulty-bus.js'
import { FaultyStorage } from '../faults/faulty-storage.js'
import { LossyEngine } from '../faults/lossy-engine.js'
import { ProcessClock } from '../faults/process-clock.js'
import type { VirtualClock } from '../virtual-clock.js'
import { Draw } from './draw.js'
import { type EventLog, POLLER } from './event-log.js'
import type { FaultSchedule } from './fault-schedule.js'
import type { Journal } from './journal.js'
import { runScript } from './run-script.js'
import type { PolledWork, SimNode, SystemUnderTest } from './sim-node.js'
import type { AgentPlan, Workload } from './workload.js'

/** What all processes of a run share. */
export interface SimWorld {
  readonly seed: number
  readonly clock: VirtualClock
  readonly log: EventLog
  readonly journal: Journal
  readonly hub: BusHub
  readonly system: SystemUnderTest
  readonly workload: Workload
  readonly schedule: FaultSchedule
}

/** How one process is set up. */
export interface SimProcessOptions {
  readonly name: string
  readonly agents: readonly AgentPlan[]
  readonly hostile: boolean
  /** Without the faults that happen all the time. */
  readonly isQuiet: boolean
}

/** One start of a node, with everything around it that can go wrong. */
export class SimProcess {
  readonly name: string
  readonly clock: ProcessClock
  /** The clock of whoever calls from within this process: what they wait for is not the node's. */
  readonly callers: ProcessClock
  readonly storage: FaultyStorage
  readonly bus: FaultyBus
  readonly engine: LossyEngine
  readonly node: SimNode
  readonly #world: SimWorld
  readonly #agents: readonly AgentPlan[]
  readonly #habits: Draw
  state: 'starting' | 'up' | 'stopping' | 'down' = 'starting'

  constructor(world: SimWorld, options: SimProcessOptions) {
    const { clock, schedule } = world
    const { name } = options
    const random = (purpose: string) => Draw.of(world.seed, `${name} ${purpose}`).random
    this.#world = world
    this.name = name
    this.#agents = options.agents
    this.#habits = Draw.of(world.seed, `${name} pollers`)
    this.clock = new ProcessClock(clock)
    this.callers = new ProcessClock(clock)
    this.storage = new FaultyStorage(world.journal.view(name), {
      clock,
      process: this.clock,
      random: random('storage'),
      faults: options.isQuiet ? {} : schedule.storage,
    })
    this.bus = new FaultyBus(world.hub.connect(), {
      clock,
      process: this.clock,
      random: random('bus'),
      faults: options.isQuiet ? {} : schedule.bus,
    })
    const lostOffer = options.isQuiet ? 0 : schedule.lostOffer
    this.engine = new LossyEngine(() => world.system.makeEngine(), random('engine'), { lostOffer })
    this.node = world.system.makeNode({
      name,
      storage: this.storage,
      engine: this.engine,
      bus: this.bus,
      clock: this.clock,
      random: random('node'),
      workload: world.workload,
      agents: options.agents,
      hostile: options.hostile,
      run: (agentId, input, ctx) => runScript({ node: name, agentId, clock: this.clock, log: world.log }, input, ctx),
      onEvent: (event, taskId) =>
        world.log.add({ type: 'emitted', node: name, name: event, ...(taskId === undefined ? undefined : { taskId }) }),
    })
  }

  get isUp(): boolean {
    return this.state === 'up'
  }

  /** Starts the node; a start that fails is reported and leaves the process down. */
  async start(): Promise<void> {
    this.#world.log.add({ type: 'node:start', node: this.name })
    try {
      await this.node.start()
      if (this.state !== 'starting') return
      this.state = 'up'
      for (const agent of this.#agents) if (agent.leaseMs !== undefined) void this.#poll(agent, agent.leaseMs)
    } catch (error) {
      this.#world.log.add({ type: 'fault', node: this.name, text: `start failed: ${String(error)}` })
      this.crash()
    }
  }

  /** Dies at once. Commits under way may still arrive. */
  crash(): void {
    if (this.state === 'down') return
    this.state = 'down'
    this.clock.kill()
    this.callers.kill()
    this.storage.kill()
    void this.bus.close()
    this.#world.log.add({ type: 'node:crash', node: this.name })
  }

  /** Shuts down cleanly and writes down what is left of it. */
  async stop(graceMs: number): Promise<void> {
    if (this.state !== 'up') return
    this.state = 'stopping'
    const { log } = this.#world
    log.add({ type: 'node:stopping', node: this.name })
    let stuck = 0
    try {
      stuck = (await this.node.stop(graceMs)).stuck
    } catch (error) {
      log.add({ type: 'broken', text: `${this.name} could not stop: ${String(error)}` })
    }
    this.state = 'down'
    log.add({
      type: 'node:stopped',
      node: this.name,
      stuck,
      // Calls under way have timers of the network's: they are counted as calls.
      timers: this.storage.inFlight > 0 ? 0 : this.clock.pendingTimers,
      calls: this.storage.inFlight,
      subscriptions: this.bus.subscriptions,
    })
  }

  /** An agent that polls: takes what it is given, works on it beside asking for more, and is not always careful. */
  async #poll(agent: AgentPlan, leaseMs: number): Promise<void> {
    const pause = (ms: number) => new Promise<void>((resolve) => this.callers.setTimer(resolve, ms))
    while (this.state === 'up') {
      try {
        for (const work of await this.node.poll(agent.id, 2, 700)) void this.#workOn(work, agent, leaseMs)
      } catch {
        await pause(500)
      }
      await pause(this.#habits.int(1, 300))
    }
  }

  async #workOn(work: PolledWork, agent: AgentPlan, leaseMs: number): Promise<void> {
    const { taskId, attempt, signal } = work
    const isCareful = this.#habits.chance(0.7)
    const host = { node: this.name, agentId: `${POLLER}${agent.id}`, clock: this.callers, log: this.#world.log }
    try {
      const output = await runScript(host, work.input, {
        signal,
        attempt,
        taskId,
        progress: () => {
          if (isCareful) work.extend(leaseMs).catch(() => undefined)
        },
        stage: () => undefined,
        update: () => undefined,
        hasSession: false,
        errors: { final: (message) => new Error(message), retryAfter: (message) => new Error(message) },
      })
      await work.complete(output)
    } catch (error) {
      // A claim that is lost can't be failed either: then there is nothing left to say.
      await work.fail(error).catch(() => undefined)
    }
  }

  /** Stands still, callers and all. */
  freeze(): void {
    this.clock.freeze()
    this.callers.freeze()
  }

  thaw(): void {
    this.clock.thaw()
    this.callers.thaw()
  }

  /** Ends every fault but being dead. */
  calm(): void {
    this.storage.setFaults({})
    this.storage.heal()
    this.bus.setFaults({})
    this.engine.setFaults({})
    this.clock.lag(() => 0)
    this.thaw()
  }
}
