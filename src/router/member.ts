import type { Bar, BarEnds } from './bars.js'
import type { InstanceLoad, RefusalReason, Watcher } from './instance-load.js'
import type { LanePool } from './lane-pool.js'
import type { Condition } from './pool-health.js'

/** One instance in one pool. */
export class Member implements Watcher {
  /** Place in the dense list of those who can take work; -1 when it can't. */
  position = -1
  /** Why it can't take work; `undefined` when it can, or has not been looked at yet. */
  refusal: RefusalReason | undefined
  /** Causes for which this pool alone leaves it out: a set of bits. */
  bars = 0
  barEnds: BarEnds | undefined
  /** Whether it can't take work only because its slots are taken, at least one of which will be free again. */
  busy = false
  /** How it counts; `undefined` when it has not been looked at yet. */
  condition: Condition | undefined
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

  /** When what it is refused for ends, as far as that is known: wall-clock milliseconds. */
  endOf(refusal: RefusalReason): number | undefined {
    if ((this.bars | this.load.bars) === 0) return undefined
    return this.barEnds?.[refusal as Bar] ?? this.load.barredUntil(refusal as Bar)
  }
}
