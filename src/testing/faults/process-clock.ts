import { type Clock, defer, type Timer } from '../../internal/clock.js'

/** How a {@link ProcessClock} differs from the clock under it. */
export interface ProcessClockOptions {
  /** Added to `now()`: a machine whose wall clock is wrong. Milliseconds, default 0. */
  readonly skewMs?: number | undefined
}

interface Held {
  fn: (() => void) | undefined
  timer?: Timer
}

/**
 * The clock of one simulated process over a shared one: its wall clock may be wrong, it may run late, stand still for a
 * while (SIGSTOP) or die. Everything that reaches the process from outside must come through a timer of this clock;
 * then a frozen process does nothing, and a killed one never does anything again.
 */
export class ProcessClock implements Clock {
  readonly #base: Clock
  readonly #pending = new Set<Held>()
  #skewMs: number
  #lagMs: () => number = () => 0
  #state: 'running' | 'frozen' | 'killed' = 'running'
  /** Timers that came due while frozen, or wait for their turn after that, in the order in which they came due. */
  #overdue: Held[] = []
  #releasing = false

  constructor(base: Clock, options: ProcessClockOptions = {}) {
    this.#base = base
    this.#skewMs = options.skewMs ?? 0
  }

  /** Whether the process is alive, frozen included. */
  get alive(): boolean {
    return this.#state !== 'killed'
  }

  get frozen(): boolean {
    return this.#state === 'frozen'
  }

  /** Timers that are set and have not fired: after a clean shutdown there is none. */
  get pendingTimers(): number {
    return this.#pending.size
  }

  /** Whole milliseconds, as `Date.now()` gives. */
  now(): number {
    return Math.floor(this.#base.now() + this.#skewMs)
  }

  monotonic(): number {
    return this.#base.monotonic()
  }

  setTimer(fn: () => void, delayMs: number): Timer {
    const held: Held = { fn }
    if (this.#state === 'killed') return { cancel: () => undefined }
    this.#pending.add(held)
    held.timer = this.#base.setTimer(() => this.#due(held), Math.max(0, delayMs) + this.#lagMs())
    return { cancel: () => this.#drop(held) }
  }

  /** Not counted among the timers: it runs before time passes, unless the process is frozen. */
  defer(fn: () => void): void {
    const run = () => {
      if (this.#state === 'killed') return
      if (this.#state === 'frozen') this.#overdue.push({ fn })
      else fn()
    }
    defer(this.#base, run)
  }

  /** Sets the wall clock wrong by this much from now on. */
  skew(skewMs: number): void {
    this.#skewMs = skewMs
  }

  /** Makes every timer set from now on late by what the function says, in milliseconds: a process short of CPU. */
  lag(lagMs: () => number): void {
    this.#lagMs = lagMs
  }

  /** Stands still: no timer fires until `thaw`. */
  freeze(): void {
    if (this.#state === 'running') this.#state = 'frozen'
  }

  /** Goes on: what came due meanwhile fires now, in order. */
  thaw(): void {
    if (this.#state !== 'frozen') return
    this.#state = 'running'
    this.#release()
  }

  /** Dies: no timer fires any more, and none can be set. */
  kill(): void {
    this.#state = 'killed'
    for (const held of this.#pending) this.#drop(held)
    this.#overdue = []
  }

  #due(held: Held): void {
    if (this.#state === 'killed') return
    if (this.#state === 'frozen' || this.#overdue.length > 0) this.#overdue.push(held)
    else this.#fire(held)
  }

  /** One at a time through the base clock, so that what each one starts settles before the next. */
  #release(): void {
    if (this.#releasing) return
    this.#releasing = true
    this.#base.setTimer(() => {
      this.#releasing = false
      if (this.#state !== 'running') return
      const held = this.#overdue.shift()
      if (this.#overdue.length > 0) this.#release()
      if (held !== undefined) this.#fire(held)
    }, 0)
  }

  #fire(held: Held): void {
    const fn = held.fn
    this.#drop(held)
    fn?.()
  }

  #drop(held: Held): void {
    held.fn = undefined
    held.timer?.cancel()
    this.#pending.delete(held)
  }
}
