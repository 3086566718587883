import { Heap } from '../../internal/heap.js'
import type { TaskRef } from '../engine.js'
import { LaneHead, type Nearest, ranksBefore } from './lane-head.js'
import { TenantLine } from './tenant-turns.js'

/** So many of those that are out a read goes past: ten queries at most. */
const MAX_OUTSIDE = 10_000

/**
 * The references of one lane.
 *
 * Either it is *complete*: it holds every ready task of the lane that this node knows of, and takes in all that is
 * offered. Or tenants have an *edge*, the last reference up to which the window holds everything: what ranks after a
 * tenant's edge is left in storage, for there may be others between. A window that ran low is refilled, and is complete
 * again when storage had no more.
 */
export class LaneWindow {
  readonly lane: string
  /** Whose turn it is in this lane. */
  readonly line = new TenantLine((tenant) => this.#byTenant.has(tenant))
  readonly #limit: number
  readonly #weightOf: (tenant: string) => number
  readonly #byTenant = new Map<string, Heap<TaskRef>>()
  /** What was looked through since storage was read last. */
  readonly #heads = new Map<string, LaneHead>()
  /** References in the window, with the number of refills that had begun when they came. */
  readonly #in = new Map<string, number>()
  /** References handed out and not finished. */
  readonly #out = new Set<string>()
  readonly #edges = new Map<string, TaskRef>()
  /** A new window knows nothing yet, so its first refill decides. */
  #isComplete = false
  #isRefilling = false
  #refills = 0
  /** Its own references that this node took since the last refill began, and when that was: the engine's monotonic time. */
  ownTaken = 0
  refilledAt = Number.NEGATIVE_INFINITY
  /** Finished during a refill: what it read of them may be older than that. */
  readonly #finished = new Set<string>()
  /** A hint came since the last refill began, or that failed. */
  isStale = false
  /** What was offered behind an edge during a refill; `undefined` when that was more than a window. */
  #turnedAway: TaskRef[] | undefined = []
  /** It was trimmed during a refill: behind an edge there is more than storage knew of when it was read. */
  #isTrimmed = false

  /** @param weightOf - how many references of a tenant there are for one of another: from 1. */
  constructor(lane: string, limit: number, weightOf: (tenant: string) => number = () => 1) {
    this.lane = lane
    this.#limit = limit
    this.#weightOf = weightOf
  }

  get size(): number {
    return this.#in.size
  }

  /** Whether it should be refilled: it left something in storage and has little left. */
  get isLow(): boolean {
    return !this.#isComplete && this.#in.size <= this.#limit / 4
  }

  /** How many more a read must bring to reach beyond what is out: tasks that are parked keep the lowest ranks of the lane. */
  get outside(): number {
    return Math.min(this.#out.size, MAX_OUTSIDE)
  }

  /** Whether it is here, or handed out. */
  has(id: string): boolean {
    return this.#in.has(id) || this.#out.has(id)
  }

  /** Takes a reference in, unless it is here already or ranks after its tenant's edge. */
  offer(ref: TaskRef): boolean {
    if (this.has(ref.id)) return false
    if (this.#isBehindEdge(ref)) {
      if (this.#isRefilling) this.#turnAway(ref)
      return false
    }
    this.#add(ref)
    if (this.#isOverfull) this.#trim()
    return true
  }

  /** The tenant's lowest rank. */
  peek(tenant: string): TaskRef | undefined {
    return this.#byTenant.get(tenant)?.peek()
  }

  /** The tenant's lowest ranks, for a node that shares the lane with others. */
  head(tenant: string): LaneHead | undefined {
    const heap = this.#byTenant.get(tenant)
    let head = this.#heads.get(tenant)
    if (head === undefined && heap !== undefined) {
      head = new LaneHead(heap)
      this.#heads.set(tenant, head)
    }
    return head
  }

  get tenants(): Iterable<string> {
    return this.#byTenant.keys()
  }

  /** Hands out this one of a head. */
  takeOut(nearest: Nearest): void {
    const { ref, distance } = nearest
    if (distance === 0) this.ownTaken++
    this.#heads.get(ref.tenant)?.take(nearest)
    const heap = this.#byTenant.get(ref.tenant)
    heap?.remove(ref)
    this.#handOut(ref, heap)
  }

  /** Hands out the tenant's lowest rank. */
  take(tenant: string): TaskRef | undefined {
    const heap = this.#byTenant.get(tenant)
    const ref = heap?.pop()
    if (ref === undefined) return undefined
    this.#heads.delete(tenant)
    this.#handOut(ref, heap)
    return ref
  }

  #handOut({ id, tenant }: TaskRef, heap: Heap<TaskRef> | undefined): void {
    if (heap?.size === 0) this.#drop(tenant)
    this.#in.delete(id)
    this.#out.add(id)
  }

  finish(id: string): void {
    this.#out.delete(id)
    if (this.#isRefilling) this.#finished.add(id)
  }

  /** Another node made tasks of this lane ready: storage has more than this window knows of. */
  hint(): void {
    this.isStale = true
  }

  get isRefilling(): boolean {
    return this.#isRefilling
  }

  /** `false` when one is under way already. */
  beginRefill(): boolean {
    if (this.#isRefilling) return false
    this.#isRefilling = true
    this.#refills++
    this.ownTaken = 0
    this.isStale = false
    this.#finished.clear()
    this.#turnedAway = []
    this.#isTrimmed = false
    this.#heads.clear()
    return true
  }

  /** Takes in what was read; says how many were new. `isAll`: there was no more in storage. */
  endRefill(refs: readonly TaskRef[], isAll: boolean): number {
    this.#isRefilling = false
    this.#heads.clear()
    let added = 0
    for (const ref of refs) {
      if (this.has(ref.id) || this.#finished.has(ref.id)) continue
      if (this.#isTrimmed && this.#isBehindEdge(ref)) continue
      this.#add(ref)
      added++
    }
    const turnedAway = this.#turnedAway
    if (isAll && turnedAway !== undefined) {
      this.#isComplete = true
      this.#edges.clear()
    } else if (!isAll) {
      // Others put in more than this node knew of, so it can't know of what lies behind either.
      if (added > 0) this.#isComplete = false
      if (!this.#isComplete && !this.#isTrimmed) this.#moveEdges(refs)
    }
    // Made ready while storage was being read, so it may lie before what was read: without it there would be a gap.
    for (const ref of turnedAway ?? []) if (this.offer(ref)) added++
    if (this.#isOverfull) this.#trim()
    return added
  }

  /**
   * Forgets what was here before a read and is not in it, as far as the read reached: others took it. Called before
   * {@link LaneWindow.endRefill} with the same read.
   */
  dropMissing(refs: readonly TaskRef[], isAll: boolean): void {
    const ids = new Set<string>()
    const lasts = new Map<string, TaskRef>()
    for (const ref of refs) {
      ids.add(ref.id)
      lasts.set(ref.tenant, ref)
    }
    for (const tenant of [...this.#byTenant.keys()]) {
      const last = lasts.get(tenant)
      const isMissing = (ref: TaskRef) =>
        !ids.has(ref.id) &&
        (this.#in.get(ref.id) ?? this.#refills) < this.#refills &&
        (isAll || (last !== undefined && ranksBefore(ref, last)))
      this.#keep(tenant, (ref) => !isMissing(ref))
    }
  }

  failRefill(): void {
    this.#isRefilling = false
    this.isStale = true
    this.#heads.clear()
  }

  #isBehindEdge(ref: TaskRef): boolean {
    const edge = this.#edges.get(ref.tenant)
    return edge !== undefined && ranksBefore(edge, ref)
  }

  /** A tenant has one at least, however many there are. */
  get #isOverfull(): boolean {
    return this.#in.size > 2 * Math.max(this.#limit, this.#byTenant.size)
  }

  /** What was read is the beginning of each tenant's queue: as many rounds of its weight as the others have, while it has any. */
  #moveEdges(refs: readonly TaskRef[]): void {
    const counts = new Map<string, number>()
    const lasts = new Map<string, TaskRef>()
    for (const ref of refs) {
      counts.set(ref.tenant, (counts.get(ref.tenant) ?? 0) + 1)
      const last = lasts.get(ref.tenant)
      if (last === undefined || ranksBefore(last, ref)) lasts.set(ref.tenant, ref)
    }
    let rounds = 0
    for (const [tenant, count] of counts) rounds = Math.max(rounds, Math.ceil(count / this.#weightOf(tenant)))
    for (const [tenant, last] of lasts) {
      const edge = this.#edges.get(tenant)
      // Shorter than the others' by more than the last round: that was all of it.
      if ((counts.get(tenant) ?? 0) < Math.floor((rounds - 1) * this.#weightOf(tenant))) this.#edges.delete(tenant)
      else if (edge !== undefined) {
        if (ranksBefore(edge, last)) this.#edges.set(tenant, last)
      } else if (refs.length >= this.#limit) {
        this.#edges.set(tenant, last)
        this.#keep(tenant, (ref) => !ranksBefore(last, ref))
      }
    }
  }

  /** Leaves to storage what does not fit. */
  #keep(tenant: string, fits: (ref: TaskRef) => boolean): void {
    const refs = [...(this.#byTenant.get(tenant)?.values() ?? [])]
    if (refs.every(fits)) return
    const kept = new Heap(ranksBefore)
    for (const ref of refs) {
      if (fits(ref)) kept.push(ref)
      else this.#in.delete(ref.id)
    }
    this.#drop(tenant)
    if (kept.size > 0) this.#byTenant.set(tenant, kept)
  }

  #drop(tenant: string): void {
    this.#byTenant.delete(tenant)
    this.#heads.delete(tenant)
  }

  #turnAway(ref: TaskRef): void {
    if (this.#turnedAway === undefined || this.#turnedAway.length >= this.#limit) this.#turnedAway = undefined
    else this.#turnedAway.push(ref)
  }

  #add(ref: TaskRef): void {
    let heap = this.#byTenant.get(ref.tenant)
    if (heap === undefined) {
      heap = new Heap(ranksBefore)
      this.#byTenant.set(ref.tenant, heap)
    }
    heap.push(ref)
    this.#heads.get(ref.tenant)?.add(ref)
    this.#in.set(ref.id, this.#refills)
  }

  /** Keeps the lowest ranks, tenants alike, and leaves the rest to storage. */
  #trim(): void {
    let weights = 0
    for (const tenant of this.#byTenant.keys()) weights += this.#weightOf(tenant)
    for (const [tenant, heap] of this.#byTenant) {
      const share = Math.max(1, Math.floor((this.#limit * this.#weightOf(tenant)) / weights))
      if (heap.size <= share) continue
      const last = [...heap.values()].sort((a, b) => (ranksBefore(a, b) ? -1 : 1))[share - 1]
      if (last === undefined) continue
      this.#keep(tenant, (ref) => !ranksBefore(last, ref))
      const edge = this.#edges.get(tenant)
      if (edge === undefined || ranksBefore(last, edge)) this.#edges.set(tenant, last)
    }
    if (this.#isRefilling) {
      this.#isTrimmed = true
      this.#turnedAway = undefined
    }
    this.#isComplete = false
  }
}
