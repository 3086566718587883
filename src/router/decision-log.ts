import type { RoutingDecision } from './decision.js'

/** The decisions made last. Keeping one is a single write; looking one up walks back through them. */
export class DecisionLog {
  readonly #ring: (RoutingDecision | undefined)[] = []
  readonly #size: number
  #next = 0

  /** @param size - how many are kept; 0 keeps none. */
  constructor(size: number) {
    this.#size = size
  }

  add(decision: RoutingDecision): void {
    if (this.#size === 0) return
    this.#ring[this.#next] = decision
    this.#next = this.#next + 1 === this.#size ? 0 : this.#next + 1
  }

  /** How many are kept at the moment. */
  get size(): number {
    return this.#ring.length
  }

  /** Newest first. */
  *recent(): Generator<RoutingDecision> {
    const { length } = this.#ring
    for (let back = 1; back <= length; back++) {
      const decision = this.#ring[(this.#next - back + length) % length]
      if (decision !== undefined) yield decision
    }
  }

  /** The latest decision about a task, if it is kept. */
  ofTask(taskId: string): RoutingDecision | undefined {
    for (const decision of this.recent()) if (decision.taskId === taskId) return decision
    return undefined
  }
}
