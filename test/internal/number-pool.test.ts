import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NumberPool } from '../../src/internal/number-pool.js'

describe('NumberPool', () => {
  it('does what a set of taken numbers does', () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('draw' as const),
        lot: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      }),
      fc.record({ do: fc.constantFrom('take' as const, 'free' as const), n: fc.integer({ min: -1, max: 12 }) }),
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.array(step, { maxLength: 100, size: 'max' }), (limit, steps) => {
        const pool = new NumberPool(limit)
        const taken = new Set<number>()
        for (const one of steps) {
          if (one.do === 'draw') {
            const n = pool.draw(one.lot)
            expect(n === undefined).toBe(taken.size === limit)
            if (n === undefined) continue
            expect(n >= 0 && n < limit && !taken.has(n)).toBe(true)
            taken.add(n)
          } else if (one.do === 'free') {
            pool.free(one.n)
            taken.delete(one.n)
          } else {
            pool.take(one.n)
            if (one.n >= 0 && one.n < limit) taken.add(one.n)
          }
          expect(pool.taken().toSorted((a, b) => a - b)).toEqual([...taken].sort((a, b) => a - b))
          expect(pool.size).toBe(taken.size)
        }
      }),
    )
  })

  it('draws each free number alike', () => {
    const pool = new NumberPool(8)
    for (const n of [0, 3, 5]) pool.take(n)
    const drawn = [0, 1, 2, 3, 4].map((i) => {
      const n = pool.draw((i + 0.5) / 5)
      pool.free(n ?? -1)
      return n
    })
    expect(drawn.toSorted()).toEqual([1, 2, 4, 6, 7])
  })

  it('makes no list of all numbers', () => {
    const pool = new NumberPool(Number.MAX_SAFE_INTEGER)
    expect(pool.draw(0.5)).toBe(Math.floor(Number.MAX_SAFE_INTEGER / 2))
    expect(pool.size).toBe(1)
  })
})
