import type { MakeStrategy, StrategyCase } from './strategy-case.js'
import { ensure, World } from './world.js'

const SEEDS = [1, 2, 3, 4, 5]
const STEPS = 300

/** A team of some size, and a life of dispatches and churn. */
function live(makeStrategy: MakeStrategy, seed: number, each: (world: World) => void, agents = 8): World {
  const world = new World(makeStrategy(), seed)
  for (let i = 0; i < agents; i++) world.add({ capacity: 1 + world.draw(4), cost: world.draw(3) })
  for (let step = 0; step < STEPS; step++) {
    each(world)
    world.churn()
  }
  return world
}

/** Whom a strategy chooses. */
export const CHOICE_CASES: readonly StrategyCase[] = [
  {
    topic: 'choice',
    name: 'chooses only instances that could take the task, while agents fill up, pause, come and go',
    run(makeStrategy) {
      for (const seed of SEEDS) {
        live(makeStrategy, seed, (world) => {
          const { load } = world.decide()
          ensure(load?.refusal === undefined, () => `chose ${load?.instanceId}, which is ${load?.refusal}`)
          if (load !== undefined) ensure(world.pool.get(load.instanceId) === load, () => `${load.instanceId} has left`)
          world.dispatch()
        })
      }
    },
  },
  {
    topic: 'choice',
    name: 'copes with teams of one, and with large ones',
    run(makeStrategy) {
      for (const agents of [1, 2, 3, 64, 65, 300]) live(makeStrategy, agents, (world) => world.dispatch(), agents)
    },
  },
  {
    topic: 'choice',
    name: 'does not leave a team idle for ever',
    run(makeStrategy) {
      const world = new World(makeStrategy(), 1)
      for (let i = 0; i < 5; i++) world.add()
      let chosen = 0
      for (let i = 0; i < 50; i++) {
        if (world.dispatch() !== undefined) chosen++
        world.finish()
      }
      ensure(chosen > 0, () => 'nobody was chosen for 50 tasks, though 5 agents were idle')
    },
  },
  {
    topic: 'choice',
    name: 'changes nothing that it is shown, and keeps out of the way of other strategies on the same lane',
    run(makeStrategy) {
      live(makeStrategy, 6, (world) => {
        // Healing is the roster's work, not the strategy's.
        world.roster.recover(world.now)
        const before = [...world.roster.instances()].map(({ inFlight, successRate, lastAssigned }) =>
          [inFlight, successRate, lastAssigned].join(),
        )
        world.decide()
        const after = [...world.roster.instances()].map(({ inFlight, successRate, lastAssigned }) =>
          [inFlight, successRate, lastAssigned].join(),
        )
        ensure(before.join(';') === after.join(';'), () => 'a decision changed the numbers that it was made by')
        for (const strategy of ['round_robin', 'least_busy', 'balanced']) {
          const { decision } = world.router.decide(TASK, world.pool, { strategy })
          ensure(decision.fallbackFor === undefined, () => `${strategy} broke beside it`)
        }
        world.dispatch()
      })
    },
  },
  {
    topic: 'determinism',
    name: 'decides the same for the same seed and history',
    run(makeStrategy) {
      for (const seed of SEEDS) {
        const [first, second] = [0, 1].map(() => {
          const chosen: string[] = []
          live(makeStrategy, seed, (world) => chosen.push(world.dispatch()?.instanceId ?? '-'), 12)
          return chosen
        })
        const at = first?.findIndex((id, i) => id !== second?.[i]) ?? -1
        ensure(at === -1, () => `decision ${at} went to ${first?.[at]} once and to ${second?.[at]} the other time`)
      }
    },
  },
]

const TASK = {
  id: 'beside',
  type: 'conformance',
  requires: ['work'],
  tenant: 'default',
  priority: 'normal',
  attempts: 0,
}
