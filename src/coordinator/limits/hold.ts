import type { Cost } from '../../task/limits.js'
import { type Amount, amountOf, larger, NOTHING } from './amount.js'
import type { Gate } from './gate.js'

/** What one attempt occupies of the limits of its agent and of its type, from its dispatch until it is over. */
export class Hold {
  #held: Amount
  #cost: Cost = {}
  #hasStarted = false
  #isOver = false

  /** Takes it. @param estimate - what the attempt may cost. */
  constructor(
    private readonly agent: Gate | undefined,
    private readonly type: Gate | undefined,
    private readonly estimate: Amount,
  ) {
    this.#held = estimate
    agent?.take(estimate)
    type?.take(estimate)
  }

  /** Whether its handler may start now: a permit of a rate over all nodes ends by time. */
  get mayStart(): boolean {
    return this.type?.mayStart ?? true
  }

  /** Its handler starts now. */
  started(): void {
    if (this.#hasStarted || this.#isOver) return
    this.#hasStarted = true
    this.agent?.started()
    this.type?.started()
  }

  /** It has cost so much by now, all in all. Also after its attempt was settled, by a handler that runs on. */
  charge(cost: Cost): void {
    if (this.#isOver) return
    this.#cost = cost
    const held = larger(this.#held, amountOf(cost))
    const more = { tokens: held.tokens - this.#held.tokens, nanoUsd: held.nanoUsd - this.#held.nanoUsd }
    if (more.tokens === 0 && more.nanoUsd === 0) return
    this.#held = held
    this.agent?.hold(more)
    this.type?.hold(more)
  }

  /** It is over, and nothing of it runs any more. What it did not report counts as estimated, if it ever started. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    const cost = this.#hasStarted ? amountOf(this.#cost, this.estimate) : NOTHING
    this.agent?.ended(this.#held, cost, this.#hasStarted)
    this.type?.ended(this.#held, cost, this.#hasStarted)
  }
}
