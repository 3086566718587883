import { describe, expect, it } from 'vitest'
import { judgeFlatness } from './flatness.js'
import { boundOf, type SoakReport, soak } from './soak.js'
import { SOAK_STORES } from './stores.js'

async function shortSoak(name: string, keepMs: number, emptyWithinMs: number): Promise<SoakReport> {
  const store = await SOAK_STORES[name]?.(undefined)
  if (store === undefined) throw new Error(`no store ${name}`)
  const times = { keepMs, emptyWithinMs, durationMs: 8_000, judgedFromMs: 4_000, sampleMs: 400 }
  try {
    return await soak({ store, perSecond: 150, ...times })
  } finally {
    await store.close()
  }
}

describe.each(['memory', 'sqlite'])('a short soak on %s', (name) => {
  it('goes well, and leaves nothing behind', async () => {
    const report = await shortSoak(name, 1_500, 20_000)
    expect(report.problems).toEqual([])
    expect(report.leftBehind).toEqual({})
    expect(report.done.size).toBeGreaterThan(10)
  }, 60_000)
})

it('a soak that keeps everything is found to grow', async () => {
  const report = await shortSoak('memory', 600_000, 0)
  expect(report.findings.find(({ measure }) => measure === 'task records')?.isFlat).toBe(false)
  expect(Object.keys(report.leftBehind)).toEqual(
    expect.arrayContaining(['message records', 'session records', 'task records', 'turn records']),
  )
}, 60_000)

describe('flatness', () => {
  const samples = (valueAt: (i: number) => number) =>
    Array.from({ length: 40 }, (_, i) => ({ atMs: i * 1_000, values: { heap: valueAt(i) } }))
  const judged = (valueAt: (i: number) => number) => judgeFlatness(samples(valueAt), 20_000, boundOf)[0]
  const MB = 1024 * 1024

  it('is what swings, falls, or grew at the beginning only', () => {
    expect(judged((i) => 50 * MB + (i % 5) * 2 * MB)?.isFlat).toBe(true)
    expect(judged((i) => Math.max(50, 90 - i) * MB)?.isFlat).toBe(true)
    expect(judged((i) => Math.min(i, 20) * 5 * MB)?.isFlat).toBe(true)
    expect(judged((i) => (i === 39 ? 500 : 50) * MB)?.isFlat).toBe(true)
  })

  it('is not what rises, however it swings', () => {
    const rising = judged((i) => 50 * MB + i * 0.3 * MB + (i % 5) * MB)
    expect(rising).toMatchObject({ isFlat: false })
    expect(rising?.rise).toBeGreaterThan(4 * MB)
  })

  it('leaves room for chance where records come by chance: more for many, a smaller part of them', () => {
    const rising = (mean: number, rise: number) =>
      judgeFlatness(
        Array.from({ length: 40 }, (_, i) => ({ atMs: i * 1_000, values: { 'task records': mean + (rise * i) / 19 } })),
        20_000,
        boundOf,
      )[0]?.isFlat
    expect([rising(500, 80), rising(500, 120)]).toEqual([true, false])
    expect([rising(5_000, 450), rising(5_000, 650)]).toEqual([true, false])
    expect([rising(10, 25), rising(10, 35)]).toEqual([true, false])
  })

  it('can not be told from a few samples', () => {
    expect(() => judgeFlatness(samples(() => 1).slice(0, 24), 20_000, boundOf)).toThrow('Only 4 samples')
  })
})
