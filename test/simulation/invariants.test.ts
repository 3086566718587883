import { describe, expect, it } from 'vitest'
import { coordinatorSystem } from '../../src/testing/simulation/node.js'
import { simulate } from '../../src/testing/simulation/simulate.js'

/** What the ordinary suite spends on it, in milliseconds; `scripts/simulate.ts` runs ten thousand seeds. */
const BUDGET_MS = 15_000
const MOST_SEEDS = 120
/** In turn; half of the runs lean nowhere. */
const FOCUSES = [undefined, 'messages', undefined, 'owners'] as const

describe('the invariants hold', { timeout: 90_000 }, () => {
  it('over schedules drawn by seed, with everything going wrong', async () => {
    const endsAt = performance.now() + BUDGET_MS
    let seeds = 0
    for (let seed = 1; seed <= MOST_SEEDS && (performance.now() < endsAt || seeds < 10); seed++) {
      const report = await simulate({ seed, focus: FOCUSES[seed % 4], system: coordinatorSystem })
      // The text has the seed, the command that replays it, and the events around each violation.
      expect(report.violations.length, String(report)).toBe(0)
      seeds++
    }
    expect(seeds).toBeGreaterThanOrEqual(10)
  })

  /** Seeds that once showed what hundreds of others did not, by what it was. */
  it.each([
    ['a tenant whose task is put back loses no turn', 100_024],
    ['what is granted during a shutdown sets no timer', 105_727],
    ['a hint that leads to a storage which is away harms nobody', 200_138],
  ])('%s (seed %i)', async (_, seed) => {
    const report = await simulate({ seed, system: coordinatorSystem })
    expect(report.violations.length, String(report)).toBe(0)
  })

  it.each([0, 1, 2, 3])('9: the same seed gives the same event log, another one another (%i)', async (i) => {
    const seed = 101 + i
    const first = await simulate({ seed, system: coordinatorSystem })
    const second = await simulate({ seed, system: coordinatorSystem })
    expect(second.log()).toBe(first.log())
    expect(second.hash).toBe(first.hash)
    const other = await simulate({ seed: seed + 1_000, system: coordinatorSystem })
    expect(other.hash).not.toBe(first.hash)
  })

  it('and the runs are worth it: every kind of event and outcome is in them', async () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 12; seed++) {
      const log = (await simulate({ seed, system: coordinatorSystem })).log()
      for (const [, type = '', rest = ''] of log.matchAll(/^ *\d+ +[\d.]+ (\S+)(.*)$/gm)) {
        seen.add(type)
        for (const outcome of rest.matchAll(/ (completed|failed|released|lost|cancelled) @/g))
          seen.add(outcome[1] ?? '')
      }
    }
    const expected = ['commit', 'handler:start', 'handler:abort', 'handler:return', 'handler:throw', 'node:crash']
    const more = ['node:stopped', 'client:accepted', 'client:refused', 'client:result', 'client:cancelled', 'explained']
    const outcomes = ['fault', 'emitted', 'completed', 'failed', 'released', 'lost', 'cancelled']
    expect([...expected, ...more, ...outcomes].filter((name) => !seen.has(name))).toEqual([])
  })
})
