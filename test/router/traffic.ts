import { Heap } from '../../src/internal/heap.js'
import { seededRandom } from '../../src/internal/random.js'
import type { RoutingDecision } from '../../src/router/decision.js'
import type { InstanceLoad } from '../../src/router/instance-load.js'
import { Roster } from '../../src/router/roster.js'
import { Router } from '../../src/router/router.js'
import type { RoutableTask, RoutingStrategy } from '../../src/router/routing-strategy.js'

/** An agent in simulated traffic. */
export interface SimulatedAgent {
  readonly slots: number
  /** Mean of its exponentially distributed durations. Default 1,000. */
  readonly meanMs?: number
  /** It fails every task, this many milliseconds after it started. */
  readonly failsAfterMs?: number
}

interface Event {
  readonly at: number
  readonly ended?: {
    readonly load: InstanceLoad
    readonly agent: SimulatedAgent
    readonly startedAt: number
    readonly decision: RoutingDecision
  }
}

/**
 * Tasks that arrive at random (Poisson) and wait in one queue for whoever the strategy chooses, in simulated time.
 * @param load - arrivals as a part of what all slots together can do at 1,000 ms a task.
 * @returns the part of all tasks that each agent got.
 */
export function simulate(
  strategy: RoutingStrategy,
  agents: readonly SimulatedAgent[],
  options: { readonly seed: number; readonly load: number; readonly tasks: number },
): number[] {
  const random = seededRandom(options.seed)
  const exponential = (mean: number) => -mean * Math.log(1 - random.next())
  let now = 0
  const clock = { now: () => now, monotonic: () => now, setTimer: () => ({ cancel: () => undefined }) }
  const router = new Router({ strategy, random: seededRandom(options.seed + 1), clock, keepDecisions: 0 })
  const roster = new Roster()
  const pool = roster.pool('task:work:')
  const loads = agents.map(({ slots }, i) => roster.add({ instanceId: `i${i}`, agentId: `a${i}`, capacity: slots }))
  for (const load of loads) pool.join(load)
  const agentOf = new Map(loads.map((load, i) => [load, agents[i] as SimulatedAgent]))

  const slots = agents.reduce((sum, agent) => sum + agent.slots, 0)
  const events = new Heap<Event>((a, b) => a.at < b.at)
  events.push({ at: 0 })
  const got = new Map(loads.map((load) => [load, 0]))
  let arrived = 0
  let waiting = 0
  let decisions = 0
  const task: RoutableTask = { id: 't', type: 'work', requires: [], tenant: 'default', priority: 'normal', attempts: 0 }
  for (let event = events.pop(); event !== undefined; event = events.pop()) {
    now = event.at
    if (event.ended === undefined) {
      waiting++
      if (++arrived < options.tasks) events.push({ at: now + exponential(1_000 / (slots * options.load)) })
    } else {
      const { load, agent, startedAt, decision } = event.ended
      const outcome = agent.failsAfterMs === undefined ? 'success' : 'failure'
      load.record('work', outcome, now - startedAt, now)
      load.release()
      router.settled(decision, outcome, now - startedAt)
    }
    while (waiting > 0) {
      const { candidate, decision } = router.decide({ ...task, id: `t${decisions++}` }, pool)
      if (candidate === undefined) break
      waiting--
      const agent = agentOf.get(candidate) as SimulatedAgent
      candidate.assign(roster.nextSequence())
      got.set(candidate, (got.get(candidate) ?? 0) + 1)
      const durationMs = agent.failsAfterMs ?? exponential(agent.meanMs ?? 1_000)
      events.push({ at: now + durationMs, ended: { load: candidate, agent, startedAt: now, decision } })
    }
  }
  return loads.map((load) => (got.get(load) ?? 0) / options.tasks)
}
