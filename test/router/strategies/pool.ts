import { seededRandom } from '../../../src/internal/random.js'
import type { RoutingDecision } from '../../../src/router/decision.js'
import type { InstanceLoad, InstanceOptions } from '../../../src/router/instance-load.js'
import { Roster } from '../../../src/router/roster.js'
import { Router } from '../../../src/router/router.js'
import type { RoutableTask, RoutingStrategy } from '../../../src/router/routing-strategy.js'

/** An agent of a team: its instance has the agent's id. `inFlight` slots are taken from the start. */
export type Member = Omit<InstanceOptions, 'instanceId' | 'agentId'> & {
  readonly inFlight?: number
  readonly successRate?: number
  readonly latencyMs?: number
}

/** A lane's pool, a strategy that decides for it, and a clock that stands still until `now` is moved. */
export class Team {
  readonly roster = new Roster()
  readonly pool = this.roster.pool('task:work:')
  readonly router: Router
  /** What the router reported: strategies that threw. */
  readonly errors: unknown[] = []
  now = 1_000_000
  #tasks = 0
  #last: RoutingDecision | undefined

  constructor(strategy: RoutingStrategy, members: Readonly<Record<string, Member>>, seed = 1) {
    const clock = { now: () => this.now, monotonic: () => this.now, setTimer: () => ({ cancel: () => undefined }) }
    const onError = (error: unknown) => this.errors.push(error)
    this.router = new Router({ strategy, clock, random: seededRandom(seed), keepDecisions: 0, onError })
    for (const [id, member] of Object.entries(members)) this.join(id, member)
  }

  join(id: string, { inFlight = 0, successRate = 1, latencyMs, ...options }: Member = {}): void {
    const load = this.roster.add({ capacity: 100, ...options, instanceId: id, agentId: id })
    load.restore({ inFlight, successRate })
    if (latencyMs !== undefined) load.restoreLatencies(['work', latencyMs])
    this.pool.join(load)
  }

  leave(id: string): void {
    this.roster.remove(this.load(id))
  }

  load(id: string): InstanceLoad {
    const load = this.roster.get(id)
    if (load === undefined) throw new RangeError(`No ${id} here.`)
    return load
  }

  /** What the strategy says to one task, which nobody is then assigned. */
  ask(task: Partial<RoutableTask> = {}) {
    const whole = { type: 'work', requires: [], tenant: 'default', priority: 'normal', attempts: 0, ...task }
    const decided = this.router.decide({ id: `t${this.#tasks++}`, ...whole }, this.pool)
    this.#last = decided.decision
    return { agent: decided.candidate?.agentId, ...decided }
  }

  /** Who gets one task; it stays with the agent. */
  take(task?: Partial<RoutableTask>): string | undefined {
    const { candidate, agent } = this.ask(task)
    candidate?.assign(this.roster.nextSequence())
    return agent
  }

  /** Who gets one task after the other, each done at once. */
  run(tasks: number, task?: Partial<RoutableTask>): string[] {
    return Array.from({ length: tasks }, () => {
      const agent = this.take(task)
      if (agent === undefined) throw new RangeError('Nobody took the task.')
      this.load(agent).release()
      return agent
    })
  }

  /** What the terms of the last decision sum to, by agent. */
  scores(): Record<string, number | undefined> {
    return Object.fromEntries((this.#last?.candidates ?? []).map(({ agent, score }) => [agent, score]))
  }

  /** Tells the strategy, and it alone, how the task of the last decision went. */
  settle(outcome: 'success' | 'failure' | 'neutral', durationMs: number): void {
    if (this.#last !== undefined) this.router.settled(this.#last, outcome, durationMs)
  }
}

/** How often each of them is named. */
export function counts(agents: readonly (string | undefined)[]): Record<string, number> {
  const of: Record<string, number> = {}
  for (const agent of agents) of[String(agent)] = (of[String(agent)] ?? 0) + 1
  return of
}
