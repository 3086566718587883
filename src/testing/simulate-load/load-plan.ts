import type { SubmitOptions } from '../../task/submit-options.js'
import { Draw } from '../simulation/draw.js'
import type { SimulatedAgent, SimulatedTaskType, SimulatedWorkload, SimulateLoadOptions } from './load-options.js'
import { drawServiceTime, meanOf, type ServiceTime } from './service-time.js'

const DEFAULT_LOAD = 0.6
const DEFAULT_DURATION_MS = 600_000
const DEFAULT_SERVICE: ServiceTime = { kind: 'exponential', meanMs: 1_000 }

/** One task of a run, drawn before it begins: whatever the strategy, the same tasks arrive and take as long. */
export interface PlannedTask {
  /** Whole milliseconds since the start. */
  readonly atMs: number
  readonly type: number
  /** On an agent of speed 1. */
  readonly serviceMs: number
  readonly options: SubmitOptions | undefined
}

/** The tasks of a run, drawn one after the other. */
export class LoadPlan {
  readonly types: readonly (SimulatedTaskType & { readonly type: string })[]
  readonly perSecond: number
  readonly #workload: SimulatedWorkload
  readonly #gaps: Draw
  readonly #services: Draw
  readonly #details: Draw
  /** Each type's share and those before it. */
  readonly #shares: number[] = []
  readonly #burst: number
  #exactMs = 0
  #drawn = 0

  constructor({ agents, workload = {}, seed = 1, nodes = 1 }: SimulateLoadOptions) {
    this.#workload = workload
    this.types = (workload.types ?? [{}]).map((type) => ({ ...type, type: type.type ?? 'work' }))
    let share = 0
    for (const type of this.types) {
      share += type.share ?? 1
      this.#shares.push(share)
    }
    const { load = DEFAULT_LOAD, arrivals } = workload
    this.perSecond = workload.perSecond ?? load * nodes * this.#capacityOf(agents)
    this.#burst = typeof arrivals === 'object' ? arrivals.burst : 1
    this.#gaps = Draw.of(seed, 'arrivals')
    this.#services = Draw.of(seed, 'services')
    this.#details = Draw.of(seed, 'details')
  }

  /** The next task; `undefined` after the last. */
  next(): PlannedTask | undefined {
    const { tasks, durationMs = DEFAULT_DURATION_MS, task } = this.#workload
    if (this.#drawn % this.#burst === 0) this.#exactMs += this.#gapMs()
    const atMs = Math.round(this.#exactMs)
    if (tasks === undefined ? atMs >= durationMs : this.#drawn >= tasks) return undefined
    const index = this.#drawn++
    const type = this.#drawType()
    const service = this.#serviceOf(type)
    const serviceMs = drawServiceTime(service, this.#services.random)
    return { atMs, type, serviceMs, options: task?.(index, this.#details.random) }
  }

  #gapMs(): number {
    const meanMs = (1_000 * this.#burst) / this.perSecond
    return this.#workload.arrivals === 'constant' ? meanMs : -meanMs * Math.log(1 - this.#gaps.random.next())
  }

  #drawType(): number {
    if (this.types.length === 1) return 0
    const at = this.#services.random.next() * (this.#shares.at(-1) as number)
    return this.#shares.findIndex((upTo) => at < upTo)
  }

  #serviceOf(type: number): ServiceTime {
    return this.types[type]?.service ?? this.#workload.service ?? DEFAULT_SERVICE
  }

  /** Tasks per second that one node's team can do when everybody is there and works as they should. */
  #capacityOf(agents: readonly SimulatedAgent[]): number {
    const slots = agents.reduce((sum, { maxConcurrentTasks = 1, speed = 1 }) => sum + maxConcurrentTasks * speed, 0)
    const shares = this.#shares.at(-1) as number
    const meanMs = this.types.reduce(
      (sum, { share = 1 }, type) => sum + (share / shares) * meanOf(this.#serviceOf(type)),
      0,
    )
    return (1_000 * slots) / meanMs
  }
}
