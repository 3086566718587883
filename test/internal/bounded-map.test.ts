import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BoundedMap } from '../../src/internal/bounded-map.js'
import { garbageCollector } from '../support/collect-garbage.js'

it('is a map that forgets whoever was written longest ago', () => {
  const step = fc.record({ what: fc.constantFrom('set', 'delete', 'oldest', 'clear'), key: fc.nat(12) })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(step, { maxLength: 200 }), (limit, steps) => {
      const bounded = new BoundedMap<number, number>(limit)
      const plain = new Map<number, number>()
      for (const [i, { what, key }] of steps.entries()) {
        if (what === 'set') {
          bounded.set(key, i)
          plain.delete(key)
          plain.set(key, i)
          if (plain.size > limit) plain.delete([...plain.keys()][0] as number)
        } else if (what === 'delete') expect(bounded.delete(key)).toBe(plain.delete(key))
        else if (what === 'oldest') expect(bounded.oldest).toEqual([...plain][0])
        // Seldom: it makes everything simple again.
        else if (key === 0) {
          bounded.clear()
          plain.clear()
        }
        expect([...bounded]).toEqual([...plain])
      }
    }),
    { numRuns: 500 },
  )
})

it.each([
  ['is never full', 1, 1],
  ['was full once, and is not any more', 500, 1],
  ['is full', 100, 100],
])('keeps nothing alive that it has forgotten, when it %s', (_, atFirst, later) => {
  const collectGarbage = garbageCollector()
  const heapUsed = () => {
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  const map = new BoundedMap<number, { readonly at: number }>(100)
  for (let at = 0; at < atFirst; at++) map.set(at, { at })
  for (let key = 0; key < atFirst; key++) if (key >= later) map.delete(key)
  const before = heapUsed()
  for (let at = 0; at < 200_000; at++) map.set(at % later, { at })
  expect(heapUsed() - before).toBeLessThan(1_000_000)
  expect(map.size).toBeLessThanOrEqual(100)
})
