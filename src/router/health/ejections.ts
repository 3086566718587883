import type { InstanceLoad } from '../instance-load.js'
import type { LanePool } from '../lane-pool.js'
import type { HealthDeps } from './health.js'
import type { InstanceHealth } from './instance-health.js'

/**
 * Leaves out, for a while and in all its lanes, an instance that failed several times in a row whatever the task: Envoy's
 * outlier detection. Each ejection is longer than the one before. Of the agents of any lane only a part may be out at
 * once, but always one.
 */
export class Ejections {
  constructor(private readonly deps: HealthDeps) {}

  /** An attempt has ended by the agent's merit or fault. */
  settled(load: InstanceLoad, health: InstanceHealth, isFailure: boolean, now: number): void {
    if (!isFailure) {
      health.failuresInARow = 0
      return
    }
    // What was under way when it was ejected, or was given to it in a panic.
    if (health.ejectedUntil > 0) return
    const { settings } = this.deps
    const { failures, baseMs, maxMs } = settings.ejection
    // Looked at again only after as many more when there was no room.
    if (++health.failuresInARow % failures !== 0 || !settings.ejects || !this.#hasRoom(load)) return
    const healthyMs = health.restoredAt === 0 ? 0 : now - health.restoredAt
    health.ejections = Math.max(0, health.ejections - Math.floor(healthyMs / baseMs)) + 1
    this.eject(load, health, Math.min(maxMs, baseMs * health.ejections), 'failures', now)
  }

  /** Leaves it out for so long, from now. */
  eject(load: InstanceLoad, health: InstanceHealth, forMs: number, by: 'failures' | 'operator', now: number): void {
    const until = now + forMs
    health.ejectedUntil = until
    health.ejectedBy = by
    for (const pool of this.deps.roster.pools()) this.joined(pool, load)
    this.deps.agenda.add(until, () => {
      if (health.ejectedUntil !== until || !this.deps.roster.has(load)) return
      this.restore(load, 'time')
    })
    this.deps.emit('agent:ejected', () => ({
      agentId: load.agentId,
      by,
      until: new Date(this.deps.wallTime(until)),
      failuresInARow: health.failuresInARow,
      ejections: health.ejections,
    }))
  }

  /** Lets it in again. Nothing happens when it is not ejected. */
  restore(load: InstanceLoad, by: 'time' | 'operator'): void {
    const { health } = load
    if (health === undefined || health.ejectedUntil === 0) return
    health.ejectedUntil = 0
    health.failuresInARow = 0
    health.restoredAt = this.deps.clock.monotonic()
    for (const pool of this.deps.roster.pools()) pool.unbar(load, 'ejected')
    this.deps.slowly(load)
    this.deps.emit('agent:restored', () => ({ agentId: load.agentId, by }))
    this.deps.healed(load)
  }

  /** An instance is in a lane: when it is ejected, it is left out there. */
  joined(pool: LanePool, load: InstanceLoad): void {
    const until = load.health?.ejectedUntil ?? 0
    if (until > 0) pool.bar(load, 'ejected', this.deps.wallTime(until))
  }

  /** Whether no lane would have more ejected than it may. */
  #hasRoom(load: InstanceLoad): boolean {
    const { maxShare } = this.deps.settings.ejection
    for (const pool of this.deps.roster.pools())
      if (
        pool.member(load.instanceId) !== undefined &&
        pool.health.ejected >= Math.max(1, Math.floor(maxShare * pool.members))
      )
        return false
    return true
  }
}
