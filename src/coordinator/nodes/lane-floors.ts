import type { BusMessage } from '../../bus/bus.js'
import { type LaneFirst, lowerFirst } from '../../bus/lane-first.js'
import { BoundedMap } from '../../internal/bounded-map.js'
import type { Clock } from '../../internal/clock.js'
import type { Entry } from '../node-context.js'

type ReadyHint = Extract<BusMessage, { readonly type: 'ready' }>

interface Floor {
  readonly readAt: number
  /** Absent while nothing is known to be ready. */
  first: LaneFirst | undefined
  /** The read that it comes from is answered. */
  isOpen: boolean
}

/**
 * Below which rank a lane has nothing that is ready: what a read from its beginning found, or has been heard of since. For half a
 * poll interval reads may begin there. A database that keeps what was taken out of a lane until it is vacuumed walks over all
 * of that to find the lane's beginning: within a minute that came to be a third of PostgreSQL's work.
 *
 * A hint that is lost costs what it always costs: time until a poll, which begins at the beginning unless a read has just done
 * so. Ranks of several tenants do not compare: a lane that has them has no floor.
 */
export class LaneFloors {
  readonly #floors: BoundedMap<string, Floor>

  constructor(
    private readonly clock: Clock,
    private readonly pollMs: number,
    maxLanes: number,
  ) {
    this.#floors = new BoundedMap(maxLanes)
  }

  /** Where a read may begin; `undefined`: at the beginning. */
  get(lane: string): LaneFirst | undefined {
    const floor = this.#floors.get(lane)
    return floor?.isOpen === true && this.clock.monotonic() - floor.readAt < this.pollMs / 2 ? floor.first : undefined
  }

  /** A read from the beginning begins; call the answer with the lowest that it found. What is heard meanwhile counts too. */
  begin(lane: string): (first: LaneFirst | undefined, isOnlyTenant: boolean) => void {
    const floor: Floor = { readAt: this.clock.monotonic(), first: undefined, isOpen: false }
    this.#floors.set(lane, floor)
    return (first, isOnlyTenant) => {
      if (this.#floors.get(lane) !== floor) return
      floor.isOpen = true
      if (first !== undefined) this.#hear(lane, isOnlyTenant ? first : undefined)
    }
  }

  /** Tasks became ready here: what to tell the others. */
  made(entries: readonly Entry[]): ReadyHint {
    const firsts = new Map<string, LaneFirst | undefined>()
    for (const { value } of entries) {
      const { lane, tenant, rank } = value
      firsts.set(lane, firsts.has(lane) ? lowerFirst(firsts.get(lane), value) : { tenant, rank })
    }
    const hint: ReadyHint = { type: 'ready', lanes: [...firsts.keys()], firsts: [...firsts.values()] }
    this.heard(hint)
    return hint
  }

  /** Tasks became ready, here or elsewhere. */
  heard({ lanes, firsts }: ReadyHint): void {
    lanes.forEach((lane, i) => {
      this.#hear(lane, firsts?.[i])
    })
  }

  /** @param first - `undefined`: it could be any. */
  #hear(lane: string, first: LaneFirst | undefined): void {
    const floor = this.#floors.get(lane)
    if (floor === undefined) return
    const lowest = first && (floor.first === undefined ? first : lowerFirst(floor.first, first))
    if (lowest === undefined) this.#floors.delete(lane)
    else floor.first = { tenant: lowest.tenant, rank: lowest.rank }
  }
}
