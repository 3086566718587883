import { type Bar, type BarEnds, BIT, shownOf, withEnd } from './bars.js'
import { CandidateSnapshot } from './candidate-snapshot.js'
import type { InstanceHealth } from './health/instance-health.js'
import { type Latencies, type LatencyList, latenciesFrom, latencyIn, learnt } from './latencies.js'
import { LiveCandidate } from './live-candidate.js'
import type { Candidate } from './routing-strategy.js'
import { rated, recovered } from './success-rate.js'

/** Why an instance can't take work at the moment, whatever the task. */
export type Standing = 'available' | 'paused' | 'draining' | 'suspect' | 'offline' | 'error'

/** Why an instance of the node was not among the candidates of a decision. */
export type RefusalReason = 'no_capability' | 'wrong_type' | 'full' | Exclude<Standing, 'available'> | Bar

/** What does not change about an instance. */
export interface InstanceOptions {
  readonly instanceId: string
  readonly agentId: string
  readonly capabilities?: readonly string[] | undefined
  /** Slots (`maxConcurrentTasks`): a whole number from 1. Default 1. */
  readonly capacity?: number | undefined
  /** Cost of one task, in the application's unit. Default 0. */
  readonly cost?: number | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/** Somebody who wants to know, once, that an instance has changed. */
export interface Watcher {
  touched(): void
}

/**
 * The live numbers of one agent instance, and the only way to change them. Strategies of users never see this object but its
 * {@link InstanceLoad.view}, which can only be read; ours read it as a `Candidate`.
 *
 * A change reaches the pools lazily: a membership of a pool that is up to date
 * watches the instance; the first change puts it on its pool's list of things to look at, later changes find no watcher. So a change costs as much as the pools
 * that were asked since the one before, however many lanes the instance serves.
 */
export class InstanceLoad {
  // What every decision reads or writes comes first: of ten thousand instances none is in the processor's cache, and
  // what lies together is fetched together.
  /** Slots taken, in all. */
  inFlight = 0
  capacity: number
  weight = 1
  successRate = 1
  lastAssigned = 0
  standing: Standing = 'available'
  /** Causes for which every lane leaves it out: a set of {@link BIT}s. */
  bars = 0
  /** Its slot in the pool that looked at it last: a guess that saves the common question a search. */
  seenSlot = -1
  /** Who is told of the next change. One field for the common case of one pool. */
  #watcher: Watcher | undefined = undefined
  #moreWatchers: Watcher[] | undefined = undefined
  #snapshot: CandidateSnapshot | undefined
  #latencies: Latencies = undefined
  /** What strategies of users see. */
  readonly view: Candidate
  readonly cost: number
  #ratedAt = 0
  completed = 0
  failed = 0
  /** Slots among those taken that are held by handlers that were abandoned and have not returned. */
  stuck = 0
  /** Slots among those taken that are free, but count as taken for a while after a failure. */
  cooling = 0
  readonly instanceId: string
  readonly agentId: string
  readonly capabilities: readonly string[]
  readonly metadata: Readonly<Record<string, unknown>>
  /** Kept by whoever looks after health; `undefined` before its first outcome. */
  health: InstanceHealth | undefined = undefined
  #barEnds: BarEnds | undefined
  readonly #onRated: (load: InstanceLoad) => void

  /** @param onRated - told when the success rate falls below 1, so that somebody lets it recover. */
  constructor(options: InstanceOptions, onRated: (load: InstanceLoad) => void = () => undefined) {
    this.instanceId = options.instanceId
    this.agentId = options.agentId
    this.capabilities = Object.freeze([...new Set(options.capabilities ?? [])].sort())
    this.capacity = options.capacity ?? 1
    this.cost = options.cost ?? 0
    this.metadata = Object.freeze({ ...options.metadata })
    this.view = new LiveCandidate(this)
    this.#onRated = onRated
  }

  /** Slots whose handlers have not returned. */
  get working(): number {
    return this.inFlight - this.cooling
  }

  /** Why it can't take work now; `undefined` when it can. */
  get refusal(): RefusalReason | undefined {
    return this.refusalFor(this.bars)
  }

  /** The same for somebody who leaves it out for these causes. */
  refusalFor(bars: number): RefusalReason | undefined {
    if (this.standing !== 'available') return this.standing
    if (bars !== 0) return shownOf(bars)
    return this.inFlight < this.capacity ? undefined : 'full'
  }

