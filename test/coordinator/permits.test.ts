import { describe, expect, it } from 'vitest'
import { Permits, permitIdOf } from '../../src/coordinator/limits/permits.js'
import { seededRandom } from '../../src/internal/random.js'

/** Permits over records that the test sets by hand. */
function world() {
  const records = new Set<string>()
  const node = {
    random: seededRandom(3),
    readMany: async (_kind: string, ids: readonly string[]) => ids.map((id) => (records.has(id) ? { id } : undefined)),
  }
  return { records, permits: new Permits(node as never) }
}

describe('permits', () => {
  it('are guessed, each once, until all are taken', () => {
    const { permits } = world()
    const ids = Array.from({ length: 4 }, () => permits.guess('t', 4)?.id)
    expect(ids.toSorted()).toEqual([0, 1, 2, 3].map((n) => permitIdOf('t', n)))
    expect(permits.isSpent('t')).toBe(true)
    expect(permits.guess('t', 4)).toBeUndefined()
    expect(permits.guess('other', 1)).toBeDefined()
  })

  it('are there again when given back, and open the lanes of their type', () => {
    const { permits } = world()
    const permit = permits.guess('a/b', 1)
    permits.shut('lane 1', 'a/b')
    permits.shut('lane 2', 'a/b')
    permits.shut('lane 3', 'other')
    expect([...permits.awaited].toSorted()).toEqual(['a/b', 'a/b', 'other'])
    expect(permits.free('a/b', permit?.id ?? '')).toEqual(['lane 1', 'lane 2'])
    expect(['lane 1', 'lane 2', 'lane 3'].map((lane) => permits.isShut(lane))).toEqual([false, false, true])
    expect(permits.guess('a/b', 1)).toEqual(permit)
  })

  it('believe the records when they look: what others took and gave back', async () => {
    const { permits, records } = world()
    permits.guess('t', 2)
    permits.guess('t', 2)
    permits.shut('lane', 't')
    for (const n of [0, 1]) records.add(permitIdOf('t', n))
    expect(await permits.refresh(['t', 'unknown'])).toEqual([])
    expect(permits.isShut('lane')).toBe(true)
    records.delete(permitIdOf('t', 1))
    expect(await permits.refresh(['t', 't'])).toEqual(['lane'])
    expect(permits.guess('t', 2)?.n).toBe(1)
  })

  it('keep to what is taken when a definition comes back with another limit', () => {
    const { permits } = world()
    const taken = [permits.guess('t', 2)?.n, permits.guess('t', 2)?.n]
    const more = [permits.guess('t', 4)?.n, permits.guess('t', 4)?.n]
    expect([...taken, ...more].toSorted()).toEqual([0, 1, 2, 3])
    expect(permits.guess('t', 3)).toBeUndefined()
    expect(permits.isSpent('t')).toBe(true)
    permits.free('t', permitIdOf('t', 3))
    expect(permits.isSpent('t')).toBe(true)
  })
})
