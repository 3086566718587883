import { ANY_TYPE, parseLane } from '../../task/lane.js'
import type { InstanceLoad } from '../instance-load.js'
import type { LanePool } from '../lane-pool.js'
import type { Breaker, Verdict } from './breaker.js'
import type { HealthDeps } from './health.js'

/** Opens and closes the breakers of all instances: what is decided by {@link Breaker} is done here, in every lane of the type. */
export class Breakers {
  constructor(private readonly deps: HealthDeps) {}

  /** An attempt was given to an instance: it may be the probe. */
  assigned(load: InstanceLoad, taskType: string, token: string): void {
    const breaker = load.health?.breaker(taskType)
    if (breaker?.assigned(token) === true) this.#show(load, breaker)
  }

  /** An attempt has ended, or was not made after all. */
  settled(load: InstanceLoad, taskType: string, token: string, verdict: Verdict, now: number): void {
    const { health } = load
    const { breaker: settings } = this.deps.settings
    if (health === undefined || settings === undefined) return
    const breaker = verdict === 'neutral' ? health.breaker(taskType) : health.breakerFor(taskType, settings)
    const was = breaker?.state
    if (breaker?.settled(token, verdict, now) !== true) return
    if (was === 'closed') health.tripped++
    if (breaker.state === 'closed') health.tripped--
    this.#changed(load, breaker, was !== breaker.state)
  }

  /** Closes what is open, by hand. */
  close(load: InstanceLoad): void {
    for (const breaker of load.health?.breakers() ?? []) if (breaker.close()) this.#changed(load, breaker, true)
    if (load.health !== undefined) load.health.tripped = 0
  }

  /** An instance has joined a lane: what is open holds there too. */
  joined(pool: LanePool, load: InstanceLoad): void {
    if (load.health === undefined || load.health.tripped === 0) return
    const type = typeOf(pool)
    const breaker = type === undefined ? undefined : load.health.breaker(type)
    if (breaker?.blocks === true) this.#bar(pool, load, breaker)
  }

  #changed(load: InstanceLoad, breaker: Breaker, isNewState: boolean): void {
    const { state, openUntil } = breaker
    if (state === 'open') this.deps.agenda.add(openUntil, () => this.#due(load, breaker))
    if (state === 'closed') this.deps.slowly(load)
    this.#show(load, breaker)
    if (isNewState) this.#tell(load, breaker)
    if (!breaker.blocks) this.deps.healed(load)
  }

  #due(load: InstanceLoad, breaker: Breaker): void {
    if (!this.deps.roster.has(load) || !breaker.due(this.deps.clock.monotonic())) return
    this.#changed(load, breaker, true)
  }

  /** Leaves the instance out of the lanes of the type, or lets it in. */
  #show(load: InstanceLoad, breaker: Breaker): void {
    for (const pool of this.deps.roster.pools()) {
      if (typeOf(pool) !== breaker.taskType) continue
      if (breaker.blocks) this.#bar(pool, load, breaker)
      else pool.unbar(load, 'breaker_open')
    }
  }

  #bar(pool: LanePool, load: InstanceLoad, { state, openUntil }: Breaker): void {
    pool.bar(load, 'breaker_open', state === 'open' ? this.deps.wallTime(openUntil) : undefined)
  }

  #tell({ agentId }: InstanceLoad, { taskType, state, openUntil, calls, failures }: Breaker): void {
    this.deps.emit('agent:breaker', () => ({
      agentId,
      taskType,
      state,
      ...(state === 'open' && { until: new Date(this.deps.wallTime(openUntil)), calls, failures }),
    }))
  }
}

/** The one type of a lane's tasks; `undefined` for lanes of fallbacks. */
function typeOf(pool: LanePool): string | undefined {
  const lane = parseLane(pool.id)
  return lane.kind === 'tasks' ? (lane.type ?? ANY_TYPE) : undefined
}
