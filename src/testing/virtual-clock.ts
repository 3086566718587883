import type { Clock, Timer } from '../internal/clock.js'
import { Heap } from '../internal/heap.js'
import type { Random } from '../internal/random.js'

/** How a {@link VirtualClock} starts. */
export interface VirtualClockOptions {
  /** What `now()` says at first, in milliseconds since the Unix epoch. Default 2026-01-01T00:00:00Z. */
  readonly startMs?: number | undefined
  /**
   * Draws the order of timers that are due at the same millisecond; a seeded one explores orders that a real machine
   * might take and replays them by seed. Default: in the order in which they were set.
   */
  readonly random?: Random | undefined
}

/** When to give up waiting. */
export interface RunUntilOptions {
  /** Virtual milliseconds after which `runUntil` rejects. Default one hour. */
  readonly limitMs?: number | undefined
}

interface Entry {
  readonly atMs: number
  readonly tie: number
  readonly order: number
  fn: (() => void) | undefined
}

const DEFAULT_START_MS = Date.UTC(2026, 0, 1)
const HOUR_MS = 3_600_000
/** Real milliseconds that work outside this clock (a file, a module being loaded) gets when nothing else is left to do. */
const OUTSIDE_WORK_MS = 5_000

/** Taken at import, so that a test runner's fake timers don't stop this clock. */
const immediately = setImmediate
const afterRealMs = setTimeout
const realNowMs = () => performance.now()

/**
 * A clock that moves only when told, for tests of anything that waits: an hour of backoffs passes in milliseconds, and
 * always in the same way. Give it to whatever takes a `clock`, then `advance` it.
 *
 * @example
 * const clock = new VirtualClock()
 * const app = await createOrchestrator({ clock })
 * await clock.advance(60_000)
 */
export class VirtualClock implements Clock {
  readonly #startMs: number
  readonly #random: Random | undefined
  readonly #timers = new Heap<Entry>((a, b) =>
    a.atMs !== b.atMs ? a.atMs < b.atMs : a.tie !== b.tie ? a.tie < b.tie : a.order < b.order,
  )
  #nowMs: number
  #order = 0
  #pending = 0
  #running = false
  /** Functions deferred that have not run. */
  #deferred = 0

  constructor(options: VirtualClockOptions = {}) {
    this.#startMs = options.startMs ?? DEFAULT_START_MS
    this.#nowMs = this.#startMs
    this.#random = options.random
  }

  /** Virtual milliseconds since the Unix epoch. */
  now(): number {
    return this.#nowMs
  }

  /** Virtual milliseconds since this clock was made. */
  monotonic(): number {
    return this.#nowMs - this.#startMs
  }

  /** How many timers are set and neither fired nor taken back. */
  get pendingTimers(): number {
    return this.#pending
  }

  /** Sets a timer. A delay that is not finite never ends. */
  setTimer(fn: () => void, delayMs: number): Timer {
    const entry: Entry = {
      atMs: this.#nowMs + (Number.isNaN(delayMs) ? 0 : Math.max(0, delayMs)),
      tie: this.#random?.next() ?? 0,
      order: this.#order++,
      fn,
    }
    this.#pending++
    if (Number.isFinite(entry.atMs)) this.#timers.push(entry)
    return {
      cancel: () => {
        if (entry.fn === undefined) return
        entry.fn = undefined
        this.#pending--
      },
    }
  }

  /**
   * Lets everything that is under way without a timer come to rest: all promise jobs run, also those that they start.
   * Work that waits for the real world (a file, a socket) is not waited for.
   */
  async settle(): Promise<void> {
    // The event loop takes up an immediate only when no promise job is left, so one turn is a full drain.
    do await new Promise<void>((resolve) => void immediately(resolve))
    while (this.#deferred > 0)
  }

  /** Runs `fn` when all promise jobs of now are done, before any timer: without time passing. */
  defer(fn: () => void): void {
    this.#deferred++
    immediately(() => {
      this.#deferred--
      fn()
    })
  }

  /**
   * Moves time on by `ms`, firing timers in order; between two timers everything settles.
   * @throws what a timer's function throws; time then stands where that timer was due.
   */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    await this.#exclusively(async () => {
      await this.settle()
      while (await this.#fireNext(endMs)) {}
      this.#nowMs = endMs
    })
  }

  /**
   * Fires timers in order until the promise settles or the condition holds; time stops there. Gives what the promise
   * gives. A condition is asked after each timer.
   * @throws what the promise rejects with, and an error when nothing is left that could still make it happen or
   * `limitMs` is over.
   */
  async runUntil<T>(until: PromiseLike<T> | (() => boolean), options: RunUntilOptions = {}): Promise<T | undefined> {
    const limitMs = this.#nowMs + (options.limitMs ?? HOUR_MS)
    const outcome = observe(until)
    await this.#exclusively(async () => {
      await this.settle()
      while (!outcome.done()) {
        if (await this.#fireNext(limitMs)) continue
        if (this.#peekLive() !== undefined) {
          throw new Error(`VirtualClock: still waiting after ${limitMs - this.#startMs} virtual ms; raise limitMs`)
        }
        await this.#waitForOutsideWork(outcome.done)
      }
    })
    return outcome.value()
  }

  async #waitForOutsideWork(done: () => boolean): Promise<void> {
    const giveUpMs = realNowMs() + OUTSIDE_WORK_MS
    while (!done() && this.#peekLive() === undefined) {
      if (realNowMs() > giveUpMs)
        throw new Error('VirtualClock: nothing is left to run, and what was awaited has not happened')
      await new Promise((resolve) => afterRealMs(resolve, 1))
    }
  }

  async #exclusively(body: () => Promise<void>): Promise<void> {
    if (this.#running) throw new Error('VirtualClock: already running; await the earlier advance() or runUntil() first')
    this.#running = true
    try {
      await body()
    } finally {
      this.#running = false
    }
  }

  #peekLive(): Entry | undefined {
    for (;;) {
      const next = this.#timers.peek()
      if (next === undefined || next.fn !== undefined) return next
      this.#timers.pop()
    }
  }

  async #fireNext(untilMs: number): Promise<boolean> {
    const next = this.#peekLive()
    if (next?.fn === undefined || next.atMs > untilMs) return false
    this.#timers.pop()
    this.#nowMs = next.atMs
    const fn = next.fn
    next.fn = undefined
    this.#pending--
    fn()
    await this.settle()
    return true
  }
}

/** Watches a promise, or asks a condition, without leaving a rejection unhandled. */
function observe<T>(until: PromiseLike<T> | (() => boolean)): { done(): boolean; value(): T | undefined } {
  if (typeof until === 'function') return { done: until, value: () => undefined }
  let state: 'waiting' | 'fulfilled' | 'rejected' = 'waiting'
  let result: T | undefined
  let reason: unknown
  until.then(
    (value) => {
      state = 'fulfilled'
      result = value
    },
    (error) => {
      state = 'rejected'
      reason = error
    },
  )
  return {
    done: () => state !== 'waiting',
    value: () => {
      if (state === 'rejected') throw reason
      return result
    },
  }
}
