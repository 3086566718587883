import type { BusHub } from '../../bus/in-process-bus.js'
import { FaultyBus } from '../faults/faulty-bus.js'
import { FaultyStorage } from '../faults/faulty-storage.js'
import { LossyEngine } from '../faults/lossy-engine.js'
import { ProcessClock } from '../faults/process-clock.js'
import type { VirtualClock } from '../virtual-clock.js'
import { Draw } from './draw.js'
import type { EventLog } from './event-log.js'
import type { FaultSchedule } from './fault-schedule.js'
import type { Journal } from './journal.js'
import { runScript } from './run-script.js'
import type { SimNode, SystemUnderTest } from './sim-node.js'
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
  readonly storage: FaultyStorage
  readonly bus: FaultyBus
  readonly engine: LossyEngine
  readonly node: SimNode
  readonly #world: SimWorld
  state: 'starting' | 'up' | 'stopping' | 'down' = 'starting'

  constructor(world: SimWorld, options: SimProcessOptions) {
    const { clock, schedule } = world
    const { name } = options
    const random = (purpose: string) => Draw.of(world.seed, `${name} ${purpose}`).random
    this.#world = world
    this.name = name
    this.clock = new ProcessClock(clock)
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
      if (this.state === 'starting') this.state = 'up'
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
      timers: this.clock.pendingTimers,
      calls: this.storage.inFlight,
      subscriptions: this.bus.subscriptions,
    })
  }

  /** Ends every fault but being dead. */
  calm(): void {
    this.storage.setFaults({})
    this.storage.heal()
    this.bus.setFaults({})
    this.engine.setFaults({})
    this.clock.lag(() => 0)
    this.clock.thaw()
  }
}
