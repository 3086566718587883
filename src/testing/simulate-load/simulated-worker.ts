import type { Clock } from '../../internal/clock.js'
import type { Random } from '../../internal/random.js'
import { Draw } from '../simulation/draw.js'
import type { SimulatedAgent } from './load-options.js'

/** What a handler may know of the attempt that it works on. */
export interface SimulatedAttempt {
  readonly taskType: string
  /** On an agent of speed 1. */
  readonly serviceMs: number
  readonly counted: boolean
  readonly signal: AbortSignal
}

/** How one agent works, over all nodes, and what it did. */
export class SimulatedWorker {
  readonly id: string
  attempts = 0
  completed = 0
  failed = 0
  busyMs = 0
  readonly slots: number
  readonly #agent: SimulatedAgent
  readonly #clock: Clock
  readonly #random: Random

  constructor(id: string, agent: SimulatedAgent, clock: Clock, seed: number) {
    this.id = id
    this.slots = agent.maxConcurrentTasks ?? 1
    this.#agent = agent
    this.#clock = clock
    this.#random = Draw.of(seed, `failures of ${id}`).random
  }

  /** Does one attempt. @returns a number, or something else when it fails by giving the wrong shape. */
  async work(attempt: SimulatedAttempt): Promise<unknown> {
    const startedMs = this.#clock.monotonic()
    const fails = this.#failureOf(attempt.taskType, startedMs)
    if (attempt.counted) this.attempts++
    try {
      const isHanging = fails?.how === 'hang'
      const ms = isHanging
        ? Number.POSITIVE_INFINITY
        : fails === undefined
          ? this.#durationMs(attempt)
          : (fails.afterMs ?? 5)
      await sleep(this.#clock, ms, attempt.signal)
      if (attempt.counted) {
        if (fails === undefined) this.completed++
        else this.failed++
      }
      if (fails === undefined) return 1
      if (fails.how === 'wrong_shape') return 'not a number'
      throw new Error(`${this.id} is down`)
    } finally {
      if (attempt.counted) this.busyMs += this.#clock.monotonic() - startedMs
    }
  }

  #durationMs({ serviceMs }: SimulatedAttempt): number {
    const { speed = 1, slow } = this.#agent
    const isSlow = slow !== undefined && within(this.#clock.monotonic(), slow)
    return Math.max(1, Math.round((serviceMs / speed) * (isSlow ? slow.factor : 1)))
  }

  #failureOf(taskType: string, nowMs: number): SimulatedAgent['fails'] {
    const { fails } = this.#agent
    if (fails === undefined || !within(nowMs, fails) || (fails.type ?? taskType) !== taskType) return undefined
    return this.#random.next() < (fails.rate ?? 1) ? fails : undefined
  }
}

function within(
  nowMs: number,
  { fromMs = 0, untilMs = Number.POSITIVE_INFINITY }: { fromMs?: number | undefined; untilMs?: number | undefined },
): boolean {
  return nowMs >= fromMs && nowMs < untilMs
}

/** Waits on a clock; rejects at once when the signal is aborted. */
function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      timer.cancel()
      reject(signal.reason)
    }
    const timer = clock.setTimer(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}
