import type { Agenda } from '../../internal/agenda.js'
import type { Clock } from '../../internal/clock.js'
import { Sample } from '../../internal/sample.js'
import type { InstanceLoad } from '../instance-load.js'
import type { LanePool } from '../lane-pool.js'

/** No slot is held back for longer. */
export const MOST_COOLING_MS = 30_000

/**
 * Slots freed by failures: whoever fails fast is free all the time and would be given the most. Such a slot counts as
 * taken until a success would have freed it: for the median time of successes of the type, while somebody else in the
 * lane can take work. It is let go before when nobody else can.
 */
export class Cooling {
  /** How long successes take, by type. As many as there are lanes at most. */
  readonly #times = new Map<string, Sample>()
  /** Slots held back, by instance, the oldest first. */
  readonly #slots = new Map<InstanceLoad, object[]>()
  #isStopped = false

  constructor(
    private readonly clock: Clock,
    private readonly agenda: Agenda,
    /** A slot is free now. */
    private readonly freed: (load: InstanceLoad) => void,
  ) {}

  /** An attempt has succeeded. */
  learn(taskType: string, durationMs: number): void {
    let times = this.#times.get(taskType)
    if (times === undefined) {
      times = new Sample()
      this.#times.set(taskType, times)
    }
    times.add(durationMs)
  }

  /** Whether a slot freed by a failure is held back; otherwise it is free at once. */
  hold(load: InstanceLoad, taskType: string, pool: LanePool): boolean {
    const ms = Math.min(MOST_COOLING_MS, this.#times.get(taskType)?.median() ?? 0)
    const others = pool.size - (pool.get(load.instanceId) === undefined ? 0 : 1)
    if (ms <= 0 || others === 0 || this.#isStopped) return false
    load.cool()
    const slot = {}
    const held = this.#slots.get(load)
    if (held === undefined) this.#slots.set(load, [slot])
    else held.push(slot)
    this.agenda.add(this.clock.monotonic() + ms, () => this.#end(load, slot))
    return true
  }

  /** Frees the slot of an instance that was held back first. */
  letGo(load: InstanceLoad | undefined): void {
    if (load !== undefined) this.#end(load, this.#slots.get(load)?.[0])
  }

  /** Frees all slots of an instance that are held back. */
  letAllGo(load: InstanceLoad): void {
    while (this.#slots.has(load)) this.letGo(load)
  }

  /** Holds nothing back any more. */
  stop(): void {
    this.#isStopped = true
    for (const load of [...this.#slots.keys()]) this.letAllGo(load)
  }

  #end(load: InstanceLoad, slot: object | undefined): void {
    const held = this.#slots.get(load)
    const at = slot === undefined ? -1 : (held?.indexOf(slot) ?? -1)
    if (held === undefined || at === -1) return
    held.splice(at, 1)
    if (held.length === 0) this.#slots.delete(load)
    load.cooled()
    this.freed(load)
  }
}
