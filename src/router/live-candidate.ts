import type { InstanceLoad } from './instance-load.js'
import type { Candidate } from './routing-strategy.js'

/** An instance's live numbers as strategies see them: they can be read, and nothing else. */
export class LiveCandidate implements Candidate {
  readonly #load: InstanceLoad

  constructor(load: InstanceLoad) {
    this.#load = load
    Object.freeze(this)
  }

  /** The instance behind what a strategy answered; `undefined` when that is anything else than a candidate. */
  static loadOf(answer: unknown): InstanceLoad | undefined {
    return typeof answer === 'object' && answer !== null && #load in answer ? answer.#load : undefined
  }

  get instanceId(): string {
    return this.#load.instanceId
  }
  get agentId(): string {
    return this.#load.agentId
  }
  get capabilities(): readonly string[] {
    return this.#load.capabilities
  }
  get inFlight(): number {
    return this.#load.inFlight
  }
  get capacity(): number {
    return this.#load.capacity
  }
  get weight(): number {
    return this.#load.weight
  }
  get successRate(): number {
    return this.#load.successRate
  }
  get cost(): number {
    return this.#load.cost
  }
  get lastAssigned(): number {
    return this.#load.lastAssigned
  }
  get metadata(): Readonly<Record<string, unknown>> {
    return this.#load.metadata
  }
  latencyMs(taskType: string): number | undefined {
    return this.#load.latencyMs(taskType)
  }
}
