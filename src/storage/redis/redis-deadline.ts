import { realClock, type Timer } from '../../internal/clock.js'

/**
 * Calls `giveUp` unless an answer comes in time and cancels. A process that was busy for long finds its timers due and the
 * answer unread: the answer goes first.
 */
export function deadline(limitMs: number, giveUp: () => void): Timer {
  let isPending = true
  const timer = realClock.setTimer(() => {
    realClock.defer?.(() => {
      if (isPending) giveUp()
    })
  }, limitMs)
  return {
    cancel: () => {
      isPending = false
      timer.cancel()
    },
  }
}
