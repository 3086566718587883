/** A timer that has been set and can be taken back. */
export interface Timer {
  /** Takes the timer back. After this its function does not run. Safe to call twice. */
  cancel(): void
}

/**
 * Where batuta gets time from. Nothing else in the library reads a clock or sets a timer, which is what lets the
 * simulation run hours in milliseconds and replay a schedule from its seed.
 */
export interface Clock {
  /** Wall-clock time, milliseconds since the Unix epoch. May jump; compared with nothing but itself. */
  now(): number
  /** Milliseconds since some fixed moment. Never goes back. */
  monotonic(): number
  /** Runs `fn` once after `delayMs` (0 when negative). */
  setTimer(fn: () => void, delayMs: number): Timer
  /** Runs `fn` once all that is under way now has run, before any timer. Absent: a timer of 0 ms. */
  defer?(fn: () => void): void
}

/** The longest delay that a Node timer can hold; a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1

/** The machine's own clock and timers. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(fn, delayMs) {
    let handle: ReturnType<typeof setTimeout>
    const arm = (leftMs: number) => {
      handle =
        leftMs > MAX_DELAY_MS
          ? setTimeout(() => arm(leftMs - MAX_DELAY_MS), MAX_DELAY_MS)
          : setTimeout(fn, Math.max(0, leftMs))
    }
    arm(delayMs)
    return { cancel: () => clearTimeout(handle) }
  },
  defer: (fn) => void setImmediate(fn),
}
