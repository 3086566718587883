import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/internal/random.js'
import { mostIn } from '../coordinator/limits/windows.js'
import { startApp } from '../support/app.js'

const OUTAGE = { fromMs: 3_000, untilMs: 13_000 }
const ARRIVALS_PER_SECOND = 100
const TASKS = 20 * ARRIVALS_PER_SECOND
const AGENTS = 5
const SLOTS = 4
const WORK_MS = 100
/** What the team does when all of its slots are taken all the time: twice what arrives. */
const MOST_PER_SECOND = (AGENTS * SLOTS * 1_000) / WORK_MS

/** When attempts started, in milliseconds since the first task arrived, and how they ended. */
async function meet(seed: number) {
  const { app, clock } = await startApp({ random: seededRandom(seed) })
  const from = clock.now()
  const starts: { at: number; failed: boolean }[] = []
  for (let i = 0; i < AGENTS; i++) {
    app.agent(`agent-${i}`, {
      maxConcurrentTasks: SLOTS,
      handler: async () => {
        const at = clock.now() - from
        const failed = at >= OUTAGE.fromMs && at < OUTAGE.untilMs
        starts.push({ at, failed })
        if (failed) throw new Error('the service is down')
        await new Promise<void>((resolve) => clock.setTimer(resolve, WORK_MS))
      },
    })
  }
  for (let i = 0; i < TASKS; i++) {
    void app.submit({ type: 'x' })
    await clock.advance(1_000 / ARRIVALS_PER_SECOND)
  }
  await clock.advance(30_000)
  return { starts, completed: app.agents().reduce((sum, agent) => sum + agent.completed, 0) }
}

describe('a total outage of ten seconds', () => {
  it.each([1, 2])(
    'is met by few attempts, and ends without a storm (seed %i)',
    async (seed) => {
      const { starts, completed } = await meet(seed)
      expect(completed).toBe(TASKS)
      expect(starts.length / TASKS).toBeLessThanOrEqual(1.25)
      // Breakers have opened within two seconds: from then on each agent is only tried now and then.
      const tries = starts.filter(({ at }) => at >= OUTAGE.fromMs + 2_000 && at < OUTAGE.untilMs)
      expect(tries.length).toBeLessThanOrEqual(3 * AGENTS)
      // One try per agent that came back, and then what the team can do until nothing is left over: never more.
      const after = starts.filter(({ at }) => at >= OUTAGE.untilMs)
      const firstAt = after[0]?.at ?? Number.POSITIVE_INFINITY
      expect(firstAt - OUTAGE.untilMs).toBeLessThanOrEqual(2_000)
      expect(after.filter(({ at }) => at < firstAt + WORK_MS).length).toBeLessThanOrEqual(AGENTS)
      expect(mostIn(1_000, after)).toBeLessThanOrEqual(MOST_PER_SECOND)
      expect(
        mostIn(
          1_000,
          after.filter(({ at }) => at < firstAt + 2_000),
        ),
      ).toBeGreaterThan(ARRIVALS_PER_SECOND)
      expect(after.at(-1)?.at).toBeLessThan(OUTAGE.untilMs + 15_000)
    },
    60_000,
  )
})
