import { ByAgent } from './by-agent.js'
import type { InstanceLoad } from './instance-load.js'
import { Member } from './member.js'

/**
 * Who belongs to a pool, able to take work or not. Every member has a slot for as long as it stays; one that is free is given to the
 * next to join.
 */
export class Members {
  readonly #byLoad = new Map<InstanceLoad, Member>()
  readonly #byId = new Map<string, Member>()
  /** Made when first needed, kept up to date from then on. */
  #byAgent: ByAgent | undefined
  readonly #slots: (Member | undefined)[] = []
  readonly #freeSlots: number[] = []

  get size(): number {
    return this.#byLoad.size
  }

  /** Slots, free ones included. */
  get circle(): number {
    return this.#slots.length
  }

  /** @param place - its slot, where that was given before. */
  add(pool: Member['pool'], load: InstanceLoad, place?: number): Member {
    const slot = place ?? this.#freeSlots.pop() ?? this.#slots.length
    const member = new Member(pool, load, slot)
    this.#slots[slot] = member
    this.#byLoad.set(load, member)
    this.#byId.set(load.instanceId, member)
    this.#byAgent?.add(load)
    return member
  }

  remove({ load, slot }: Member): void {
    this.#byLoad.delete(load)
    this.#byId.delete(load.instanceId)
    this.#byAgent?.delete(load)
    this.#slots[slot] = undefined
    this.#freeSlots.push(slot)
  }

  of(load: InstanceLoad): Member | undefined {
    return this.#byLoad.get(load)
  }

  withId(instanceId: string): Member | undefined {
    return this.#byId.get(instanceId)
  }

  ofAgent(agentId: string): readonly InstanceLoad[] {
    if (this.#byAgent === undefined) {
      this.#byAgent = new ByAgent()
      for (const load of this.#byLoad.keys()) this.#byAgent.add(load)
    }
    return this.#byAgent.of(agentId)
  }

  /** Whether it has not left. */
  has(member: Member): boolean {
    return this.#slots[member.slot] === member
  }

  /** Makes the circle as large as one that was recorded. */
  resize(circle: number): void {
    this.#slots.length = circle
  }

  /** In the order of joining. */
  [Symbol.iterator](): IterableIterator<Member> {
    return this.#byLoad.values()
  }

  /** In the order of slots. */
  inCircle(): readonly Member[] {
    return this.#slots.filter((member) => member !== undefined)
  }
}
