import type { RoutingDecision } from '../../router/decision.js'
import type { StrategyCase } from './strategy-case.js'
import { ensure, World } from './world.js'

/** Scores closer than this are equal: sums of the same terms in another order differ so much. */
const NEAR = 1e-9

function decisions(world: World, agents: number, each: (decision: RoutingDecision) => void): void {
  for (let i = 0; i < agents; i++) world.add({ capacity: 1 + world.draw(4), cost: world.draw(3) })
  for (let step = 0; step < 200; step++) {
    each(world.decide().decision)
    world.dispatch()
    world.churn()
  }
}

/** What a strategy says about its choice. */
export const EXPLANATION_CASES: readonly StrategyCase[] = [
  {
    topic: 'explanation',
    name: 'gives terms that are numbers and sum to a score, or none at all',
    run(makeStrategy) {
      const promises = makeStrategy().terms !== undefined
      decisions(new World(makeStrategy(), 1), 20, ({ candidates }) => {
        for (const { agent, score, terms } of candidates) {
          ensure((score !== undefined) === promises, () => `the terms for ${agent} are no numbers`)
          for (const [term, value] of Object.entries(terms ?? {}))
            ensure(Number.isFinite(value), () => `${term} of ${agent} is ${value}`)
        }
      })
    },
  },
  {
    topic: 'explanation',
    name: 'chooses the lowest score among those it compared, by its own terms',
    run(makeStrategy) {
      for (const agents of [3, 20, 100])
        decisions(new World(makeStrategy(), agents), agents, ({ agent, candidates }) => {
          const [winner] = candidates
          if (agent === undefined || winner?.score === undefined) return
          const better = candidates.find(({ score }) => (score ?? 0) < (winner.score ?? 0) - NEAR)
          ensure(
            better === undefined,
            () => `chose ${agent} (${winner.score}) over ${better?.agent} (${better?.score})`,
          )
        })
    },
  },
  {
    topic: 'explanation',
    name: 'explains a decision by what was true then, however much later it is asked',
    run(makeStrategy) {
      const early: string[] = []
      const kept: RoutingDecision[] = []
      decisions(new World(makeStrategy(), 7), 20, ({ candidates }) => early.push(JSON.stringify(candidates)))
      decisions(new World(makeStrategy(), 7), 20, (decision) => kept.push(decision))
      const at = kept.findIndex(({ candidates }, i) => JSON.stringify(candidates) !== early[i])
      ensure(at === -1, () => `decision ${at} is explained differently when asked later`)
    },
  },
]
