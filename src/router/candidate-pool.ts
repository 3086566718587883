import { Comparison } from './comparison.js'
import type { InstanceLoad, RefusalReason, Watcher } from './instance-load.js'
import { LiveCandidate } from './live-candidate.js'
import { PoolView } from './pool-view.js'
import { Ranking } from './ranking.js'
import type { Candidate, CandidatePool } from './routing-strategy.js'
import { SlotSet } from './slot-set.js'

/** Indexes that a pool keeps, of each kind. */
const MAX_RANKINGS = 8

/** Gives a candidate a score or a rank. */
export type Score = (candidate: Candidate) => number

/** How many members can't take work, by reason. */
export type RefusalCounts = Map<RefusalReason, number>

/** Lets success rates recover. */
export interface Healer {
  /** Whether there is anything to heal: only then is it worth reading a clock. */
  readonly recovering: boolean
  /** @param now - monotonic milliseconds. */
  recover(now: number): void
}

/** One instance in one pool. */
export class Member implements Watcher {
  /** Place in the dense list of those who can take work; -1 when it can't. */
  position = -1
  /** Why it can't take work; `undefined` when it can, or has not been looked at yet. */
  refusal: RefusalReason | undefined
  /** Why this pool alone leaves it out. */
  barred: RefusalReason | undefined
  dirty = false
  /** Whether the instance will tell it of its next change. */
  watching = false

  constructor(
    readonly pool: LanePool,
    readonly load: InstanceLoad,
    readonly slot: number,
  ) {}

  touched(): void {
    this.watching = false
    this.pool.touched(this)
  }
}

/** The members of one rank, each in a pool with those of equal rank. */
interface Narrowing {
  readonly ranking: Ranking
  readonly pools: Map<number, LanePool>
  /** By slot: who was seated, and where. */
  readonly seats: ({ readonly load: InstanceLoad; readonly rank: number } | undefined)[]
}

/**
 * The agent instances that serve a lane, and which of them could take a task now.
 *
 * Every member has a slot for as long as it stays. Those who can take work also stand in a dense list (`#able`, swap and
 * remove), in a bit set by slot (the circle) and in the rankings that strategies asked for. Nothing is recomputed when a
 * member's numbers move: it is put on `#dirty`, once, and looked at when the pool is next asked.
 */
export class LanePool {
  readonly id: string
  /** What strategies see. */
  readonly view: CandidatePool
  /** Whom the strategy asked about in the decision under way. Shared with the pools narrowed from this one. */
  readonly comparison: Comparison
  readonly #members = new Map<InstanceLoad, Member>()
  readonly #byId = new Map<string, Member>()
  readonly #slots: (Member | undefined)[] = []
  readonly #freeSlots: number[] = []
  readonly #able: Member[] = []
  readonly #circle = new SlotSet()
  readonly #dirty: Member[] = []
  readonly #refusals: RefusalCounts = new Map()
  readonly #outside: RefusalCounts = new Map()
  readonly #rankings = new Map<string | symbol, Ranking>()
  readonly #narrowings = new Map<string | symbol, Narrowing>()
  /** Made when first needed, and again after membership changed. */
  #byAgent: Map<string, InstanceLoad[]> | undefined
  #questions = 0
  #list: readonly Candidate[] | undefined

  /** Heals success rates while time passes; absent for pools of a moment. */
  readonly healer: Healer | undefined

  /** @param id - the lane. */
  constructor(id: string, healer?: Healer, comparison = new Comparison()) {
    this.id = id
    this.healer = healer
    this.comparison = comparison
    this.view = new PoolView(this)
  }

  /** Members, able to take work now or not. */
  get members(): number {
    return this.#members.size
  }

  /** Members that can take work now. */
  get size(): number {
    this.#look()
    return this.#able.length
  }

  get circle(): number {
    return this.#slots.length
  }

  /** Those who can take work now, as a frozen list; the same one until membership changes. */
  get list(): readonly Candidate[] {
    this.#look()
    this.#list ??= Object.freeze(this.#able.map((member) => member.load.view))
    return this.#list
  }

