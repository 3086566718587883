import type { Clock, Timer } from '../../internal/clock.js'
import type { LimitHold } from '../../task/agent.js'
import type { LimitOptions } from '../../task/limits.js'
import { type Amount, NOTHING } from './amount.js'
import type { Rate } from './rate.js'
import { SpendWindow } from './spend-window.js'
import { StartWindow } from './start-window.js'

/** Why a gate is shut. */
export type ShutReason = 'rate_limited' | 'over_budget'

/**
 * Told when a gate shuts, or is shut for another reason or another time than before, and when it opens.
 * @param opensInMs - `undefined` when that is for an attempt under way to say.
 */
export type OnTurn = (
  reason: ShutReason | undefined,
  wasReason: ShutReason | undefined,
  opensInMs: number | undefined,
) => void

/**
 * The limits of one agent instance, or of one task type, on this node. It is open while one more attempt may start, and says
 * so when that changes: a timer, the only one, opens it at the very moment when the next permit or enough of the budget is
 * free. Its times are monotonic milliseconds.
 */
export class Gate {
  readonly #clock: Clock
  readonly #rate: Rate | undefined
  readonly #spend: SpendWindow | undefined
  readonly #onTurn: OnTurn
  #reason: ShutReason | undefined
  #opensAt = 0
  /** What the attempt that found it shut may cost. */
  #need = NOTHING
  #timer: Timer | undefined
  #isStopped = false

  /** @param shared - makes the rate that holds over all nodes, given whom to tell when permits come. */
  constructor(clock: Clock, limits: LimitOptions, onTurn: OnTurn, shared?: (changed: () => void) => Rate) {
    this.#clock = clock
    this.#rate = shared?.(() => this.#look()) ?? (limits.rateLimit && new StartWindow(limits.rateLimit))
    this.#spend = limits.budget && new SpendWindow(limits.budget)
    this.#onTurn = onTurn
  }

  /** Why nothing may start now; `undefined` when something may. */
  get reason(): ShutReason | undefined {
    return this.#reason
  }

  /** When it opens; `undefined` when that is for an attempt under way to say. */
  get opensAt(): number | undefined {
    return Number.isFinite(this.#opensAt) ? this.#opensAt : undefined
  }

  /** For those who look on: what it holds back, and until when by the wall clock. */
  view(): LimitHold | undefined {
    if (this.#reason === undefined) return undefined
    const at = this.opensAt
    if (at === undefined) return { reason: this.#reason }
    return { reason: this.#reason, until: new Date(this.#clock.now() + Math.ceil(at - this.#clock.monotonic())) }
  }

  /** Whether an attempt that may cost so much may start now. It shuts until that one may. */
  admits(need: Amount): boolean {
    if (this.#reason !== undefined) return false
    if (this.#spend === undefined && this.#rate?.isShared !== true) return true
    this.#need = need
    this.#look(true)
    return this.#reason === undefined
  }

  /** An attempt is dispatched. */
  take(need: Amount): void {
    this.#rate?.take()
    this.#spend?.hold(need)
    this.#need = NOTHING
    this.#look()
  }

  /** Whether a handler that was dispatched may start: the permit may have ended before its claim was committed. */
  get mayStart(): boolean {
    return this.#rate?.mayStart(this.#clock.monotonic()) ?? true
  }

  /** Its handler starts. */
  started(): void {
    if (this.#rate === undefined) return
    this.#rate.started(this.#clock.monotonic())
    // Until now nobody could say when the next permit comes.
    if (this.#reason !== undefined && this.#timer === undefined) this.#look()
  }

  /** It reports that it costs more than was reserved. */
  hold(more: Amount): void {
    if (this.#spend === undefined) return
    this.#spend.hold(more)
    this.#look()
  }

  /** It is over. @param hasStarted - whether its handler ever started: if not, it never was. */
  ended(held: Amount, cost: Amount, hasStarted: boolean): void {
    if (!hasStarted) this.#rate?.untake()
    else if (this.#spend === undefined) return
    this.#spend?.settle(held, cost, this.#clock.monotonic())
    this.#look()
  }

  /** From now on it neither shuts nor opens, and has no timer. */
  stop(): void {
    this.#isStopped = true
    this.#rate?.stop()
    this.#timer?.cancel()
  }

  /** @param isWanted - an attempt waits for the answer. */
  #look(isWanted = this.#reason !== undefined): void {
    if (this.#isStopped) return
    const now = this.#clock.monotonic()
    // Permits that are asked for when nobody wants them are missing elsewhere.
    const isAsked = this.#rate !== undefined && (isWanted || !this.#rate.isShared)
    const rateAt = isAsked ? (this.#rate?.opensAt(now) ?? now) : now
    const spendAt = this.#spend?.opensAt(now, this.#need) ?? now
    const at = Math.max(now, rateAt, spendAt)
    const reason = at === now ? undefined : spendAt > rateAt ? 'over_budget' : 'rate_limited'
    const was = this.#reason
    if (reason === was && (reason === undefined || at === this.#opensAt)) return
    this.#reason = reason
    this.#opensAt = at
    this.#timer?.cancel()
    this.#timer = undefined
    if (reason === undefined) this.#need = NOTHING
    else if (Number.isFinite(at)) this.#timer = this.#clock.setTimer(this.#due, at - now)
    this.#onTurn(reason, was, Number.isFinite(at) ? at - now : undefined)
  }

  /** Timers may fire a little early: then it looks once more. */
  readonly #due = (): void => {
    this.#timer = undefined
    this.#opensAt = Number.NaN
    this.#look()
  }
}
