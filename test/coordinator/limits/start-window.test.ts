import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StartWindow } from '../../../src/coordinator/limits/start-window.js'
import { mostIn } from './windows.js'

type Step = { readonly do: 'take' | 'start' | 'untake' } | { readonly do: 'pass'; readonly ms: number }

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constantFrom('take' as const, 'take' as const, 'start' as const, 'untake' as const) }),
    fc.record({
      do: fc.constant('pass' as const),
      ms: fc.oneof(fc.nat(12), fc.double({ min: 0, max: 12, noNaN: true })),
    }),
  ),
  { maxLength: 200, size: 'max' },
)

describe('the window of a rate limit', () => {
  it('never lets more start than the limit in any window, and lets go whenever it could', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 20 }), steps, (limit, perMs, all) => {
        const window = new StartWindow({ limit, perMs })
        const starts: { at: number }[] = []
        let pending = 0
        let now = 1_000
        for (const step of all as Step[]) {
          const recent = starts.filter(({ at }) => now - at < perMs)
          const isFull = recent.length + pending >= limit
          const opensAt = window.opensAt(now)
          // The model: exactly then is there room, and the time it names is when the oldest start leaves the window.
          expect(opensAt <= now).toBe(!isFull)
          if (isFull) expect(opensAt).toBeCloseTo((recent[0]?.at ?? Number.POSITIVE_INFINITY) + perMs, 9)
          if (step.do === 'pass') now += step.ms
          else if (step.do === 'take' && opensAt <= now) {
            window.take()
            pending++
          } else if (step.do === 'start' && pending > 0) {
            window.started(now)
            pending--
            starts.push({ at: now })
          } else if (step.do === 'untake' && pending > 0) {
            window.untake()
            pending--
          }
        }
        expect(mostIn(perMs, starts)).toBeLessThanOrEqual(limit)
      }),
      { numRuns: 500 },
    )
  })
})
