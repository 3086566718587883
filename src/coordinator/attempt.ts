import { isBatutaError } from '../errors/base-error.js'
import { isNonRetryable, retryAfterOf } from '../errors/retry-errors.js'
import { toStoredError } from '../errors/stored-error.js'
import type { Clock, Timer } from '../internal/clock.js'
import { createDeferred, type Deferred } from '../internal/deferred.js'
import type { Outcome } from '../task/task-life-cycle.js'

/** Why a handler was told to stop. */
export type AbortKind = 'timeout' | 'stall' | 'cancel' | 'released'

/** What an attempt is limited by. Milliseconds. */
export interface AttemptLimits {
  readonly timeoutMs: number
  readonly stallAfterMs: number | undefined
  readonly abandonAfterMs: number
  /** Asked about errors that are not final by themselves. */
  readonly retryIf: ((error: unknown, attempt: number) => boolean) | undefined
  readonly number: number
}

/** How the run of a handler ended for us. */
export interface AttemptEnd {
  readonly outcome: Outcome
  /** The handler ignored its signal for too long and may still be running; resolves, with what came, when it returns. */
  readonly stuck: Promise<Late> | undefined
  /** The handler returned a result although it had been told to stop; it does not count. */
  readonly late: Late | undefined
}

/** What a handler came back with when it was too late. */
export type Late = 'completed' | 'failed'

/**
 * One run of one handler: its signal, its limits, and what came of it.
 *
 * It ends when the handler returns, or `abandonAfterMs` after the signal was aborted, whichever comes first. Time runs
 * from {@link Attempt.run}. A result that comes after the signal was aborted by a limit or a cancel does not count; one
 * that comes after a release (shutdown, ownership in doubt) does, if the claim still stands.
 */
export class Attempt {
  #abortKind: AbortKind | undefined
  #abortReason: unknown
  #controller: AbortController | undefined
  #limit: Timer | undefined
  #stall: Timer | undefined
  #lastSignOfLifeAt = 0
  /** There is nobody left to tell to stop, and nobody to abandon. */
  #hasReturned = false
  /** Ends the attempt for us; only the first call counts. */
  #end: ((end: AttemptEnd) => void) | undefined
  #returned: Deferred<Late> | undefined

  constructor(
    private readonly clock: Clock,
    private readonly limits: AttemptLimits,
  ) {}

  /** Made when first asked for: most handlers never look at it. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#abortKind !== undefined) this.#controller.abort(this.#abortReason)
    }
    return this.#controller.signal
  }

  /** Whether the handler's function is over. */
  get hasReturned(): boolean {
    return this.#hasReturned
  }

  get abortKind(): AbortKind | undefined {
    return this.#abortKind
  }

  /** A sign of life: the stall limit starts again. */
  touch(): void {
    this.#lastSignOfLifeAt = this.clock.monotonic()
  }

  /** Runs the handler once. Never rejects. */
  run(handler: () => unknown): Promise<AttemptEnd> {
    return new Promise((resolve) => {
      this.#end = resolve
      this.#limit = this.clock.setTimer(
        () => this.abort('timeout', limitError('TimeoutError', 'timed out')),
        this.limits.timeoutMs,
      )
      if (this.limits.stallAfterMs !== undefined) {
        this.touch()
        this.#watchForStall(this.limits.stallAfterMs)
      }
      this.#call(handler)
    })
  }

  /** Tells the handler to stop, once; it has `abandonAfterMs` to do so. */
  abort(kind: AbortKind, reason: unknown): void {
    if (this.#abortKind !== undefined || this.#hasReturned) return
    this.#abortKind = kind
    this.#abortReason = reason
    this.#limit?.cancel()
    this.#stall?.cancel()
    this.#controller?.abort(reason)
    if (this.#end === undefined) return
    this.#limit = this.clock.setTimer(() => this.#abandon(), this.limits.abandonAfterMs)
  }

  #call(handler: () => unknown): void {
    try {
      Promise.resolve(handler()).then(
        (output) => this.#finish({ type: 'success', output }),
        (error) => this.#finish(this.#failure(error)),
      )
    } catch (error) {
      this.#finish(this.#failure(error))
    }
  }

  #finish(result: Outcome): void {
    this.#hasReturned = true
    this.#limit?.cancel()
    this.#stall?.cancel()
    this.#returned?.resolve(result.type === 'success' ? 'completed' : 'failed')
    const outcome = this.#judged(result)
    const isDropped = result.type === 'success' && outcome !== result
    this.#end?.({ outcome, stuck: undefined, late: isDropped ? 'completed' : undefined })
  }

  #abandon(): void {
    this.#returned = createDeferred()
    this.#end?.({ outcome: this.#judged(undefined), stuck: this.#returned.promise, late: undefined })
  }

  /** What counts, given why the signal was aborted, if it was. */
  #judged(result: Outcome | undefined): Outcome {
    const released: Outcome = { type: 'released', error: toStoredError(this.#abortReason) }
    switch (this.#abortKind) {
      case undefined:
        return result ?? released
      case 'timeout':
        return this.#limitFailure('TASK_TIMEOUT', `The attempt took longer than ${this.limits.timeoutMs} ms.`)
      case 'stall':
        return this.#limitFailure(
          'TASK_STALLED',
          `The attempt gave no sign of life for ${this.limits.stallAfterMs} ms.`,
        )
      case 'released':
        return result?.type === 'success' ? result : released
      case 'cancel':
        return released
    }
  }

  #limitFailure(code: 'TASK_TIMEOUT' | 'TASK_STALLED', message: string): Outcome {
    return { type: 'failure', error: { name: 'BatutaError', code, message }, retryable: true }
  }

  #failure(error: unknown): Outcome {
    return {
      type: 'failure',
      error: toStoredError(error),
      retryable: this.#isRetryable(error),
      retryAfterMs: retryAfterOf(error, this.clock.now()),
      // The stored input no longer parses: no agent and no fallback can do anything about that.
      final: isBatutaError(error, 'INPUT_INVALID'),
    }
  }

  #isRetryable(error: unknown): boolean {
    if (isNonRetryable(error)) return false
    try {
      return this.limits.retryIf?.(error, this.limits.number) ?? true
    } catch {
      // A broken predicate decides nothing: the default holds.
      return true
    }
  }

  #watchForStall(stallAfterMs: number): void {
    const quietMs = this.clock.monotonic() - this.#lastSignOfLifeAt
    if (quietMs >= stallAfterMs) {
      this.abort('stall', limitError('StallError', 'gave no sign of life'))
      return
    }
    this.#stall = this.clock.setTimer(() => this.#watchForStall(stallAfterMs), stallAfterMs - quietMs)
  }
}

function limitError(name: string, did: string): Error {
  return new DOMException(`The attempt ${did}.`, name)
}
