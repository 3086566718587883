import type { Engine, TaskRef } from '../engine/engine.js'
import { soon } from '../internal/soon.js'
import type { RoutingDecision } from '../router/decision.js'
import type { Router } from '../router/router.js'
import { isAgentLane } from '../task/lane.js'
import type { ClaimFacts } from '../task/task-life-cycle.js'
import type { TaskRecord } from '../task/task-record.js'
import type { AgentInstance } from './agents/agent-instance.js'
import type { AgentRegistry } from './agents/agent-registry.js'
import { BareRefs } from './bare-refs.js'
import { chooseAgent, failedAgents } from './choose-agent.js'
import { type ClaimResult, commitClaim, POLLER, type Reservation } from './claim.js'
import type { Amount } from './limits/amount.js'
import type { Limits } from './limits/limits.js'
import type { Permits } from './limits/permits.js'
import type { Entry, NodeContext } from './node-context.js'
import { Parked } from './parked.js'
import { refOf } from './task-ref.js'

/** What the dispatcher asks of the rest. */
export interface DispatcherHooks {
  /** The claim is committed: run it. */
  begin(entry: Entry, reservation: Reservation): void
  /** Whether this owner may claim at all now: what is submitted to it. */
  mayClaim(): boolean
  /** Whether it may take what is there, too: the others know of it. */
  mayTake(): boolean
  /** A slot of an agent that polls was taken, or given back without a claim. */
  reserved(instance: AgentInstance, isTaken: boolean): void
  /** It can't be started any more: it had to start by now. */
  expire(entry: Entry): void
}

/**
 * Gives ready tasks to agents: whenever a slot may be free and a task may be ready, it asks the engine for the lowest rank,
 * the router for the agent, and commits the claim. Late binding: nothing is routed before there is a free slot.
 */
export class Dispatcher {
  readonly #waiting = new Set<string>()
  /** Tasks that nobody here can take now although their lane has room. */
  readonly parked: Parked
  /** Tokens of claims from before they are sent until they are settled: what this owner knows it holds. */
  readonly claims = new Set<string>()
  readonly #bare: BareRefs
  #isPumping = false
  #isScheduled = false

  constructor(
    private readonly node: NodeContext,
    private readonly engine: Engine,
    private readonly router: Router,
    private readonly registry: AgentRegistry,
    private readonly permits: Permits,
    private readonly limits: Limits,
    private readonly hooks: DispatcherHooks,
  ) {
    this.parked = new Parked(node, () => this.unpark())
    this.#bare = new BareRefs(node, registry)
  }

  /** Tasks have become ready. */
  offer(entries: readonly Entry[]): void {
    this.#offerRefs(entries.map(refOf))
  }

