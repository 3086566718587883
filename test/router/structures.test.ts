import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BoundedMap } from '../../src/internal/bounded-map.js'
import { seededRandom } from '../../src/internal/random.js'
import { latenciesFrom, latencyIn, learnt, listOfLatencies } from '../../src/router/latencies.js'
import { SlotHeap } from '../../src/router/slot-heap.js'
import { SlotSet } from '../../src/router/slot-set.js'
import { rated, recovered, SUCCESS_FLOOR } from '../../src/router/success-rate.js'
import { SumTree } from '../../src/router/sum-tree.js'

describe('SlotSet', () => {
  it('finds the next number as a sorted list would', () => {
    const slot = fc.oneof(fc.nat(40), fc.nat(5_000))
    const step = fc.record({ add: fc.boolean(), slot, from: slot })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const set = new SlotSet()
        const model = new Set<number>()
        for (const { add, slot, from } of steps) {
          if (add) set.add(slot)
          else set.delete(slot)
          if (add) model.add(slot)
          else model.delete(slot)
          const expected = [...model].sort((a, b) => a - b).find((number) => number >= from) ?? -1
          expect(set.next(from)).toBe(expected)
        }
      }),
    )
  })
})

describe('SlotHeap', () => {
  it('has the lowest score, then the least recently assigned, then the lowest slot in front', () => {
    const step = fc.record({
      slot: fc.nat(30),
      score: fc.option(fc.oneof(fc.nat(5), fc.constant(Number.NaN)), { nil: undefined }),
      lastAssigned: fc.nat(3),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
        const heap = new SlotHeap()
        const model = new Map<number, { slot: number; score: number; lastAssigned: number }>()
        for (const { slot, score, lastAssigned } of steps) {
          if (score === undefined) {
            heap.delete(slot)
            model.delete(slot)
          } else {
            heap.set(slot, score, lastAssigned)
            model.set(slot, { slot, score: Number.isNaN(score) ? 1e300 : score, lastAssigned })
          }
          const [first] = [...model.values()].sort(
            (a, b) => a.score - b.score || a.lastAssigned - b.lastAssigned || a.slot - b.slot,
          )
          expect(heap.slots[0]).toBe(first?.slot)
          expect([...heap.slots].sort((a, b) => a - b)).toEqual([...model.keys()].sort((a, b) => a - b))
        }
      }),
    )
  })
})

/** Random numbers that count how many were asked for. */
function counted(next: () => number) {
  return {
    asked: 0,
    next() {
      this.asked++
      return next()
    },
  }
}

describe('SumTree', () => {
  const slot = fc.oneof(fc.nat(20), fc.nat(3_000))
  const weight = fc.oneof(fc.constant(0), fc.nat(9), fc.double({ min: 1e-6, max: 1e6, noNaN: true }))

  it('walks to the slot in whose part of the line the lot falls', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(slot, weight), { maxLength: 60, size: 'max' }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(60),
        (changes, lot, pick) => {
          const tree = new SumTree()
          const model = new Map<number, number>()
          for (const [slot, weight] of changes) {
            tree.set(slot, weight)
            model.set(slot, weight)
          }
          const except = changes.length === 0 || pick === 60 ? -1 : (changes[pick % changes.length]?.[0] ?? -1)
          const total = [...model.values()].reduce((sum, weight) => sum + weight, 0)
          expect(tree.total).toBeCloseTo(total, 3)
          const line = [...model].filter(([slot, weight]) => slot !== except && weight > 0).sort(([a], [b]) => a - b)
          const drawn = tree.walk(lot, except)
          if (line.length === 0) {
            expect(drawn).toBe(-1)
            return
          }
          const length = line.reduce((sum, [, weight]) => sum + weight, 0)
          let from = 0
          for (const [slot, weight] of line) {
            if (slot === drawn) {
              // Sums of the same weights in another order differ in their last digits.
              const error = 1e-9 * (total + 1)
              expect(lot * length).toBeGreaterThanOrEqual(from - error)
              expect(lot * length).toBeLessThanOrEqual(from + weight + error)
              return
            }
            from += weight
          }
          expect.fail(`drew ${drawn}, which is nobody's slot`)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('draws without a walk in exact proportion: of all lots, as many for a slot as it weighs', () => {
    const weights = fc.array(fc.nat(6), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(weights, fc.nat(6), fc.integer({ min: -1, max: 40 }), (weights, gone, except) => {
        const tree = new SumTree()
        tree.set(0, gone)
        for (const [slot, weight] of weights.entries()) tree.set(slot, weight)
        const used = weights.findLastIndex((weight) => weight > 0) + 1 || (gone > 0 ? 1 : 0)
        const cells = used * Math.max(gone, ...weights)
        const drawn = new Map<number, number>()
        for (let cell = 0; cell < cells; cell++) {
          const lots = counted(() => (cell + 0.5) / cells)
          const slot = tree.draw(lots, except)
          if (lots.asked === 1) drawn.set(slot, (drawn.get(slot) ?? 0) + 1)
        }
        const expected = weights.map((weight, slot) => [slot, weight] as const)
        expect(drawn).toEqual(new Map(expected.filter(([slot, weight]) => slot !== except && weight > 0)))
      }),
      { numRuns: 300 },
    )
  })

  it('draws after so many refusals by a walk, which finds the only one left of many', () => {
    const tree = new SumTree()
    for (let slot = 0; slot < 5_000; slot++) tree.set(slot, 100)
    for (let slot = 0; slot < 5_000; slot++) if (slot !== 4_321 && slot !== 17) tree.set(slot, 0)
    const lots = counted(seededRandom(3).next)
    for (let i = 0; i < 100; i++) expect(tree.draw(lots, 17)).toBe(4_321)
    expect(lots.asked).toBeLessThanOrEqual(500)
    tree.set(4_321, 0)
    expect(tree.draw(seededRandom(4), 17)).toBe(-1)
  })
})

describe('BoundedMap', () => {
  it('forgets what was written longest ago', () => {
    const map = new BoundedMap<string, number>(2)
    map.set('a', 1)
    map.set('b', 2)
    map.set('a', 3)
    map.set('c', 4)
    expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([3, undefined, 4, 2])
  })

  it('is a map in the order of writing, whatever is written, deleted and forgotten', () => {
    const key = fc.integer({ min: 0, max: 9 })
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('set'), key }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('delete'), key }) },
      fc.record({ do: fc.constant('clear'), key }),
    )
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(step, { maxLength: 60 }),
        fc.boolean(),
        (limit, steps, asks) => {
          const map = new BoundedMap<number, number>(limit)
          let model: [number, number][] = []
          for (const [value, { do: what, key }] of steps.entries()) {
            if (what === 'clear') map.clear()
            else if (what === 'delete') map.delete(key)
            else map.set(key, value)
            model = what === 'clear' ? [] : model.filter(([known]) => known !== key)
            if (what === 'set') model = [...model, [key, value] as [number, number]].slice(-limit)
            expect([...map]).toEqual(model)
            expect(map.size).toBe(model.length)
            if (asks) expect(map.oldest).toEqual(model[0])
            expect(model.every(([known, value]) => map.get(known) === value)).toBe(true)
          }
        },
      ),
    )
  })
})

