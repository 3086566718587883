import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { StrategyCase } from './strategy-case.js'
import { ensure, someTask, World } from './world.js'

/** Being told results. */
export const FEEDBACK_CASES: readonly StrategyCase[] = [
  {
    topic: 'feedback',
    name: 'takes any result, also of instances that have left and of tasks it never saw',
    run(makeStrategy) {
      const strategy = makeStrategy()
      for (const outcome of ['success', 'failure', 'neutral'] as const) {
        const feedback = { task: someTask(0), instanceId: 'gone@here', agentId: 'gone', outcome, durationMs: 0, now: 0 }
        strategy.onResult?.(feedback)
        strategy.onResult?.(Object.freeze({ ...feedback, durationMs: 1e9 }))
      }
      const world = new World(strategy, 1)
      world.add()
      ensure(world.dispatch() !== undefined, () => 'an agent that never failed is not chosen after such results')
    },
  },
]

/** Who gets how much. */
export const SHARE_CASES: readonly StrategyCase[] = [
  {
    topic: 'shares',
    name: 'gives equal agents about equal shares, one task at a time',
    run(makeStrategy) {
      evenShares(new World(makeStrategy(), 1), 1, 0)
    },
  },
  {
    topic: 'shares',
    name: 'gives equal agents about equal shares at half load',
    run(makeStrategy) {
      evenShares(new World(makeStrategy(), 2), 4, 8)
    },
  },
]

/** Gives 4 agents 2,000 tasks, `atOnce` running; each must get from 15 % to 35 %. */
function evenShares(world: World, capacity: number, atOnce: number): void {
  world.steady = true
  const loads = Array.from({ length: 4 }, () => world.add({ capacity }))
  const counts = new Map(loads.map((load) => [load, 0]))
  for (let i = 0; i < 2_000; i++) {
    const load = world.dispatch()
    if (load !== undefined) counts.set(load, (counts.get(load) ?? 0) + 1)
    while (world.running.length > atOnce) world.finish()
  }
  const shares = [...counts.values()].map((count) => count / 2_000)
  ensure(
    shares.every((share) => share >= 0.15 && share <= 0.35),
    () => `the shares of 4 equal agents are ${shares.map((share) => `${(share * 100).toFixed(1)} %`).join(', ')}`,
  )
}

/** Lanes and agents that a long-lived process sees come and go. */
const GENERATIONS = 3_000

/** What a strategy keeps. */
export const MEMORY_CASES: readonly StrategyCase[] = [
  {
    topic: 'memory',
    name: 'does not hold on to agents and lanes that are gone',
    async run(makeStrategy) {
      const strategy = makeStrategy()
      const gone: WeakRef<object>[] = []
      for (let i = 0; i < GENERATIONS; i++) {
        const world = new World(strategy, i, `task:lane-${i}:work`)
        gone.push(new WeakRef(world.add().view))
        world.add()
        world.dispatch()
        world.finish()
      }
      // What a WeakRef points to is kept until the job that made it has ended.
      await new Promise((resolve) => setImmediate(resolve))
      collectGarbage()
      const kept = gone.filter((ref) => ref.deref() !== undefined).length
      ensure(kept < GENERATIONS / 2, () => `${kept} of ${GENERATIONS} agents that left are still in memory`)
      ensure(strategy.name !== '', () => 'it has no name')
    },
  },
]

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  if (typeof gc === 'function') gc()
}
