import { type SimulateLoadOptions, simulateLoad } from 'batuta/testing'
import { describe, expect, it } from 'vitest'

const OUTAGE_MS = 10_000

/** Ten agents with twenty slots each, and a service that all of them need and that is away from second 5 to second 15. */
function meet(perSecond: number, seed: number, more: Partial<SimulateLoadOptions> = {}) {
  const fails = { fromMs: 5_000, untilMs: 5_000 + OUTAGE_MS }
  const agents = Array.from({ length: 10 }, () => ({ maxConcurrentTasks: 20, fails }))
  return simulateLoad({ agents, workload: { perSecond, durationMs: 25_000, service: 100 }, seed, ...more })
}

describe('a total outage of ten seconds', () => {
  it.each([
    [1_000, 1, 'balanced'],
    [1_000, 2, 'round_robin'],
    [1_000, 3, 'least_busy'],
    [100, 4, 'power_of_two'],
    [100, 5, 'balanced'],
    [20, 6, 'peak_ewma'],
    [20, 7, 'balanced'],
  ] as const)(
    'at %i tasks a second (seed %i, %s) costs few attempts and no task',
    async (perSecond, seed, strategy) => {
      const report = await meet(perSecond, seed, { strategy })
      expect(report).toMatchObject({ completed: report.tasks, failed: 0, unfinished: 0 })
      expect(report.attempts / report.tasks).toBeLessThanOrEqual(1.25)
      // There was one, and not everything waited until it was over: those who came after it are served at once.
      expect(report.attempts).toBeGreaterThan(report.tasks)
      expect(report.waitMs.max).toBeLessThan(OUTAGE_MS + 12_000)
      expect(report.waitMs.p50).toBeLessThan(OUTAGE_MS)
    },
    60_000,
  )

  it('costs more than that without breakers, ejection and a retry budget: they are what holds it', async () => {
    const report = await meet(100, 4, {
      coordinator: { breaker: false, ejection: false, retryBudget: { ratio: 1, floorPerSecond: 1_000 } },
    })
    expect(report.attempts / report.tasks).toBeGreaterThan(1.5)
  })
})
