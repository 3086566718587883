import { VirtualClock } from 'batuta/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Agenda } from '../../src/internal/agenda.js'

/** A clock that counts the timers that are set. */
function countingClock() {
  const clock = new VirtualClock()
  let armed = 0
  const setTimer = clock.setTimer.bind(clock)
  clock.setTimer = (fn, delayMs) => {
    armed++
    let isOver = false
    const end = () => {
      if (!isOver) armed--
      isOver = true
    }
    const timer = setTimer(() => {
      end()
      fn()
    }, delayMs)
    return {
      cancel: () => {
        end()
        timer.cancel()
      },
    }
  }
  return { clock, armed: () => armed }
}

describe('Agenda', () => {
  it('does everything in its order and never early, with one timer at most', async () => {
    const entries = fc.array(fc.record({ at: fc.nat(50), again: fc.option(fc.nat(50)) }), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(entries, async (list) => {
        const { clock, armed } = countingClock()
        const agenda = new Agenda(clock)
        const start = clock.monotonic()
        const done: { due: number; at: number }[] = []
        const add = (due: number, again: number | null) =>
          agenda.add(start + due, () => {
            done.push({ due, at: clock.monotonic() - start })
            if (again !== null) add(again, null)
          })
        for (const { at, again } of list) {
          add(at, again)
          expect(armed()).toBe(1)
        }
        await clock.advance(200)
        expect(armed()).toBe(0)
        expect(done.length).toBe(list.length + list.filter(({ again }) => again !== null).length)
        for (const [i, { due, at }] of done.entries()) {
          expect(at).toBeGreaterThanOrEqual(due)
          if (i > 0) expect(at).toBeGreaterThanOrEqual(done[i - 1]?.at as number)
        }
        const first = done.filter(({ due, at }) => due === at).map(({ due }) => due)
        expect(first).toEqual([...first].sort((a, b) => a - b))
      }),
    )
  })

  it('does nothing once it has stopped, and leaves no timer', async () => {
    const { clock, armed } = countingClock()
    const agenda = new Agenda(clock)
    const done: string[] = []
    agenda.add(clock.monotonic() + 10, () => {
      done.push('first')
      agenda.stop()
    })
    agenda.add(clock.monotonic() + 10, () => done.push('second'))
    await clock.advance(100)
    agenda.add(clock.monotonic(), () => done.push('late'))
    await clock.advance(100)
    expect([done, armed()]).toEqual([['first'], 0])
  })
})
