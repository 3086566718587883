import { VirtualClock } from 'batuta/testing'

/** A clock that runs along with real time, and can be put forward. */
export interface DemoClock {
  readonly clock: VirtualClock
  /** Runs along until the returned function is called. */
  run(): () => Promise<void>
  /** Puts the clock forward. Nothing may be running: whatever sleeps sleeps through. */
  putForward(ms: number): Promise<void>
}

/** When the machine is busy, this clock falls behind instead of leaping over timeouts. */
const LONGEST_STEP_MS = 100

/** A {@link DemoClock} that starts at this moment. */
export function demoClock(start: Date): DemoClock {
  const clock = new VirtualClock({ startMs: start.getTime() })
  return {
    clock,
    run() {
      let on = true
      const running = (async () => {
        for (let last = performance.now(); on; ) {
          await new Promise((resolve) => setTimeout(resolve, 1))
          const elapsed = Math.floor(performance.now() - last)
          last += elapsed
          await clock.advance(Math.min(elapsed, LONGEST_STEP_MS))
        }
      })()
      return async () => {
        on = false
        await running
      }
    },
    putForward: (ms) => clock.advance(ms),
  }
}
