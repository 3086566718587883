import type { InstanceLoad, RefusalReason } from './instance-load.js'
import type { Member } from './member.js'
import { RefusalCounts } from './refusal-counts.js'
import type { Candidate } from './routing-strategy.js'
import { SlotSet } from './slot-set.js'

/**
 * Those members of a pool that can take work now, as a dense list (swap and remove) and by slot, and why the others
 * can't. A member moves in and out in O(1).
 */
export class AbleMembers {
  /** In no particular order; a member knows its place. */
  readonly list: Member[] = []
  /** The same by slot. Of ten thousand members none is in the processor's cache: this finds an instance without its member. */
  readonly bySlot: (InstanceLoad | undefined)[] = []
  /** How many can't, by reason. */
  readonly refusals = new RefusalCounts()
  readonly #slots = new SlotSet()
  #busy = 0
  #candidates: readonly Candidate[] | undefined

  /** How many can't only because their slots are taken, at least one of which will be free again. */
  get busy(): number {
    return this.#busy
  }

  /** As a frozen list for strategies; the same one until one of them moves. */
  get candidates(): readonly Candidate[] {
    this.#candidates ??= Object.freeze(this.list.map((member) => member.load.view))
    return this.#candidates
  }

  /** The first slot at or after a position of a circle of so many; -1 when nobody can take work. */
  slotFrom(position: number, circle: number): number {
    if (this.list.length === 0) return -1
    const slot = this.#slots.next(position % circle)
    return slot === -1 ? this.#slots.next(0) : slot
  }

  /** Takes note of why a member can't take work, or that it can. */
  place(member: Member, refusal: RefusalReason | undefined): void {
    this.#refuse(member, refusal)
    const busy = refusal === 'full' && member.load.stuck < member.load.capacity
    if (busy !== member.busy) {
      member.busy = busy
      this.#busy += busy ? 1 : -1
    }
    if ((refusal === undefined) === (member.position !== -1)) return
    this.#candidates = undefined
    if (refusal === undefined) {
      member.position = this.list.push(member) - 1
      this.#slots.add(member.slot)
      this.#seat(member.slot, member.load)
    } else {
      this.#leave(member)
    }
  }

  /** A member is gone. */
  remove(member: Member): void {
    this.place(member, 'offline')
    this.refusals.add('offline', -1)
  }

  /** The first ones of the list are these, in this order; they and no others are in it. */
  arrange(members: readonly Member[]): void {
    this.#candidates = undefined
    members.forEach((member, index) => {
      member.position = index
      this.list[index] = member
    })
  }

  #refuse(member: Member, refusal: RefusalReason | undefined): void {
    const was = member.refusal
    if (refusal !== was) {
      if (was !== undefined) this.refusals.add(was, -1)
      member.refusal = refusal
    }
    if (refusal === undefined) return
    const until = member.endOf(refusal)
    if (refusal !== was || until !== undefined) this.refusals.add(refusal, refusal === was ? 0 : 1, until)
  }

  #leave(member: Member): void {
    const last = this.list.pop() as Member
    if (last !== member) {
      this.list[member.position] = last
      last.position = member.position
    }
    member.position = -1
    this.#slots.delete(member.slot)
    this.#seat(member.slot, undefined)
  }

  #seat(slot: number, load: InstanceLoad | undefined): void {
    while (this.bySlot.length < slot) this.bySlot.push(undefined)
    this.bySlot[slot] = load
  }
}
