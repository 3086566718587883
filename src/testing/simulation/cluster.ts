import type { StorageFaults } from '../faults/storage-faults.js'
import { Draw } from './draw.js'
import type { Change } from './event-log.js'
import { type Fault, NO_FAULTS } from './fault-schedule.js'
import { SimProcess, type SimWorld } from './sim-process.js'
import type { AgentPlan } from './workload.js'

/** Calls that are late, but not lost: no adapter gives up on them. */
const LATE: StorageFaults = { slow: 0, lostAnswer: 0, timeoutMs: 9_000 }

/** The nodes of a run: starts them, kills them, starts them again. */
export class Cluster {
  /** Every process that was ever started, in order. */
  readonly processes: SimProcess[] = []
  readonly #world: SimWorld
  readonly #nodes: (SimProcess | undefined)[] = []
  readonly #agents: AgentPlan[][]
  readonly #hostile: boolean
  readonly #draw: Draw
  #isQuiet = false
  #starts = 0

  constructor(world: SimWorld, nodes: number) {
    this.#world = world
    this.#draw = Draw.of(world.seed, 'cluster')
    this.#hostile = this.#draw.chance(0.2)
    // The first node has every agent; others may lack some, so that not everybody can take everything.
    this.#agents = Array.from({ length: nodes }, (_, i) =>
      world.workload.agents.filter(() => i === 0 || this.#draw.chance(0.8)),
    )
    this.#nodes = Array.from({ length: nodes }, () => undefined)
    world.journal.onApplied = (node, changes) => this.#mayDieOf(node, changes)
  }

  /** The process that runs as this node now, or any that is up. */
  at(node: number): SimProcess | undefined {
    const wanted = this.#nodes[node % this.#nodes.length]
    return wanted?.isUp === true ? wanted : this.#nodes.find((process) => process?.isUp === true)
  }

  /** Starts every node, each a little after the one before. */
  start(): void {
    this.#nodes.forEach((_, node) => {
      this.#world.clock.setTimer(() => this.boot(node), node === 0 ? 0 : this.#draw.int(0, 300))
    })
  }

  boot(node: number): void {
    const name = `n${node}.${++this.#starts}`
    const agents = this.#agents[node] ?? this.#world.workload.agents
    const process = new SimProcess(this.#world, { name, agents, hostile: this.#hostile, isQuiet: this.#isQuiet })
    this.#nodes[node] = process
    this.processes.push(process)
    void process.start()
  }

  /** Processes die at the worst moments: when something is committed and they have not heard of it. */
  #mayDieOf(name: string, changes: readonly Change[]): void {
    const { fragile, fragileWitness } = this.#world.schedule
    if (this.#isQuiet || (fragile === 0 && fragileWitness === 0)) return
    const isWitness = changes.some((change) => change.kind === 'owner' && change.after === undefined)
    if (!this.#draw.chance(isWitness ? fragileWitness : fragile)) return
    const node = this.#nodes.findIndex((process) => process?.name === name)
    const process = this.#nodes[node]
    if (process?.isUp !== true) return
    this.#world.clock.setTimer(() => {
      process.crash()
      this.#bootLater({ node, forMs: this.#draw.int(100, 5_000) })
    }, 0)
  }

  /** Makes a fault happen now, and its end at its time. */
  strike(fault: Fault): void {
    if (this.#isQuiet) return
    const process = this.#nodes[fault.node]
    const { clock, log } = this.#world
    if (process === undefined || process.state === 'down') return
    const everybody = fault.kind === 'outage'
    const tell = (text: string) => log.add({ type: 'fault', node: everybody ? '*' : process.name, text })
    tell(`${fault.kind} for ${fault.forMs} ms`)
    const undo = (end: () => void) => {
      clock.setTimer(() => {
        if (this.#isQuiet) return
        end()
        tell(`${fault.kind} is over`)
      }, fault.forMs)
    }
    this.#apply(fault, process, undo)
  }

  #apply(fault: Fault, process: SimProcess, undo: (end: () => void) => void): void {
    const { schedule } = this.#world
    switch (fault.kind) {
      case 'crash':
        process.crash()
        this.#bootLater(fault)
        break
      case 'restart':
        void process.stop(fault.graceMs).then(() => this.#bootLater(fault))
        break
      case 'stall':
        process.freeze()
        undo(() => process.thaw())
        break
      case 'partition':
        process.storage.partition(fault.mode)
        undo(() => process.storage.heal())
        break
      case 'outage':
        for (const each of this.processes) each.storage.partition(fault.mode)
        undo(() => {
          for (const each of this.processes) each.storage.heal()
        })
        break
      case 'late-beats':
        process.storage.setFaults({ ...schedule.storage, ...LATE, latencyMs: fault.latencyMs })
        undo(() => process.storage.setFaults(schedule.storage))
        break
      case 'slow':
        process.clock.lag(() => this.#draw.random.next() * fault.lagMs)
        undo(() => process.clock.lag(() => 0))
        break
      case 'skew':
        process.clock.skew(fault.skewMs)
        break
      case 'lost-window':
        process.engine.forget()
        break
    }
  }

  /** Ends all faults. Every node has every agent from now on, and at least one is up. */
  calm(): void {
    this.#isQuiet = true
    for (const process of this.processes) process.calm()
    this.#agents.fill([...this.#world.workload.agents])
    // The first node has every agent, but may be down: one more joins that has all.
    if (this.#nodes[0]?.isUp !== true || this.#world.schedule !== NO_FAULTS) {
      this.#nodes.push(undefined)
      this.boot(this.#nodes.length - 1)
    }
    this.#world.log.add({ type: 'quiet' })
  }

  #bootLater(fault: { readonly node: number; readonly forMs: number }): void {
    this.#world.clock.setTimer(() => {
      if (!this.#isQuiet && this.#nodes[fault.node]?.state === 'down') this.boot(fault.node)
    }, fault.forMs)
  }
}