  latencyMs(taskType: string): number | undefined {
    return latencyIn(this.#latencies, taskType)
  }

  /** Takes a slot. @param sequence - one more than at the assignment before, on this node. */
  assign(sequence: number): void {
    this.inFlight++
    this.lastAssigned = sequence
    this.#changed()
  }

  /** Gives back a slot whose handler has returned. */
  release(): void {
    this.#giveBack()
    this.#changed()
  }

  /** The handler was abandoned: its slot stays taken until {@link returned}. */
  abandon(): void {
    this.stuck++
    this.#checkSlots()
    this.#changed()
  }

  /** An abandoned handler has returned after all. */
  returned(): void {
    this.stuck--
    this.#giveBack()
    this.#changed()
  }

  /** The handler has failed and returned, but its slot counts as taken until {@link cooled}. */
  cool(): void {
    this.cooling++
    this.#checkSlots()
  }

  /** The time of a slot that cools is over. */
  cooled(): void {
    this.cooling--
    this.#giveBack()
    this.#changed()
  }

  /**
   * Takes note of how an attempt went. A failure says nothing about latency: fast failures would look like speed.
   * @param outcome - `neutral` changes nothing.
   * @param now - monotonic milliseconds.
   */
  record(taskType: string, outcome: 'success' | 'failure' | 'neutral', durationMs: number, now: number): void {
    if (outcome === 'neutral') return
    const success = outcome === 'success'
    this.successRate = rated(recovered(this.successRate, now - this.#ratedAt), success)
    this.#ratedAt = now
    if (success) {
      this.completed++
      this.#latencies = learnt(this.#latencies, taskType, durationMs)
    } else {
      this.failed++
      this.#onRated(this)
    }
    this.#changed()
  }

  /**
   * Lets the success rate recover for the time that has passed, so that a once broken agent is tried again.
   * @param now - monotonic milliseconds.
   * @returns whether it is whole again.
   */
  recover(now: number): boolean {
    this.successRate = recovered(this.successRate, now - this.#ratedAt)
    this.#ratedAt = now
    this.#changed()
    return this.successRate === 1
  }

  /** Changes whether it can take work at all. */
  stand(standing: Standing): void {
    if (standing === this.standing) return
    this.standing = standing
    this.#changed()
  }

  /**
   * Leaves it out of every lane for a cause, besides other causes that may hold.
   * @param until - when the cause ends, where that is known: wall-clock milliseconds, for display.
   */
  bar(bar: Bar, until?: number): void {
    this.#barEnds = withEnd(this.#barEnds, bar, until)
    this.bars |= BIT[bar]
    this.#changed()
  }

  /** A cause holds no longer. */
  unbar(bar: Bar): void {
    if ((this.bars & BIT[bar]) === 0) return
    this.bars &= ~BIT[bar]
    this.#changed()
  }

  /** When a cause ends that holds in every lane, as far as that is known: wall-clock milliseconds. */
  barredUntil(bar: Bar): number | undefined {
    return (this.bars & BIT[bar]) === 0 ? undefined : this.#barEnds?.[bar]
  }

  /** Changes its share of work: above 0. */
  weigh(weight: number): void {
    this.weight = weight
    this.#changed()
  }

  /** Sets numbers that were measured elsewhere. */
  restore(
    numbers: Partial<Pick<InstanceLoad, 'inFlight' | 'capacity' | 'successRate' | 'lastAssigned' | 'weight'>>,
  ): void {
    Object.assign(this, numbers)
    this.#changed()
  }

  /** Sets latencies that were measured elsewhere; it forgets its own. */
  restoreLatencies(latencies: LatencyList): void {
    this.#latencies = latenciesFrom(latencies)
    this.#changed()
  }

  /**
   * Its numbers now, as a value.
   * @param keep - whether to keep it for the next time. What is kept for long and then dropped is garbage of the dear kind.
   */
  snapshot(keep = true): CandidateSnapshot {
    if (this.#snapshot !== undefined) return this.#snapshot
    const snapshot = new CandidateSnapshot(this, this.#latencies)
    if (keep) this.#snapshot = snapshot
    return snapshot
  }

  /** Asks to be told once, at the next change. */
  watch(watcher: Watcher): void {
    if (this.#watcher === undefined) this.#watcher = watcher
    else if (this.#moreWatchers === undefined) this.#moreWatchers = [watcher]
    else this.#moreWatchers.push(watcher)
  }

  #changed(): void {
    this.#snapshot = undefined
    const watcher = this.#watcher
    if (watcher === undefined) return
    this.#watcher = undefined
    watcher.touched()
    const more = this.#moreWatchers
    if (more === undefined) return
    this.#moreWatchers = undefined
    for (const other of more) other.touched()
  }

  #giveBack(): void {
    this.inFlight--
    this.#checkSlots()
  }

  #checkSlots(): void {
    if (this.cooling < 0 || this.stuck < 0 || this.inFlight < this.stuck + this.cooling)
      throw new RangeError(`Slots of ${this.instanceId} were given back more often than taken.`)
  }
}
