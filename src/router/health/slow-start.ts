import type { InstanceLoad } from '../instance-load.js'

/** The least part of its share that an instance gets: without any work nobody would see that it is well. (Envoy's.) */
export const LEAST_SHARE = 0.1

interface Ramp {
  readonly since: number
  /** Its full weight. */
  readonly weight: number
}

/**
 * Gives new and recovered instances their share of work little by little: from a tenth their weight grows evenly to its
 * full size. Moved on when somebody asks, not by a timer.
 */
export class SlowStart {
  readonly #ramps = new Map<InstanceLoad, Ramp>()

  /** @param ms - how long it takes; 0: nobody starts slowly. */
  constructor(readonly ms: number) {}

  /** Instances that have not got their full weight. */
  get size(): number {
    return this.#ramps.size
  }

  /** Begins, or begins again. @param now - monotonic milliseconds. */
  begin(load: InstanceLoad, now: number): void {
    if (this.ms <= 0) return
    const weight = this.#ramps.get(load)?.weight ?? load.weight
    this.#ramps.set(load, { since: now, weight })
    load.weigh(weight * LEAST_SHARE)
  }

  /** Brings all weights up to date. @param now - monotonic milliseconds. */
  recover(now: number): void {
    for (const [load, { since, weight }] of this.#ramps) {
      const share = (now - since) / this.ms
      load.weigh(weight * Math.min(1, Math.max(LEAST_SHARE, share)))
      if (share >= 1) this.#ramps.delete(load)
    }
  }

  /** When an instance has its full weight: monotonic milliseconds; `undefined` when it does not start slowly. */
  endOf(load: InstanceLoad): number | undefined {
    const ramp = this.#ramps.get(load)
    return ramp && ramp.since + this.ms
  }

  forget(load: InstanceLoad): void {
    this.#ramps.delete(load)
  }
}
