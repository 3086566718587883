import type { InstanceLoad } from './instance-load.js'
import { type Latencies, latencyIn } from './latencies.js'
import type { Candidate } from './routing-strategy.js'

/**
 * The numbers of a candidate at one moment. Shared by all decisions made until they next change; what never changes about
 * an instance is read from where it stands.
 */
export class CandidateSnapshot implements Candidate {
  readonly #of: Pick<Candidate, 'instanceId' | 'agentId' | 'capabilities' | 'cost' | 'metadata'>
  readonly inFlight: number
  readonly capacity: number
  readonly weight: number
  readonly successRate: number
  readonly lastAssigned: number
  readonly latencies: Latencies

  constructor(load: InstanceLoad, latencies: Latencies) {
    this.#of = load
    this.inFlight = load.inFlight
    this.capacity = load.capacity
    this.weight = load.weight
    this.successRate = load.successRate
    this.lastAssigned = load.lastAssigned
    this.latencies = latencies
  }

  get instanceId(): string {
    return this.#of.instanceId
  }
  get agentId(): string {
    return this.#of.agentId
  }
  get capabilities(): readonly string[] {
    return this.#of.capabilities
  }
  get cost(): number {
    return this.#of.cost
  }
  get metadata(): Readonly<Record<string, unknown>> {
    return this.#of.metadata
  }

  latencyMs(taskType: string): number | undefined {
    return latencyIn(this.latencies, taskType)
  }
}
