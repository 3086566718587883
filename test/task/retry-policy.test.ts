import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffMs, DEFAULT_RETRY, NO_RETRY } from '../../src/task/retry-policy.js'

const policy = fc
  .record({
    maxRetries: fc.nat(),
    minDelayMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e12, noNaN: true })),
    maxDelayMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e15, noNaN: true })),
    factor: fc.oneof(fc.constant(1), fc.double({ min: 1, max: 1e300, noNaN: true })),
  })
  .filter(({ minDelayMs, maxDelayMs }) => minDelayMs <= maxDelayMs)
const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const retry = fc.integer({ min: 1, max: 10_000 })

describe('backoff', () => {
  it('doubles from a second to a minute by default, before jitter', () => {
    const caps = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => backoffMs(DEFAULT_RETRY, number, 1))
    expect(caps).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
    expect(NO_RETRY.maxRetries).toBe(0)
  })

  it('is full jitter: evenly from nothing to the cap', () => {
    expect([0, 0.25, 0.5, 0.75].map((number) => backoffMs(DEFAULT_RETRY, 2, number))).toEqual([0, 500, 1_000, 1_500])
  })

  it('is a whole number of milliseconds from 0 to maxDelayMs, whatever the policy', () => {
    fc.assert(
      fc.property(policy, retry, draw, (policy, retry, draw) => {
        const delayMs = backoffMs(policy, retry, draw)
        expect(Number.isInteger(delayMs)).toBe(true)
        expect(delayMs).toBeGreaterThanOrEqual(0)
        expect(delayMs).toBeLessThanOrEqual(Math.ceil(policy.maxDelayMs))
      }),
      { examples: [[{ maxRetries: 9, minDelayMs: 0, maxDelayMs: 5, factor: 1e300 }, 3, 0.5]] },
    )
  })

  it('never gets shorter from one retry to the next, for the same draw', () => {
    fc.assert(
      fc.property(policy, retry, draw, (policy, retry, draw) => {
        expect(backoffMs(policy, retry + 1, draw)).toBeGreaterThanOrEqual(backoffMs(policy, retry, draw))
      }),
    )
  })
})
