import { AbleMembers } from './able-members.js'
import { type Bar, BIT, withEnd } from './bars.js'
import { Comparison } from './comparison.js'
import type { Healer } from './healer.js'
import { InstanceLoad, type RefusalReason } from './instance-load.js'
import { LiveCandidate } from './live-candidate.js'
import type { Member } from './member.js'
import { Members } from './members.js'
import { Narrowings, type Seat } from './narrowing.js'
import { PoolHealth } from './pool-health.js'
import { PoolView } from './pool-view.js'
import type { LoadScore, Lots, Ranking, Score, Slots } from './ranking.js'
import { RefusalCounts, type Refusals } from './refusal-counts.js'
import type { Candidate, CandidatePool } from './routing-strategy.js'
import { SlotIndexes } from './slot-indexes.js'

/**
 * The agent instances that serve a lane, and which of them could take a task now.
 *
 * Every member has a slot for as long as it stays: its place in the circle, and in the orders that strategies asked for.
 * Nothing is recomputed when a member's numbers move: it is put on `#dirty`, once, and looked at when the pool is next asked.
 */
export class LanePool implements Slots {
  /** What strategies of users see. */
  readonly view: CandidatePool
  /** What strategies of this library see. */
  readonly ourView: CandidatePool
  /** Whom the strategy asked about in the decision under way. Shared with the pools narrowed from this one. */
  readonly comparison: Comparison
  readonly #members = new Members()
  readonly #able = new AbleMembers()
  readonly #dirty: Member[] = []
  /** How many of `#dirty` count: the list is written again from its start, not emptied. */
  #dirtyCount = 0
  readonly #outside = new RefusalCounts()
  readonly #indexes: SlotIndexes = new SlotIndexes(this)
  readonly #health = new PoolHealth()
  readonly #narrowings: Narrowings
  /** Whether it was narrowed from another pool. */
  readonly #nested: boolean

  /** @param id - the lane. @param healer - absent for pools of a moment. */
  constructor(
    readonly id: string,
    readonly healer?: Healer,
    comparison?: Comparison,
  ) {
    this.comparison = comparison ?? new Comparison()
    this.#nested = comparison !== undefined
    this.view = new PoolView(this, false)
    this.ourView = new PoolView(this, true)
    this.#narrowings = new Narrowings((part) => new LanePool(`${id}|${part}`, undefined, this.comparison))
  }

  /** Members, able to take work now or not. */
  get members(): number {
    return this.#members.size
  }

  /** Members that can take work now. */
  get size(): number {
    this.#look()
    return this.#able.list.length
  }

  /** Whether a member can take work now, or could if slots were not held back after failures. */
  get hasRoom(): boolean {
    return this.size > 0 || this.#health.heldBack !== undefined
  }

  get circle(): number {
    return this.#members.circle
  }

  /** How many are healthy, ejected, hold slots back. */
  get health(): PoolHealth {
    this.#look()
    return this.#health
  }

  /** Those who can take work now, as a frozen list; the same one until membership changes. */
  get list(): readonly Candidate[] {
    this.#look()
    return this.#able.candidates
  }