describe('latencies', () => {
  it('start with the first duration and follow the later ones', () => {
    const first = learnt(undefined, 'quote', 100)
    expect(latencyIn(first, 'quote')).toBe(100)
    expect(latencyIn(learnt(first, 'quote', 200), 'quote')).toBe(120)
    expect(latencyIn(first, 'quote')).toBe(100)
    expect(latencyIn(first, 'report')).toBeUndefined()
  })

  it('are kept of the 64 types learnt last', () => {
    let latencies = learnt(undefined, 'type-0', 1)
    for (let i = 1; i < 100; i++) {
      latencies = learnt(latencies, `type-${i}`, i)
      latencies = learnt(latencies, 'type-0', 1)
    }
    const list = listOfLatencies(latencies)
    expect(list.length).toBe(128)
    expect(list.slice(0, 4)).toEqual(['type-0', 1, 'type-99', 99])
    expect([latencyIn(latencies, 'type-36'), latencyIn(latencies, 'type-37')]).toEqual([undefined, 37])
    expect(listOfLatencies(learnt(latencies, 'type-98', 98)).slice(0, 6)).toEqual([
      'type-98',
      98,
      'type-0',
      1,
      'type-99',
      99,
    ])
  })

  it('are a list in JSON and back', () => {
    for (const list of [[], ['quote', 1], ['quote', 1, 'report', 2.5]])
      expect(listOfLatencies(latenciesFrom(list))).toEqual(list)
  })
})

describe('success rate', () => {
  it('stays in (0, 1], falls with failures, and climbs with successes and time', () => {
    fc.assert(
      fc.property(fc.double({ min: SUCCESS_FLOOR, max: 1, noNaN: true }), fc.nat(10_000_000), (rate, ms) => {
        expect(rated(rate, false)).toBeLessThanOrEqual(rate)
        expect(rated(rate, false)).toBeGreaterThanOrEqual(SUCCESS_FLOOR)
        expect(rated(rate, true)).toBeGreaterThanOrEqual(rate)
        expect(rated(rate, true)).toBeLessThanOrEqual(1)
        expect(recovered(rate, ms)).toBeGreaterThanOrEqual(rate)
        expect(recovered(rate, ms)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('recovers the same in one look or in many, and not backwards', () => {
    expect(recovered(recovered(0.2, 20_000), 40_000)).toBeCloseTo(recovered(0.2, 60_000), 12)
    expect(recovered(0.2, -5_000)).toBe(0.2)
  })

  it('is half way back from the bottom within three minutes, and whole within ten', () => {
    expect(recovered(SUCCESS_FLOOR, 180_000)).toBeGreaterThan(0.5)
    expect(recovered(SUCCESS_FLOOR, 600_000)).toBe(1)
  })
})
