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

class RealTimer implements Timer {
  #handle: ReturnType<typeof setTimeout>

  constructor(fn: () => void, delayMs: number) {
    this.#handle = delayMs > MAX_DELAY_MS ? this.#inStages(fn, delayMs) : setTimeout(fn, Math.max(0, delayMs))
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }

  #inStages(fn: () => void, leftMs: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => {
      this.#handle =
        leftMs > 2 * MAX_DELAY_MS ? this.#inStages(fn, leftMs - MAX_DELAY_MS) : setTimeout(fn, leftMs - MAX_DELAY_MS)
    }, MAX_DELAY_MS)
  }
}

/** The machine's own clock and timers. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (fn, delayMs) => new RealTimer(fn, delayMs),
  defer: (fn) => void setImmediate(fn),
}

/** As `clock.defer`, also with a clock that has none. */
export function defer(clock: Clock, fn: () => void): void {
  if (clock.defer === undefined) clock.setTimer(fn, 0)
  else clock.defer(fn)
}
