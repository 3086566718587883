import type { Clock, StrategyName } from 'batuta'
import { Contest, durations, type Standing, TASKS_PER_SECOND } from './contest.js'

export const STRATEGIES: readonly StrategyName[] = [
  'round_robin',
  'random',
  'least_busy',
  'power_of_two',
  'peak_ewma',
  'balanced',
]

/** How a race ended. */
export interface Result {
  readonly standings: readonly Standing[]
  /** One decision of the last strategy, as text. */
  readonly decision: string
}

/**
 * Gives the same tasks to every strategy, at the same moments, and waits for the last one.
 * @param show - told how they do, a few times a second.
 */
export async function runRace(
  clock: Clock,
  durationMs: number,
  show: (standings: readonly Standing[]) => void,
): Promise<Result> {
  const contests = await Promise.all(STRATEGIES.map((strategy) => Contest.start(strategy, clock)))
  const standings = () => contests.map((contest) => contest.standing())
  const draw = durations()
  const tasks: Promise<void>[] = []
  const gapMs = 1_000 / TASKS_PER_SECOND
  const startedMs = clock.monotonic()
  let shownMs = 0
  for (let nextMs = 0; nextMs < durationMs; nextMs += gapMs) {
    await pause(clock, startedMs + nextMs - clock.monotonic())
    const ms = draw()
    for (const contest of contests) tasks.push(contest.run(ms))
    if (nextMs - shownMs < 100) continue
    shownMs = nextMs
    show(standings())
  }
  await Promise.all(tasks)
  const result = { standings: standings(), decision: contests.at(-1)?.lastDecision() ?? '' }
  await Promise.all(contests.map((contest) => contest.stop()))
  return result
}

function pause(clock: Clock, ms: number): Promise<void> | undefined {
  return ms <= 0 ? undefined : new Promise((resolve) => clock.setTimer(resolve, ms))
}
