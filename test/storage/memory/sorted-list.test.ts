import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyOrder } from '../../../src/storage/memory/key-order.js'
import { SortedList } from '../../../src/storage/memory/sorted-list.js'

interface Item {
  readonly key: readonly [number, string]
}

const compare = (a: Item, b: Item) => a.key[0] - b.key[0] || (a.key[1] < b.key[1] ? -1 : a.key[1] > b.key[1] ? 1 : 0)

function all(list: SortedList<Item>): Item[] {
  return [...list.between({ chunk: 0, at: 0 }, list.end)]
}

/** Adds so many items in an order, removes a share of them in another; keeps a plain sorted array beside the list. */
function play(count: number, spread: number, step: number, removed: number): { list: SortedList<Item>; plain: Item[] } {
  const list = new SortedList<Item>(new KeyOrder(), 0, (item) => item.key)
  const items = Array.from({ length: count }, (_, i): Item => {
    const at = (i * step) % count
    return { key: [Math.floor(at / spread), `id${at}`] }
  })
  const unique = [...new Map(items.map((item) => [item.key.join(), item])).values()]
  for (const item of unique) list.add(item, item.key)
  const gone = new Set(unique.filter((_, i) => (i * 31) % 100 < removed))
  for (const item of gone) list.remove(item, item.key)
  return { list, plain: unique.filter((item) => !gone.has(item)).sort(compare) }
}

describe('a sorted list of many chunks', () => {
  it('holds what a sorted array holds, wherever it is filled and emptied', () => {
    const plays = fc.record({
      count: fc.integer({ min: 0, max: 6_000 }),
      spread: fc.integer({ min: 1, max: 50 }),
      // 1 fills at the end, count - 1 at the front, others all over.
      step: fc.constantFrom(1, 5_999, 7, 613, 1_021),
      removed: fc.integer({ min: 0, max: 100 }),
    })
    fc.assert(
      fc.property(plays, ({ count, spread, step, removed }) => {
        const { list, plain } = play(count, spread, step, removed)
        expect(all(list)).toEqual(plain)
        expect([...list.backwards({ chunk: 0, at: 0 }, list.end)]).toEqual([...plain].reverse())
        expect(list.isEmpty).toBe(plain.length === 0)
        for (const edge of [-1, 0, 3, Math.floor(count / spread / 2), count]) {
          const from = list.partition((key) => (key[0] as number) < edge)
          const to = list.partition((key) => (key[0] as number) <= edge + 2)
          const expected = plain.filter((item) => item.key[0] >= edge && item.key[0] <= edge + 2)
          expect([...list.between(from, to)]).toEqual(expected)
          expect([...list.backwards(from, to)]).toEqual([...expected].reverse())
          expect(list.countBetween(from, to)).toBe(expected.length)
          expect(list.countBetween(to, from)).toBe(0)
        }
      }),
      { numRuns: 40 },
    )
  })

  it('empties from the front, the end and the middle', () => {
    for (const order of [(i: number) => i, (i: number) => 2_999 - i, (i: number) => (i * 7 + 1_500) % 3_000]) {
      const list = new SortedList<Item>(new KeyOrder(), 0, (item) => item.key)
      const items = Array.from({ length: 3_000 }, (_, i): Item => ({ key: [i, ''] }))
      for (const item of items) list.add(item, item.key)
      for (let i = 0; i < items.length; i++) {
        const item = items[order(i)] as Item
        list.remove(item, item.key)
        if (i % 500 === 0) expect(all(list).length).toBe(items.length - i - 1)
      }
      expect(list.isEmpty).toBe(true)
    }
  })
})

describe('the order of keys', () => {
  it('is that of UTF-8 bytes, also for texts that come before the first one with high characters', () => {
    const texts = fc.uniqueArray(fc.string({ unit: 'grapheme', maxLength: 4 }), { maxLength: 60 })
    fc.assert(
      fc.property(texts, (ids) => {
        const order = new KeyOrder()
        const list = new SortedList<{ key: string[] }>(order, 0, (item) => item.key)
        for (const id of ids) {
          order.note(id)
          list.add({ key: [id] }, [id])
        }
        const sorted = [...ids].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        expect([...list.between({ chunk: 0, at: 0 }, list.end)].map((item) => item.key[0])).toEqual(sorted)
      }),
    )
  })
})