  /**
   * Adds an instance that serves this lane. Nothing happens when it is a member.
   * @param place - its slot, for pools that are only ever {@link arrange}d.
   */
  join(load: InstanceLoad, place?: number): void {
    if (this.#members.of(load) !== undefined) return
    this.touched(this.#members.add(this, load, place))
    this.#narrowings.join(load, 0)
  }

  /** Removes an instance. Nothing happens when it is no member. */
  leave(load: InstanceLoad): void {
    const member = this.#members.of(load)
    if (member === undefined) return
    this.#look()
    this.#members.remove(member)
    this.#able.remove(member)
    this.#health.leave(member)
    this.#checkPanic()
    this.#indexes.mark(member.slot)
    this.#narrowings.leave(load)
  }

  /** The member with this instance id, able to take work or not. */
  member(instanceId: string): InstanceLoad | undefined {
    return this.#members.withId(instanceId)?.load
  }

  /** Shows everybody: first who can take work, in the order of {@link at}, then the others. For recordings. */
  eachMember(show: (member: Member) => void): void {
    this.#look()
    for (const member of this.#able.list) show(member)
    for (const member of this.#members.inCircle()) if (member.position === -1) show(member)
  }

  /**
   * Lays the pool out as it was recorded: these members at these slots, no others, and the first `able` of them, those
   * who can take work, in this order.
   */
  arrange(
    circle: number,
    places: readonly { readonly load: InstanceLoad; readonly slot: number }[],
    able: number,
  ): void {
    const slots = new Map(places.map(({ load, slot }) => [load, slot]))
    for (const { load, slot } of [...this.#members]) if (slots.get(load) !== slot) this.leave(load)
    this.#members.resize(circle)
    for (const { load, slot } of [...places].sort((a, b) => a.slot - b.slot)) this.join(load, slot)
    for (const [index, { load }] of places.entries())
      this.setBars(load, index < able || load.inFlight >= load.capacity ? 0 : BIT.excluded)
    this.#look()
    this.#able.arrange(places.slice(0, able).map(({ load }) => this.#members.of(load) as Member))
  }

  /** The members that are instances of an agent. */
  ofAgent(agentId: string): readonly InstanceLoad[] {
    return this.#members.ofAgent(agentId)
  }

  /**
   * Leaves a member out of this pool alone for a cause, besides other causes that may hold.
   * @param until - when the cause ends, where that is known: wall-clock milliseconds, for display.
   * @returns whether it is a member that was not left out for this cause before.
   */
  bar(load: InstanceLoad, bar: Bar, until?: number): boolean {
    const member = this.#members.of(load)
    if (member === undefined) return false
    member.barEnds = withEnd(member.barEnds, bar, until)
    this.touched(member)
    return this.#setBars(member, member.bars | BIT[bar])
  }

  /** A cause to leave it out holds no longer. @returns whether it did before. */
  unbar(load: InstanceLoad, bar: Bar): boolean {
    const member = this.#members.of(load)
    return member !== undefined && this.#setBars(member, member.bars & ~BIT[bar])
  }

  /** Leaves a member out for exactly these causes. */
  setBars(load: InstanceLoad, bars: number): void {
    const member = this.#members.of(load)
    if (member !== undefined) this.#setBars(member, bars)
  }

  /** Why it can't take work from this pool now; `undefined` when it can, or is no member. */
  refusalOf(load: InstanceLoad): RefusalReason | undefined {
    const member = this.#members.of(load)
    return member && load.refusalFor(this.#barsOf(member))
  }

  /** How many instances of the node are no members of this lane, by reason: for the explanation. */
  setOutside(reason: RefusalReason, count: number): void {
    this.#outside.set(reason, count)
  }

  /** How many instances can't take the task now, by reason. */
  refusals(): Refusals {
    this.#look()
    const within = this.#able.refusals.list()
    const outside = this.#outside.list()
    return outside.length === 0 ? within : [...within, ...outside]
  }

  /** The instance that a strategy answered with; `undefined` when it is nobody who can take work now. */
  chosen(answer: unknown): InstanceLoad | undefined {
    const load = LiveCandidate.loadOf(answer)
    return load && this.take(load)
  }

  /** The same for an instance. */
  take(load: InstanceLoad): InstanceLoad | undefined {
    this.#look()
    const slot = this.#slotOf(load)
    if (this.ableIn(slot) !== load) return undefined
    this.#indexes.chosen(slot)
    return load
  }

  at(index: number): InstanceLoad | undefined {
    this.#look()
    return this.#able.list[index]?.load
  }

  get(instanceId: string): InstanceLoad | undefined {
    this.#look()
    const member = this.#members.withId(instanceId)
    return member === undefined || member.position === -1 ? undefined : member.load
  }

  /** Whether a member can't take work only because its slots are taken, at least one of which will be free again. */
  isBusy(instanceId: string): boolean {
    this.#look()
    return this.#members.withId(instanceId)?.busy === true
  }

  /** Whether none but these agents can take work, while others will once a slot of theirs is free. */
  areOthersBusy(agentIds: readonly string[]): boolean {
    this.#look()
    let { busy } = this.#able
    let able = this.#able.list.length
    for (const agentId of new Set(agentIds)) {
      for (const load of this.ofAgent(agentId)) {
        const member = this.#members.of(load) as Member
        if (member.position !== -1) able--
        else if (member.busy) busy--
      }
    }
    return able === 0 && busy > 0
  }

  /** The slot of a candidate that is a member; -1 for others. */
  slotOf(candidate: Candidate | undefined): number {
    const load = candidate instanceof InstanceLoad ? candidate : LiveCandidate.loadOf(candidate)
    return load === undefined ? -1 : this.#slotOf(load)
  }

  /** The slot of the first member able to take work, from a position of the circle; -1 when there is none. */
  slotInCircle(position: number): number {
    this.#look()
    return this.#able.slotFrom(position, this.#members.circle)
  }

  ableIn(slot: number): InstanceLoad | undefined {
    // -1 stands for nobody: see StaleSlots about reading there.
    return slot < 0 ? undefined : this.#able.bySlot[slot]
  }

  /** The order of those who can take work by a score, brought up to date. */
  ranking(key: string | symbol, score: LoadScore): Ranking {
    this.#look()
    return this.#indexes.ranking(key, score)
  }

  /** The sums of a weight of those who can take work, brought up to date. */
  lots(key: string | symbol, weight: LoadScore): Lots {
    this.#look()
    return this.#indexes.lots(key, weight)
  }

  /** The pool of those with the lowest rank. */
  narrow(key: string | symbol, rank: Score): LanePool {
    return this.#narrowings.first(key, rank, () => this.#seats()) ?? this
  }

  /** Called when a member's numbers moved: it will be looked at when the pool is next asked. */
  touched(member: Member): void {
    if (member.dirty) return
    member.dirty = true
    this.#dirty[this.#dirtyCount++] = member
  }

  /** Brings membership up to date with everybody who changed. */
  #look(): void {
    const count = this.#dirtyCount
    if (count === 0) return
    this.#dirtyCount = 0
    for (let i = 0; i < count; i++) {
      const member = this.#dirty[i] as Member
      member.dirty = false
      if (!this.#members.has(member)) continue
      this.#able.place(member, member.load.refusalFor(this.#barsOf(member)))
      this.#health.count(member)
      this.#indexes.mark(member.slot)
      if (!this.#nested) member.load.seenSlot = member.slot
      if (member.watching) continue
      member.watching = true
      member.load.watch(member)
    }
    this.#checkPanic()
  }

  /** Those ejected are used while too few are healthy. */
  #checkPanic(): void {
    const ejected = this.#health.check(this.healer?.panicBelow ?? 0)
    if (ejected === undefined) return
    for (const member of ejected) {
      this.#able.place(member, member.load.refusalFor(this.#barsOf(member)))
      this.#indexes.mark(member.slot)
      this.#tellNarrowings(member)
    }
    this.healer?.panicked(this)
  }

  #setBars(member: Member, bars: number): boolean {
    if (member.bars === bars) return false
    member.bars = bars
    // A pool that was narrowed from another is told of panics by that one.
    if (!this.#nested) this.#health.barred(member)
    this.touched(member)
    this.#tellNarrowings(member)
    return true
  }

  #tellNarrowings({ load, bars }: Member): void {
    this.#narrowings.bar(load, this.#health.heeded(bars))
  }

  *#seats(): Generator<Seat> {
    for (const { load, bars } of this.#members) yield { load, bars: this.#health.heeded(bars) }
  }

  #slotOf(load: InstanceLoad): number {
    return this.ableIn(load.seenSlot) === load ? load.seenSlot : (this.#members.of(load)?.slot ?? -1)
  }

  #barsOf(member: Member): number {
    return this.#health.heeded(member.bars) | member.load.bars
  }
}
