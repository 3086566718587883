import { createDeferred, type Deferred } from '../../internal/deferred.js'
import type { AnyTaskDefinition } from '../../task/definition.js'
import { cloneJson } from '../../task/json-value.js'
import { checkInput } from '../../task/schema-check.js'
import { holdsClaim } from '../../task/task-life-cycle.js'
import { checkClaimOptions } from '../callers/check-calls.js'
import type { Reservation } from '../claim.js'
import type { Entry, NodeContext } from '../node-context.js'
import type { AgentInstance } from './agent-instance.js'
import type { AnyClaim, ClaimOptions } from './claim-types.js'
import { PolledClaim, type PolledClaimHooks } from './polled-claim.js'

/** One call of `claimTasks` that waits for work. */
interface Demand {
  readonly max: number
  readonly answer: Deferred<AnyClaim[]>
  readonly claims: PolledClaim[]
  /** Slots taken for it, delivered or under way. */
  reserved: number
  isOpen: boolean
}

/**
 * Agents that poll. Such an agent can take work only while it asks: each call of `claimTasks` opens a demand, routing sees
 * the agent as available while a demand has room, and what is claimed for it is handed to the call.
 */
export class PollingDesk {
  readonly #demands = new Map<AgentInstance, Demand[]>()
  readonly #active = new Map<string, PolledClaim>()

  constructor(
    private readonly node: NodeContext,
    private readonly definitionOf: (type: string) => AnyTaskDefinition | undefined,
    private readonly hooks: PolledClaimHooks,
  ) {}

  /** Claims that are out, by agents of this node. */
  get active(): number {
    return this.#active.size
  }

  /** Waits for work for this agent; answers with what came at the first moment when anything did. */
  async claim(instance: AgentInstance, options: ClaimOptions, wake: () => void): Promise<AnyClaim[]> {
    checkClaimOptions(options)
    const { capacity, inFlight, cooling } = instance.load
    const free = capacity - inFlight + cooling
    const max = Math.min(options.max ?? free, free)
    if (options.signal?.aborted === true) return []
    const demand: Demand = { max: Math.max(0, max), answer: createDeferred(), claims: [], reserved: 0, isOpen: true }
    const demands = this.#demands.get(instance) ?? []
    this.#demands.set(instance, [...demands, demand])
    const close = () => this.#close(instance, demand)
    const timer = this.node.clock.setTimer(close, options.waitMs ?? 0)
    options.signal?.addEventListener('abort', close, { once: true })
    this.#stand(instance)
    wake()
    try {
      return await demand.answer.promise
    } finally {
      timer.cancel()
      options.signal?.removeEventListener('abort', close)
    }
  }

  /** Routing has taken a slot of this agent. */
  reserved(instance: AgentInstance): void {
    const demand = this.#withRoom(instance)
    if (demand !== undefined) demand.reserved++
    this.#stand(instance)
  }

  /** The claim was not made after all. */
  unreserved(instance: AgentInstance): void {
    const demand = this.#demands.get(instance)?.find((one) => one.reserved > one.claims.length)
    if (demand === undefined) return
    demand.reserved--
    if (demand.claims.length > 0 && demand.claims.length === demand.reserved) this.#close(instance, demand)
    this.#stand(instance)
  }

  /** A claim is committed for this agent. Nobody waiting any more: it is given back. */
  deliver(entry: Entry, reservation: Reservation): void {
    const { instance } = reservation
    const definition = this.definitionOf(entry.value.type)
    const claim = new PolledClaim(entry, reservation, definition, this.node, {
      ...this.hooks,
      over: (one, outcome) => {
        if (this.#active.get(entry.id) === one) this.#active.delete(entry.id)
        this.hooks.over(one, outcome)
        this.#stand(instance)
      },
    })
    this.#active.set(entry.id, claim)
    try {
      const sent = cloneJson(entry.value.input)
      claim.input = definition === undefined ? sent : checkInput(definition, sent)
    } catch (error) {
      void claim.fail(error).catch((failure) => this.node.log.warn({ error: failure }, 'a claim could not be failed'))
      this.unreserved(instance)
      return
    }
    const demand = this.#demands.get(instance)?.find((one) => one.reserved > one.claims.length)
    if (demand === undefined) {
      this.#giveBack(claim)
      return
    }
    demand.claims.push(claim)
    if (demand.claims.length === demand.reserved) this.#close(instance, demand)
  }

  /** A hint says that this task was cancelled elsewhere. */
  cancelled(taskId: string): void {
    this.#active.get(taskId)?.lose()
  }

  /** A task has changed: its claim may be lost. */
  changed(entry: Entry): void {
    const claim = this.#active.get(entry.id)
    if (claim !== undefined && !holdsClaim(entry.value, claim.token)) claim.lose()
  }

  /** This agent was paused, resumed or drained. */
  moved(instance: AgentInstance): void {
    this.#stand(instance)
  }

  /** Ends all waiting: this node stops, or the agent goes. */
  stop(instance?: AgentInstance): void {
    for (const [one, demands] of this.#demands) {
      if (instance === undefined || one === instance) for (const demand of demands) this.#close(one, demand)
    }
    if (instance === undefined) for (const claim of [...this.#active.values()]) claim.lose()
  }

  #giveBack(claim: PolledClaim): void {
    void claim.giveBack().catch((error) => this.node.log.warn({ error }, 'a claim could not be given back'))
  }

  #withRoom(instance: AgentInstance): Demand | undefined {
    return this.#demands.get(instance)?.find((demand) => demand.isOpen && demand.reserved < demand.max)
  }

  #close(instance: AgentInstance, demand: Demand): void {
    demand.isOpen = false
    const demands = this.#demands.get(instance)?.filter((one) => one !== demand) ?? []
    if (demands.length > 0) this.#demands.set(instance, demands)
    else this.#demands.delete(instance)
    const claims = demand.claims.filter((claim) => claim.reservation.hold?.mayStart !== false)
    for (const claim of claims) claim.reservation.hold?.started()
    // Their permits ended before they could be handed over.
    for (const claim of demand.claims) if (!claims.includes(claim)) this.#giveBack(claim)
    demand.answer.resolve(claims)
    this.#stand(instance)
  }

  /** Available exactly while a demand has room. */
  #stand(instance: AgentInstance): void {
    if (instance.isDraining) instance.load.stand('draining')
    else if (instance.isPaused) instance.load.stand('paused')
    else instance.load.stand(this.#withRoom(instance) === undefined ? 'offline' : 'available')
  }
}
