import { describe, expect, it } from 'vitest'
import { ProcessClock } from '../../src/testing/faults/process-clock.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

describe('ProcessClock', () => {
  it('has a wrong wall clock and a right monotonic one', async () => {
    const base = new VirtualClock({ startMs: 1_000 })
    const clock = new ProcessClock(base, { skewMs: -300 })
    await base.advance(50.5)
    expect(clock.now()).toBe(750)
    expect(clock.monotonic()).toBe(50.5)
    clock.skew(2_000)
    expect(clock.now()).toBe(3_050)
  })

  it('stands still while frozen, then does what came due, in order, each settled before the next', async () => {
    const base = new VirtualClock()
    const clock = new ProcessClock(base)
    const seen: string[] = []
    const note = (name: string) => async () => {
      await Promise.resolve()
      seen.push(`${name}@${base.monotonic()}`)
    }
    clock.setTimer(note('a'), 10)
    clock.setTimer(note('b'), 20)
    clock.setTimer(note('c'), 200)
    clock.freeze()
    await base.advance(100)
    expect(seen).toEqual([])
    clock.thaw()
    clock.setTimer(note('d'), 0)
    await base.advance(100)
    expect(seen).toEqual(['a@100', 'b@100', 'd@100', 'c@200'])
    expect(clock.pendingTimers).toBe(0)
  })

  it('lets timers be taken back while they are held', async () => {
    const base = new VirtualClock()
    const clock = new ProcessClock(base)
    const timer = clock.setTimer(() => expect.unreachable(), 10)
    clock.freeze()
    await base.advance(20)
    timer.cancel()
    clock.thaw()
    await base.advance(20)
    expect(clock.pendingTimers).toBe(0)
  })

  it('freezes again before everything overdue has run', async () => {
    const base = new VirtualClock()
    const clock = new ProcessClock(base)
    const seen: number[] = []
    clock.setTimer(() => {
      seen.push(1)
      clock.freeze()
    }, 1)
    clock.setTimer(() => seen.push(2), 2)
    clock.freeze()
    await base.advance(10)
    clock.thaw()
    await base.advance(10)
    expect(seen).toEqual([1])
    clock.thaw()
    await base.advance(10)
    expect(seen).toEqual([1, 2])
  })

  it('never does anything again when killed', async () => {
    const base = new VirtualClock()
    const clock = new ProcessClock(base)
    clock.setTimer(() => expect.unreachable(), 10)
    clock.kill()
    clock.setTimer(() => expect.unreachable(), 10)
    clock.thaw()
    await base.advance(100)
    expect(clock.alive).toBe(false)
    expect(clock.pendingTimers).toBe(0)
  })

  it('runs late when it lags', async () => {
    const base = new VirtualClock()
    const clock = new ProcessClock(base)
    let firedAt = 0
    clock.lag(() => 35)
    clock.setTimer(() => {
      firedAt = base.monotonic()
    }, 10)
    await base.advance(100)
    expect(firedAt).toBe(45)
  })
})
