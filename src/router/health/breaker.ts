import type { HealthSettings } from './health-options.js'
import { OutcomeWindow } from './outcome-window.js'

/** `open`: no tasks; `half_open`: one task tries whether it works again. */
export type BreakerState = 'closed' | 'open' | 'half_open'

/** How an attempt went: `neutral` is neither the agent's merit nor its fault. */
export type Verdict = 'success' | 'failure' | 'neutral'

/**
 * Keeps one agent instance from tasks of one type that it fails at. Closed, it counts outcomes; a failure that brings
 * the rate of failures to the limit opens it. Open, it ignores what still comes in. After a time it is half open, and
 * exactly one attempt, the probe, is let through: success closes it, failure opens it again, and a probe that says
 * nothing either way (released, cancelled, lost) is given again. Each that fails doubles the time. It decides; letting through or not is up to others.
 */
export class Breaker {
  state: BreakerState = 'closed'
  /** Until when it is open: monotonic milliseconds. */
  openUntil = 0
  /** The attempt that tries, by its token. */
  probe: string | undefined
  /** What was in the window when it opened last. */
  calls = 0
  failures = 0
  readonly #window: OutcomeWindow
  /** Since it was closed. */
  #probesFailed = 0

  constructor(
    readonly taskType: string,
    private readonly settings: NonNullable<HealthSettings['breaker']>,
  ) {
    this.#window = new OutcomeWindow(settings.maxCalls, settings.windowMs)
  }

  /** Whether nobody is let through now. */
  get blocks(): boolean {
    return this.state === 'open' || (this.state === 'half_open' && this.probe !== undefined)
  }

  /** An attempt was let through. @returns whether it is the probe: nobody else is let through for now. */
  assigned(token: string): boolean {
    if (this.state !== 'half_open' || this.probe !== undefined) return false
    this.probe = token
    return true
  }

  /** An attempt has ended. @returns whether whom it lets through has changed. */
  settled(token: string, verdict: Verdict, now: number): boolean {
    if (this.state === 'closed') return verdict !== 'neutral' && this.#counted(verdict === 'failure', now)
    if (this.probe !== token) return false
    this.probe = undefined
    if (verdict === 'success') this.close()
    if (verdict !== 'failure') return true
    this.#probesFailed++
    this.#open(now)
    return true
  }

  /** Time has passed. @returns whether it is now half open, and was open before. */
  due(now: number): boolean {
    if (this.state !== 'open' || now < this.openUntil) return false
    this.state = 'half_open'
    return true
  }

  /** Closes it, and begins anew. @returns whether it was not closed. */
  close(): boolean {
    this.#window.clear()
    this.probe = undefined
    this.#probesFailed = 0
    const was = this.state
    this.state = 'closed'
    return was !== 'closed'
  }

  #counted(isFailure: boolean, now: number): boolean {
    const { minCalls, failureRate } = this.settings
    const window = this.#window
    window.add(isFailure, now)
    if (!isFailure || window.calls < minCalls || window.failures < failureRate * window.calls) return false
    this.calls = window.calls
    this.failures = window.failures
    window.clear()
    this.#open(now)
    return true
  }

  #open(now: number): void {
    const { openMs, maxOpenMs } = this.settings
    this.state = 'open'
    this.openUntil = now + Math.min(maxOpenMs, openMs * 2 ** this.#probesFailed)
  }
}
