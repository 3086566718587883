import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LEAST_SHARE, SlowStart } from '../../../src/router/health/slow-start.js'
import { InstanceLoad } from '../../../src/router/instance-load.js'
import { Roster } from '../../../src/router/roster.js'

const loadOf = (weight = 1) => {
  const load = new InstanceLoad({ instanceId: 'i', agentId: 'a' })
  load.weigh(weight)
  return load
}

it('grows evenly from a tenth to the whole, never back, and ends', () => {
  const times = fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(times, fc.integer({ min: 1, max: 10_000 }), fc.constantFrom(0.5, 1, 8), (steps, ms, weight) => {
      const slow = new SlowStart(ms)
      const load = loadOf(weight)
      slow.begin(load, 1_000)
      expect(load.weight).toBe(weight * LEAST_SHARE)
      let now = 1_000
      for (const step of steps) {
        const before = load.weight
        now += step
        slow.recover(now)
        expect(load.weight).toBeGreaterThanOrEqual(before)
        expect(load.weight).toBeCloseTo(weight * Math.min(1, Math.max(LEAST_SHARE, (now - 1_000) / ms)))
        expect([slow.size, slow.endOf(load)]).toEqual(now - 1_000 >= ms ? [0, undefined] : [1, 1_000 + ms])
      }
      slow.recover(now + ms)
      expect([load.weight, slow.size]).toEqual([weight, 0])
    }),
  )
})

it('begins again in the middle without losing the full weight, and may be off', () => {
  const slow = new SlowStart(100)
  const load = loadOf(4)
  slow.begin(load, 0)
  slow.recover(50)
  slow.begin(load, 60)
  expect(load.weight).toBe(0.4)
  slow.recover(160)
  expect(load.weight).toBe(4)
  const off = new SlowStart(0)
  off.begin(load, 0)
  expect([load.weight, off.size]).toEqual([4, 0])
})

it('moves on when a roster is asked to heal, and ends with its instance', () => {
  const roster = new Roster(10_000)
  const load = roster.add({ instanceId: 'i', agentId: 'a' })
  expect(roster.recovering).toBe(false)
  roster.slowStart.begin(load, 0)
  expect(roster.recovering).toBe(true)
  roster.recover(5_000)
  expect(load.weight).toBe(0.5)
  roster.remove(load)
  expect([roster.recovering, roster.slowStart.size]).toEqual([false, 0])
})
