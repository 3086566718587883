import { Agenda } from '../../internal/agenda.js'
import type { Clock } from '../../internal/clock.js'
import type { AgentHealth } from '../../task/agent.js'
import type { EventPayloads } from '../../task/events.js'
import { contentsOf } from '../../task/lane.js'
import type { InstanceLoad } from '../instance-load.js'
import type { LanePool } from '../lane-pool.js'
import type { Roster } from '../roster.js'
import type { Verdict } from './breaker.js'
import { Breakers } from './breakers.js'
import { Cooling } from './cooling.js'
import { Ejections } from './ejections.js'
import type { HealthSettings } from './health-options.js'
import { InstanceHealth } from './instance-health.js'

/** What the health of instances tells of. */
export type HealthEvent = 'agent:breaker' | 'agent:ejected' | 'agent:restored' | 'routing:panic'

/** What the parts of {@link Health} share. */
export interface HealthDeps {
  readonly settings: HealthSettings
  readonly roster: Roster
  readonly clock: Clock
  readonly agenda: Agenda
  /** Monotonic milliseconds as wall-clock milliseconds, for people. */
  wallTime(at: number): number
  emit<N extends HealthEvent>(name: N, payload: () => EventPayloads[N]): void
  /** It may have become able to take work. */
  healed(load: InstanceLoad): void
  /** It has recovered, and gets its share little by little. */
  slowly(load: InstanceLoad): void
}

/** What {@link Health} asks of the rest. */
export type HealthHooks = Pick<HealthDeps, 'emit' | 'healed'>

/**
 * Looks after the health of a node's instances: breakers by type, ejection, slots held back after failures, slow starts.
 * It learns from outcomes and leaves instances out of lanes; strategies know nothing of it. What ends by time alone is
 * on an agenda with one timer for the node, which is empty while everybody is well.
 */
export class Health {
  readonly cooling: Cooling
  readonly #deps: HealthDeps
  readonly #breakers: Breakers
  readonly #ejections: Ejections
  /** When this node's first success came; monotonic. Before, nobody can start slowly: there is nobody else. */
  #warmAt: number | undefined

  constructor(settings: HealthSettings, roster: Roster, clock: Clock, hooks: HealthHooks) {
    const agenda = new Agenda(clock)
    const wallTime = (at: number) => clock.now() + (at - clock.monotonic())
    const slowly = (load: InstanceLoad) => roster.slowStart.begin(load, clock.monotonic())
    this.#deps = { settings, roster, clock, agenda, wallTime, slowly, ...hooks }
    this.#breakers = new Breakers(this.#deps)
    this.#ejections = new Ejections(this.#deps)
    this.cooling = new Cooling(clock, agenda, hooks.healed)
    roster.panicBelow = settings.ejection.panicBelow
    roster.onPanic = (pool) => hooks.emit('routing:panic', () => panicOf(pool))
  }

  /** An instance has come. In a team that has worked for a while it starts slowly; a new application starts at full speed. */
  came(load: InstanceLoad): void {
    const now = this.#deps.clock.monotonic()
    if (this.#warmAt !== undefined && now - this.#warmAt >= this.#deps.settings.slowStartMs) this.#deps.slowly(load)
  }

  /** An instance has joined a lane. */
  joined(pool: LanePool, load: InstanceLoad): void {
    this.#breakers.joined(pool, load)
    this.#ejections.joined(pool, load)
  }

  /** A slot was taken for an attempt. */
  assigned(load: InstanceLoad, taskType: string, token: string): void {
    if (load.health !== undefined && load.health.tripped > 0) this.#breakers.assigned(load, taskType, token)
  }

  /** An attempt has ended. @param now - monotonic milliseconds. */
  settled(load: InstanceLoad, type: string, token: string, verdict: Verdict, durationMs: number, now: number): void {
    if (verdict === 'success') {
      this.cooling.learn(type, durationMs)
      this.#warmAt ??= now
    }
    if (verdict !== 'neutral') {
      load.health ??= new InstanceHealth()
      this.#ejections.settled(load, load.health, verdict === 'failure', now)
    }
    this.#breakers.settled(load, type, token, verdict, now)
  }

  /** An attempt was not made after all: was it to try whether a breaker may close, the next one tries. */
  givenBack(load: InstanceLoad, type: string, token: string): void {
    if (load.health !== undefined) this.#breakers.settled(load, type, token, 'neutral', 0)
  }

  /** Whether an instance's breaker for a type lets nobody through: for lanes that hold more than one type. */
  blocks(load: InstanceLoad, taskType: string): boolean {
    return load.health?.breaker(taskType)?.blocks === true
  }

  /** Leaves an instance out for a while, by hand. @param forMs - by default as long as after failures. */
  eject(load: InstanceLoad, forMs = this.#deps.settings.ejection.baseMs): void {
    load.health ??= new InstanceHealth()
    this.#ejections.eject(load, load.health, forMs, 'operator', this.#deps.clock.monotonic())
  }

  /** Gives an instance work again at once, by hand: whatever it was left out for is forgotten. */
  restore(load: InstanceLoad): void {
    this.cooling.letAllGo(load)
    this.#breakers.close(load)
    this.#ejections.restore(load, 'operator')
    load.restore({ successRate: 1 })
  }

  /** Until when an instance's breaker for a type is open: wall-clock milliseconds; `undefined` when it is not. */
  openUntil({ health }: InstanceLoad, taskType: string): number | undefined {
    const breaker = health?.breaker(taskType)
    return breaker?.state === 'open' ? this.#deps.wallTime(breaker.openUntil) : undefined
  }

  /** Until when an instance is ejected: wall-clock milliseconds; `undefined` when it is not. */
  ejectedUntil({ health }: InstanceLoad): number | undefined {
    return health === undefined || health.ejectedUntil === 0 ? undefined : this.#deps.wallTime(health.ejectedUntil)
  }

  /** An instance's health as people want to see it. */
  view(load: InstanceLoad): AgentHealth {
    const time = (at: number) => new Date(this.#deps.wallTime(at))
    const health = load.health
    const open = health === undefined || health.tripped === 0 ? [] : health.breakers()
    const breakers = open
      .filter(({ state }) => state !== 'closed')
      .map(({ taskType, state, openUntil, calls, failures }) => ({
        taskType,
        state: state as 'open' | 'half_open',
        calls,
        failures,
        ...(state === 'open' && { until: time(openUntil) }),
      }))
    const slowUntil = this.#deps.roster.slowStart.endOf(load)
    return {
      failuresInARow: health?.failuresInARow ?? 0,
      breakers,
      ...(health !== undefined &&
        health.ejectedUntil > 0 && {
          ejected: { until: time(health.ejectedUntil), by: health.ejectedBy, ejections: health.ejections },
        }),
      ...(slowUntil !== undefined && { slowStartUntil: time(slowUntil) }),
    }
  }

  /** No timer is left. */
  stop(): void {
    this.#deps.agenda.stop()
    this.cooling.stop()
  }
}

function panicOf(pool: LanePool): EventPayloads['routing:panic'] {
  const { healthy, ejected, atWork, inPanic } = pool.health
  const { type, requires } = contentsOf(pool.id)
  return { taskType: type, requires, inPanic, agents: atWork, healthy, ejected }
}
