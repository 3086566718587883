import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rateLimit } from '../src/rate-limit.js'

describe('rate limit', () => {
  it('lets through so many in any window, and says how long to wait', () => {
    let now = 0
    const limit = rateLimit({ limit: 2, perMs: 1_000, now: () => now })
    expect([limit.take('a'), limit.take('a'), limit.take('a'), limit.take('b')]).toEqual([0, 0, 1_000, 0])
    now = 400
    expect(limit.take('a')).toBe(600)
    now = 1_000
    expect(limit.take('a')).toBe(0)
  })

  it('never lets more through, whenever they come', () => {
    const gaps = fc.array(fc.nat(700), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 5 }), (waits, most) => {
        let now = 0
        const limit = rateLimit({ limit: most, perMs: 1_000, now: () => now })
        const passed = waits.flatMap((wait) => {
          now += wait
          return limit.take('a') === 0 ? [now] : []
        })
        for (const end of passed)
          expect(passed.filter((at) => at <= end && at > end - 1_000).length).toBeLessThanOrEqual(most)
      }),
    )
  })

  it('remembers only so many, and forgets the quietest first', () => {
    const limit = rateLimit({ limit: 1, perMs: 1_000, now: () => 0, maxKeys: 2 })
    limit.take('a')
    limit.take('b')
    limit.take('a')
    limit.take('c')
    expect(limit.take('a')).toBe(1_000)
    expect(limit.take('b')).toBe(0)
  })
})
