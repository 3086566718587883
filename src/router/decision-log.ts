import type { RoutingDecision } from './decision.js'

/** Which of the decisions that are kept. What is left out does not matter. */
export interface DecisionFilter {
  /** A task's id. */
  readonly task?: string | undefined
  /** The id of the agent that was chosen. */
  readonly agent?: string | undefined
  /** Not before then, by this machine's clock. */
  readonly since?: Date | number | undefined
  /** At most so many: a whole number from 1. Default: all that are kept. */
  readonly limit?: number | undefined
}

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

  /** Those that a filter lets through, newest first. */
  find(filter: DecisionFilter = {}): RoutingDecision[] {
    const { task, agent, limit = this.#size } = filter
    const since = Number(filter.since ?? Number.NEGATIVE_INFINITY)
    const found: RoutingDecision[] = []
    for (const decision of this.recent()) {
      if (found.length >= limit) break
      if (task !== undefined && decision.taskId !== task) continue
      if (agent !== undefined && decision.agent !== agent) continue
      if (decision.at.getTime() >= since) found.push(decision)
    }
    return found
  }
}