  /** These lanes may have something to hand out (all known ones, when absent). @param isHint - other nodes say so. */
  wake(lanes: Iterable<string> = this.registry.lanes, isHint = false): void {
    if (isHint) this.engine.hint?.([...lanes])
    for (const lane of lanes) if (this.#register(lane)) this.#waiting.add(lane)
    this.#schedule()
  }

  /** A slot of this instance may be free. */
  freed(instance: AgentInstance): void {
    this.wake(instance.lanes)
    this.#putBack(this.parked.takeFor(instance))
  }

  /** A limit of a type lets its tasks start again; these lanes hold nothing else. */
  opened(lanes: Iterable<string>): void {
    this.wake(lanes)
    if (this.parked.hasLimited) this.unpark()
  }

  /** Tries everything again that nobody could take. */
  unpark(): void {
    this.#putBack(this.parked.takeAll())
  }

  /**
   * A slot for a task that is about to be stored, so that it can be stored running: only if a slot is free and this node
   * knows of nothing waiting that the slot could take.
   */
  reserveAtOnce(task: TaskRecord): Reservation | undefined {
    if (!this.hooks.mayClaim() || this.registry.limitOf(task.type) !== undefined) return undefined
    const pool = this.registry.lane(task.lane)
    const need = pool.size === 0 ? undefined : this.limits.admitted(task)
    if (need === undefined) return undefined
    const { decision } = chooseAgent(this.node, this.router, this.registry, task, pool)
    const instance = decision.agent === undefined ? undefined : this.registry.get(decision.agent)
    if (instance === undefined || instance.gate?.admits(need) === false) return undefined
    const ahead = this.engine.want(this.#open(instance.lanes), 1)
    if (ahead.length > 0) {
      this.#putBack(ahead)
      return undefined
    }
    return this.#reserve(task, instance, decision, undefined, need)
  }

  /** The claim was not made. */
  cancelReservation(reservation: Reservation, task: TaskRecord, isPermitTaken = false): void {
    this.claims.delete(reservation.token)
    if (reservation.permitId !== undefined && !isPermitTaken) this.#freePermit(task.type, reservation.permitId)
    reservation.hold?.end()
    reservation.instance.load.release()
    this.registry.health.givenBack(reservation.instance.load, task.type, reservation.token)
    if (reservation.instance.isPolling) this.hooks.reserved(reservation.instance, false)
    this.freed(reservation.instance)
  }

  /** They were taken, and nothing started: their lanes have them again. */
  #putBack(refs: readonly TaskRef[]): void {
    if (refs.length === 0) return
    if (this.engine.putBack === undefined) {
      this.engine.finish(refs)
      this.engine.offer(refs)
    } else this.engine.putBack(refs)
    for (const ref of refs) this.#waiting.add(ref.lane)
    this.#schedule()
  }

  #offerRefs(refs: readonly TaskRef[]): void {
    const known = refs.filter((ref) => this.#register(ref.lane))
    if (known.length === 0) return
    this.engine.offer(known)
    for (const ref of known) this.#waiting.add(ref.lane)
    this.#schedule()
  }

  /** A lane made on another node may be one too many here: it stays in storage, and is reported. */
  #register(lane: string): boolean {
    try {
      this.registry.lane(lane)
      return true
    } catch (error) {
      this.node.log.error({ lane, error }, 'a lane can not be served')
      return false
    }
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isPumping) return
    this.#isScheduled = true
    soon(() => {
      this.#isScheduled = false
      this.#pump()
    })
  }

  #pump(): void {
    this.#isPumping = true
    try {
      while (this.hooks.mayTake()) {
        const lanes: string[] = []
        for (const lane of this.#open(this.#waiting)) if (this.registry.lane(lane).hasRoom) lanes.push(lane)
        if (lanes.length === 0 || this.#bare.fill(lanes)) break
        const [ref] = this.engine.want(lanes, 1)
        if (ref !== undefined) this.#dispatch(ref)
        else for (const lane of lanes) this.#waiting.delete(lane)
      }
    } finally {
      this.#isPumping = false
    }
  }

  #dispatch(ref: TaskRef): void {
    const known = ref.hint as Entry | undefined
    if (known === undefined) return void this.#fetch(ref)
    const task = known.value
    if (task.expiresAt !== undefined && task.attempts.length === 0 && task.expiresAt <= this.node.time.now()) {
      this.engine.finish([ref])
      this.hooks.expire(known)
      return
    }
    const pool = this.registry.lane(ref.lane)
    const failed = failedAgents(task)
    // After a failure another agent is preferred, and waited for, as long as there is one that could take it some time.
    if (failed.length > 0 && pool.areOthersBusy(failed)) {
      this.parked.addForOthers(ref, failed)
      return
    }
    const need = this.registry.isBlocked(task) ? undefined : this.limits.admitted(task)
    if (need === undefined) {
      this.#holdBack(ref)
      return
    }
    // A slot is held back after a failure only while somebody else can take the work.
    if (pool.size === 0) this.registry.health.cooling.letGo(pool.health.heldBack)
    const limit = this.registry.limitOf(task.type)
    const permit = limit === undefined ? undefined : this.permits.guess(task.type, limit)
    if (limit !== undefined && permit === undefined) {
      this.#awaitPermit(ref, task.type)
      return
    }
    const { decision, askAgainMs } = chooseAgent(this.node, this.router, this.registry, task, pool)
    const instance = decision.agent === undefined ? undefined : this.registry.get(decision.agent)
    // The router can't know what this task may cost. Its agent is left out from now on, and somebody else may take it.
    const isTooDear = instance?.gate?.admits(need) === false
    if (instance === undefined || isTooDear) {
      if (permit !== undefined) this.#freePermit(task.type, permit.id)
      if (isTooDear) this.#putBack([ref])
      else this.parked.add(ref, askAgainMs)
      return
    }
    this.#claim(ref, known, this.#reserve(task, instance, decision, permit?.id, need))
  }

  /** A limit of its type, or a breaker, lets it wait: in its lane, which is passed by until then, or parked if the lane has others too. */
  #holdBack(ref: TaskRef): void {
    if (!this.limits.isShut(ref.lane)) this.parked.addLimited(ref)
    else this.#putBack([ref])
  }

  /** All permits of its type are taken: its lane is passed by until one is free, unless it holds others too. */
  #awaitPermit(ref: TaskRef, type: string): void {
    if (isAgentLane(ref.lane)) {
      this.parked.addLimited(ref)
      return
    }
    this.permits.shut(ref.lane, type)
    this.#putBack([ref])
  }

  #freePermit(type: string, permitId: string): void {
    this.opened(this.permits.free(type, permitId))
  }

  /** Those lanes out of which something may be taken now, as far as the limits of types go. */
  #open(lanes: Iterable<string>): Iterable<string> {
    const open = this.limits.open(lanes)
    return this.permits.hasShut ? [...open].filter((lane) => !this.permits.isShut(lane)) : open
  }

  /** What can't be read now is left to the next refill. */
  async #fetch(ref: TaskRef): Promise<void> {
    const entry = await this.#bare.read(ref)
    if (entry !== undefined && this.hooks.mayTake()) this.#dispatch({ ...ref, hint: entry })
    else this.engine.finish([ref])
    this.wake([ref.lane])
  }

  #reserve(
    task: TaskRecord,
    instance: AgentInstance,
    decision: RoutingDecision | undefined,
    permitId: string | undefined,
    need: Amount,
  ): Reservation {
    const token = this.node.newToken()
    this.claims.add(token)
    instance.load.assign(this.registry.roster.nextSequence())
    this.registry.health.assigned(instance.load, task.type, token)
    if (instance.isPolling) this.hooks.reserved(instance, true)
    const now = this.node.time.now()
    const claim: ClaimFacts = {
      agentId: instance.id,
      instanceId: instance.load.instanceId,
      ownerId: instance.isPolling ? `${POLLER}${instance.id}` : this.node.ownerId,
      token,
      now: Math.max(now, task.createdAt),
      strategy: decision?.strategy,
      score: decision?.score,
      permitId,
      claimEndsAt: instance.isPolling ? now + instance.leaseMs : undefined,
    }
    const hold = this.limits.hold(instance, task.type, need)
    return { instance, token, ownerId: claim.ownerId, lane: task.lane, decision, permitId, claim, hold }
  }

  #claim(ref: TaskRef, entry: Entry, reservation: Reservation): void {
    commitClaim(this.node, entry, reservation).then(
      (made) => this.#claimed(ref, entry, reservation, made),
      (error) => {
        // This node stops while the storage is away, or the storage will never take it.
        this.node.log.warn({ taskId: entry.id, error }, 'a claim could not be written')
        this.#claimed(ref, entry, reservation, {})
      },
    )
  }

  #claimed(ref: TaskRef, entry: Entry, reservation: Reservation, made: ClaimResult): void {
    this.engine.finish([ref])
    if (made.claimed !== undefined) {
      this.hooks.begin(made.claimed, reservation)
      return
    }
    this.cancelReservation(reservation, entry.value, made.isPermitTaken)
    if (made.stands?.value.state === 'ready') this.offer([made.stands])
  }
}
