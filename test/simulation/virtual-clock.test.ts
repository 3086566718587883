import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/internal/random.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

const sleep = (clock: VirtualClock, ms: number) => new Promise<void>((resolve) => clock.setTimer(resolve, ms))

describe('VirtualClock', () => {
  it('fires timers in time order, those of one moment in the order they were set', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 40 }), async (delays) => {
        const clock = new VirtualClock()
        const fired: { at: number; index: number }[] = []
        delays.forEach((delay, index) => {
          clock.setTimer(() => fired.push({ at: clock.monotonic(), index }), delay)
        })
        await clock.advance(20)
        const expected = delays.map((at, index) => ({ at, index })).sort((a, b) => a.at - b.at || a.index - b.index)
        expect(fired).toEqual(expected)
        expect(clock.pendingTimers).toBe(0)
      }),
      { numRuns: 50 },
    )
  })

  it('lets promise jobs settle fully before the next timer, however deep they go', async () => {
    const clock = new VirtualClock()
    const seen: string[] = []
    clock.setTimer(async () => {
      for (let i = 0; i < 100; i++) await Promise.resolve()
      await new Promise<void>((resolve) => process.nextTick(resolve))
      seen.push(`first at ${clock.monotonic()}`)
    }, 5)
    clock.setTimer(() => seen.push('second'), 5)
    await clock.advance(5)
    expect(seen).toEqual(['first at 5', 'second'])
  })

  it('fires timers that timers set, if they are due in time, and leaves the others', async () => {
    const clock = new VirtualClock({ startMs: 1_000 })
    let steps = 0
    const again = () => {
      steps++
      clock.setTimer(again, 10)
    }
    again()
    await clock.advance(35)
    expect(steps).toBe(4)
    expect(clock.now()).toBe(1_035)
    expect(clock.pendingTimers).toBe(1)
  })

  it('does not fire a timer that was taken back, even by a timer of the same moment', async () => {
    const clock = new VirtualClock()
    let fired = false
    clock.setTimer(() => victim.cancel(), 5)
    const victim = clock.setTimer(() => {
      fired = true
    }, 5)
    await clock.advance(10)
    victim.cancel()
    expect(fired).toBe(false)
    expect(clock.pendingTimers).toBe(0)
  })

  it('shuffles the timers of one moment by seed, the same way for the same seed', async () => {
    const orderFor = async (seed: number) => {
      const clock = new VirtualClock({ random: seededRandom(seed) })
      const order: number[] = []
      for (let i = 0; i < 8; i++) clock.setTimer(() => order.push(i), 3)
      clock.setTimer(() => order.push(-1), 2)
      await clock.advance(3)
      return order.join()
    }
    expect(await orderFor(7)).toBe(await orderFor(7))
    const orders = new Set(await Promise.all([1, 2, 3, 4, 5].map(orderFor)))
    expect(orders.size).toBeGreaterThan(1)
    for (const order of orders) expect(order.startsWith('-1')).toBe(true)
  })

  it('runs until a promise settles and gives its value or its error', async () => {
    const clock = new VirtualClock()
    expect(await clock.runUntil(sleep(clock, 500).then(() => 'done'))).toBe('done')
    expect(clock.monotonic()).toBe(500)
    await expect(clock.runUntil(sleep(clock, 1).then(() => Promise.reject(new Error('no'))))).rejects.toThrow('no')
  })

  it('runs until a condition holds, and says so when it never will', async () => {
    const clock = new VirtualClock()
    let count = 0
    const tick = () => {
      count++
      clock.setTimer(tick, 100)
    }
    tick()
    await clock.runUntil(() => count === 4)
    expect(clock.monotonic()).toBe(300)
    await expect(clock.runUntil(() => false, { limitMs: 1_000 })).rejects.toThrow(/still waiting/)
  })

  it('waits for work outside of it when no timer is left', async () => {
    const clock = new VirtualClock()
    const outside = new Promise<string>((resolve) => setTimeout(() => resolve('read'), 20))
    expect(await clock.runUntil(outside)).toBe('read')
    expect(clock.monotonic()).toBe(0)
  })

  it('passes on what a timer throws, and refuses to be driven from two places', async () => {
    const clock = new VirtualClock()
    clock.setTimer(() => {
      throw new Error('boom')
    }, 5)
    await expect(clock.advance(10)).rejects.toThrow('boom')
    expect(clock.monotonic()).toBe(5)
    const first = clock.advance(10)
    await expect(clock.advance(10)).rejects.toThrow(/already running/)
    await first
    expect(clock.monotonic()).toBe(15)
  })

  it('runs what is deferred after all promise jobs and before any timer, without being driven', async () => {
    const clock = new VirtualClock()
    const seen: string[] = []
    await new Promise<void>((resolve) => clock.defer(resolve))
    clock.setTimer(() => {
      clock.setTimer(() => seen.push('timer'), 0)
      void Promise.resolve().then(() =>
        clock.defer(() => {
          seen.push('deferred')
          clock.defer(() => seen.push('again'))
        }),
      )
      void Promise.resolve().then(() => seen.push('job'))
    }, 1)
    await clock.advance(1)
    expect(seen).toEqual(['job', 'deferred', 'again', 'timer'])
  })

  it('never fires a timer without an end', async () => {
    const clock = new VirtualClock()
    const timer = clock.setTimer(() => expect.unreachable(), Number.POSITIVE_INFINITY)
    await clock.advance(1e9)
    expect(clock.pendingTimers).toBe(1)
    timer.cancel()
    expect(clock.pendingTimers).toBe(0)
  })
})
