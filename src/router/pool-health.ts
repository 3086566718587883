import { BIT } from './bars.js'
import type { InstanceLoad, Standing } from './instance-load.js'
import type { Member } from './member.js'

/** How a member counts: as healthy, as unhealthy, or not at all, since it is not at work. */
export type Condition = 'well' | 'unwell' | 'away'

/** Who is left out for these causes is not healthy. */
const UNWELL = BIT.breaker_open | BIT.ejected

const CONDITIONS: Readonly<Record<Exclude<Standing, 'available'>, Condition>> = {
  suspect: 'unwell',
  error: 'unwell',
  // Ordered by somebody, or a polling agent that is not asking: it says nothing about health.
  paused: 'away',
  draining: 'away',
  offline: 'away',
}

/**
 * How many members of a pool are healthy, and whether so few that it is in a panic: then those ejected are used after all.
 * Whose breaker is open never is. Also who holds slots back after failures.
 */
export class PoolHealth {
  /** Whether so few are healthy that those ejected are used too. */
  inPanic = false
  readonly #counts: Record<Condition, number> = { well: 0, unwell: 0, away: 0 }
  readonly #ejected = new Set<Member>()
  readonly #heldBack = new Set<Member>()

  /** Members at work that are neither ejected nor have an open breaker. */
  get healthy(): number {
    return this.#counts.well
  }

  /** Healthy or not, and at work. */
  get atWork(): number {
    return this.#counts.well + this.#counts.unwell
  }

  /** Members that are ejected, whether they are left out for it or used in a panic. */
  get ejected(): number {
    return this.#ejected.size
  }

  /** One that is full only for slots held back after failures. */
  get heldBack(): InstanceLoad | undefined {
    if (this.#heldBack.size > 0) for (const { load } of this.#heldBack) return load
    return undefined
  }

  /** Of the causes that hold, those for which a member is really left out. */
  heeded(bars: number): number {
    return this.inPanic ? bars & ~BIT.ejected : bars
  }

  /** A member's causes have changed. */
  barred(member: Member): void {
    if ((member.bars & BIT.ejected) === 0) this.#ejected.delete(member)
    else this.#ejected.add(member)
  }

  /** A member was looked at. */
  count(member: Member): void {
    const { load, bars } = member
    const unwell = (bars & UNWELL) === 0 ? 'well' : 'unwell'
    const condition = load.standing === 'available' ? unwell : CONDITIONS[load.standing]
    if (condition !== member.condition) {
      if (member.condition !== undefined) this.#counts[member.condition]--
      this.#counts[condition]++
      member.condition = condition
    }
    if (load.cooling === 0 && this.#heldBack.size === 0) return
    if (load.cooling > 0 && member.refusal === 'full') this.#heldBack.add(member)
    else this.#heldBack.delete(member)
  }

  /** A member is gone. */
  leave(member: Member): void {
    if (member.condition !== undefined) this.#counts[member.condition]--
    this.#ejected.delete(member)
    this.#heldBack.delete(member)
  }

  /**
   * Whether it is in a panic or no longer is, for the first time.
   * @param below - the part of those at work that must be healthy.
   * @returns those ejected, who are used since now or no longer are; `undefined` when nothing has changed.
   */
  check(below: number): ReadonlySet<Member> | undefined {
    if (this.#ejected.size === 0 && !this.inPanic) return undefined
    const inPanic = this.#ejected.size > 0 && this.healthy < below * this.atWork
    if (inPanic === this.inPanic) return undefined
    this.inPanic = inPanic
    return this.#ejected
  }
}