  /** Adds an instance that serves this lane. Nothing happens when it is a member. */
  join(load: InstanceLoad): void {
    if (this.#members.has(load)) return
    const slot = this.#freeSlots.pop() ?? this.#slots.length
    const member = new Member(this, load, slot)
    this.#slots[slot] = member
    this.#members.set(load, member)
    this.#byId.set(load.instanceId, member)
    this.#byAgent = undefined
    this.touched(member)
  }

  /** Removes an instance. Nothing happens when it is no member. */
  leave(load: InstanceLoad): void {
    const member = this.#members.get(load)
    if (member === undefined) return
    this.#look()
    this.#members.delete(load)
    this.#byId.delete(load.instanceId)
    this.#byAgent = undefined
    this.#place(member, 'offline')
    this.#count(member.refusal, -1)
    this.#slots[member.slot] = undefined
    this.#freeSlots.push(member.slot)
    this.#markStale(member.slot)
  }

  /** The member with this instance id, able to take work or not. */
  member(instanceId: string): InstanceLoad | undefined {
    return this.#byId.get(instanceId)?.load
  }

  /** The members that are instances of an agent. */
  ofAgent(agentId: string): readonly InstanceLoad[] {
    this.#byAgent ??= this.#indexAgents()
    return this.#byAgent.get(agentId) ?? []
  }

  /** Leaves a member out of this pool alone, or lets it in again. @returns whether it is a member. */
  bar(load: InstanceLoad, reason: RefusalReason | undefined): boolean {
    const member = this.#members.get(load)
    if (member === undefined) return false
    if (member.barred !== reason) {
      member.barred = reason
      this.touched(member)
    }
    return true
  }

  /** Why this pool alone leaves a member out. */
  barredFor(load: InstanceLoad): RefusalReason | undefined {
    return this.#members.get(load)?.barred
  }

  /** How many instances of the node are no members of this lane, by reason: for the explanation. */
  setOutside(reason: RefusalReason, count: number): void {
    this.#outside.set(reason, count)
  }

  /** How many instances can't take the task now, by reason, as pairs: `[reason, count, reason, count ...]`. */
  refusals(): (RefusalReason | number)[] {
    this.#look()
    const pairs: (RefusalReason | number)[] = []
    for (const [reason, count] of this.#refusals) if (count > 0) pairs.push(reason, count)
    for (const [reason, count] of this.#outside) if (count > 0) pairs.push(reason, count)
    return pairs
  }

  /** The instance that a strategy answered with; `undefined` when it is nobody who can take work now. */
  chosen(answer: unknown): InstanceLoad | undefined {
    const load = LiveCandidate.loadOf(answer)
    const member = load && this.#members.get(load)
    if (member === undefined || member.position === -1) return undefined
    this.#markStale(member.slot)
    return load
  }

  at(index: number): InstanceLoad | undefined {
    this.#look()
    return this.#able[index]?.load
  }

  get(instanceId: string): InstanceLoad | undefined {
    this.#look()
    const member = this.#byId.get(instanceId)
    return member === undefined || member.position === -1 ? undefined : member.load
  }

  /** The slot of the first member able to take work, from a position of the circle; -1 when there is none. */
  slotInCircle(position: number): number {
    this.#look()
    if (this.#able.length === 0) return -1
    const slot = this.#circle.next(position % this.#slots.length)
    return slot === -1 ? this.#circle.next(0) : slot
  }

  inSlot(slot: number): InstanceLoad | undefined {
    return this.#slots[slot]?.load
  }

  /** The order of those who can take work by a score, brought up to date. */
  ranking(key: string | symbol, score: Score): Ranking {
    this.#look()
    let ranking = this.#rankings.get(key)
    if (ranking === undefined) {
      ranking = new Ranking()
      makeRoom(this.#rankings, (old) => old.usedAt)
      this.#rankings.set(key, ranking)
      this.#markAll(ranking)
    }
    ranking.usedAt = ++this.#questions
    ranking.refresh((slot) => {
      const member = this.#slots[slot]
      return member === undefined || member.position === -1 ? undefined : score(member.load.view)
    }, this.#lastAssigned)
    return ranking
  }

  /** The pool of those with the lowest rank. */
  narrow(key: string | symbol, rank: Score): LanePool {
    this.#look()
    let narrowing = this.#narrowings.get(key)
    if (narrowing === undefined) {
      narrowing = { ranking: new Ranking(), pools: new Map(), seats: [] }
      makeRoom(this.#narrowings, (old) => old.ranking.usedAt)
      this.#narrowings.set(key, narrowing)
      this.#markAll(narrowing.ranking)
    }
    const { ranking, pools, seats } = narrowing
    ranking.usedAt = ++this.#questions
    ranking.refresh((slot) => this.#seat(narrowing, key, slot, rank), this.#lastAssigned)
    const first = ranking.heap.slots[0]
    const seat = first === undefined ? undefined : seats[first]
    return (seat && pools.get(seat.rank)) ?? this
  }

  /** Called when a member's numbers moved: it will be looked at when the pool is next asked. */
  touched(member: Member): void {
    if (member.dirty) return
    member.dirty = true
    this.#dirty.push(member)
  }

  /** Brings membership up to date with everybody who changed. */
  #look(): void {
    const dirty = this.#dirty
    if (dirty.length === 0) return
    for (let i = 0; i < dirty.length; i++) {
      const member = dirty[i] as Member
      member.dirty = false
      if (this.#slots[member.slot] !== member) continue
      this.#place(member, member.barred ?? member.load.refusal)
      this.#markStale(member.slot)
      if (member.watching) continue
      member.watching = true
      member.load.watch(member)
    }
    dirty.length = 0
  }

  /** Moves a member among those who can take work, or out of them. */
  #place(member: Member, refusal: RefusalReason | undefined): void {
    if (refusal !== member.refusal) {
      this.#count(member.refusal, -1)
      this.#count(refusal, 1)
      member.refusal = refusal
    }
    const able = this.#able
    if ((refusal === undefined) === (member.position !== -1)) return
    this.#list = undefined
    if (refusal === undefined) {
      member.position = able.push(member) - 1
      this.#circle.add(member.slot)
    } else {
      const last = able.pop() as Member
      if (last !== member) {
        able[member.position] = last
        last.position = member.position
      }
      member.position = -1
      this.#circle.delete(member.slot)
    }
  }

  #indexAgents(): Map<string, InstanceLoad[]> {
    const index = new Map<string, InstanceLoad[]>()
    for (const load of this.#members.keys()) {
      const siblings = index.get(load.agentId)
      if (siblings === undefined) index.set(load.agentId, [load])
      else siblings.push(load)
    }
    return index
  }

  #count(reason: RefusalReason | undefined, change: number): void {
    if (reason !== undefined) this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + change)
  }

  /** Puts the member of a slot into the pool of its rank; returns the rank while it can take work. */
  #seat(narrowing: Narrowing, key: string | symbol, slot: number, rankOf: Score): number | undefined {
    const { pools, seats } = narrowing
    const member = this.#slots[slot]
    const rank = member && rankOf(member.load.view)
    const seat = seats[slot]
    if (seat !== undefined && (seat.load !== member?.load || seat.rank !== rank)) {
      const old = pools.get(seat.rank)
      old?.leave(seat.load)
      if (old?.members === 0) pools.delete(seat.rank)
      seats[slot] = undefined
    }
    if (member === undefined || rank === undefined) return undefined
    let pool = pools.get(rank)
    if (pool === undefined) {
      pool = new LanePool(`${this.id}|${String(key)}=${rank}`, undefined, this.comparison)
      pools.set(rank, pool)
    }
    if (seats[slot] === undefined) {
      seats[slot] = { load: member.load, rank }
      pool.join(member.load)
    }
    pool.bar(member.load, member.barred)
    return member.position === -1 ? undefined : rank
  }

  #markStale(slot: number): void {
    for (const ranking of this.#rankings.values()) ranking.mark(slot)
    for (const { ranking } of this.#narrowings.values()) ranking.mark(slot)
  }

  #markAll(ranking: Ranking): void {
    for (let slot = this.#slots.length - 1; slot >= 0; slot--) ranking.mark(slot)
  }

  readonly #lastAssigned = (slot: number): number => this.#slots[slot]?.load.lastAssigned ?? 0
}

/** Drops the index that was asked longest ago, if there is no room for one more. */
function makeRoom<T>(indexes: Map<string | symbol, T>, usedAt: (index: T) => number): void {
  if (indexes.size < MAX_RANKINGS) return
  let oldest: string | symbol | undefined
  let least = Number.POSITIVE_INFINITY
  for (const [key, index] of indexes) {
    if (usedAt(index) >= least) continue
    least = usedAt(index)
    oldest = key
  }
  if (oldest !== undefined) indexes.delete(oldest)
}
