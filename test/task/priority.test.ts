import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_BOOSTS, PRIORITIES, rankOf } from '../../src/task/priority.js'
import { isTerminal, statusOf, type TaskState } from '../../src/task/task-status.js'

describe('rank', () => {
  it('is the due time less the boost', () => {
    const ranks = PRIORITIES.map((priority) => rankOf(2_000_000, priority, DEFAULT_BOOSTS))
    expect(ranks).toEqual([2_000_000, 1_940_000, 1_700_000, 200_000])
  })

  it('puts the more urgent first among tasks of one moment, and the older first among equals', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.constantFrom(...PRIORITIES), (at, laterMs, priority) => {
        const ranks = PRIORITIES.map((each) => rankOf(at, each, DEFAULT_BOOSTS))
        expect(ranks).toEqual([...ranks].sort((a, b) => b - a))
        expect(rankOf(at, priority, DEFAULT_BOOSTS)).toBeLessThanOrEqual(rankOf(at + laterMs, priority, DEFAULT_BOOSTS))
      }),
    )
  })

  it('ages: whatever waits longer than the difference of the boosts goes before a newer, more urgent one', () => {
    const pair = fc.tuple(fc.constantFrom(...PRIORITIES), fc.constantFrom(...PRIORITIES))
    fc.assert(
      fc.property(fc.nat(), fc.nat(), pair, (at, waitedMs, [old, newer]) => {
        const goesFirst = rankOf(at, old, DEFAULT_BOOSTS) < rankOf(at + waitedMs, newer, DEFAULT_BOOSTS)
        expect(goesFirst).toBe(waitedMs > DEFAULT_BOOSTS[newer] - DEFAULT_BOOSTS[old])
      }),
    )
  })
})

describe('status', () => {
  it('is pending for the three states before a start, and the state itself from then on', () => {
    const all: TaskState[] = ['scheduled', 'waiting', 'ready', 'running', 'completed', 'failed', 'cancelled']
    expect(all.map(statusOf)).toEqual(['pending', 'pending', 'pending', 'running', 'completed', 'failed', 'cancelled'])
    expect(all.filter(isTerminal)).toEqual(['completed', 'failed', 'cancelled'])
  })
})
