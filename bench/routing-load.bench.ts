/**
 * How long tasks take by strategy at 60, 80 and 95 % load, on the virtual clock: the real router and coordinator, an
 * unequal team in which one agent is slow and one fails. Not a measure of speed: the numbers are the same on every machine.
 */
import type { StrategyName } from 'batuta'
import { simulateLoad } from 'batuta/testing'
import { type BenchRow, report } from './measure.js'

const LOADS = [0.6, 0.8, 0.95]
const SEEDS = [1, 2]
const STRATEGIES: readonly StrategyName[] = [
  'round_robin',
  'weighted_round_robin',
  'random',
  'least_busy',
  'power_of_two',
  'peak_ewma',
  'balanced',
  'capability_match',
  'sticky',
  'consistent_hash',
  'priority',
  'cost_aware',
]

/** 1 to 8 slots; one agent takes three times as long, one fails every task in 5 ms. */
const TEAM = [
  { maxConcurrentTasks: 8 },
  { maxConcurrentTasks: 8, speed: 1 / 3 },
  { maxConcurrentTasks: 4 },
  { maxConcurrentTasks: 4 },
  { maxConcurrentTasks: 2 },
  { maxConcurrentTasks: 1 },
  { maxConcurrentTasks: 4, fails: {} },
]
/** What the failing agent can't do, the others must be able to. */
const WORKING = 19 + 8 / 3

/** p50 and p99 from submit to result at a load, in seconds: mean over the seeds. */
async function quantiles(strategy: StrategyName, load: number): Promise<{ p50: number; p99: number }> {
  const reports = await Promise.all(
    SEEDS.map((seed) =>
      simulateLoad({
        agents: TEAM,
        workload: {
          perSecond: load * WORKING,
          durationMs: 180_000,
          warmupMs: 30_000,
          types: [{ definition: { retry: { maxRetries: 8, minDelayMs: 50 } } }],
        },
        strategy,
        seed,
      }),
    ),
  )
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length / 1_000
  return { p50: mean(reports.map((each) => each.sojournMs.p50)), p99: mean(reports.map((each) => each.sojournMs.p99)) }
}

const rows: BenchRow[] = []
let yardstick = 0
for (const strategy of STRATEGIES) {
  const cells: string[] = []
  let worst = 0
  for (const load of LOADS) {
    const { p50, p99 } = await quantiles(strategy, load)
    cells.push(`${p50.toFixed(2)} / ${p99.toFixed(1)} s`)
    if (load === 0.8) worst = p99
  }
  if (strategy === 'round_robin') yardstick = worst
  rows.push({
    what: `${strategy}: p50 / p99 at 60, 80, 95 % load, simulated`,
    batuta: cells.join(', '),
    against: 'p99 of round_robin at 80 %',
    ratio: worst / yardstick,
    budget: '',
  })
}
report(rows)
