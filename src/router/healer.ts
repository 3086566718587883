import type { LanePool } from './lane-pool.js'

/** Heals instances while time passes, and is told of panics. */
export interface Healer {
  /** Whether there is anything to heal: only then is it worth reading a clock. */
  readonly recovering: boolean
  /** @param now - monotonic milliseconds. */
  recover(now: number): void
  /** A pool of which less than this part is healthy is in a panic. */
  readonly panicBelow: number
  /** A pool is in a panic since now, or no longer. */
  panicked(pool: LanePool): void
}
