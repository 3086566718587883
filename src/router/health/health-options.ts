/** When an agent is kept from a task type that it fails at. Milliseconds. */
export interface BreakerOptions {
  /** Part of the calls that must have failed, above 0 and at most 1. Default 0.5. */
  readonly failureRate?: number | undefined
  /** With fewer calls in the window it never opens. From 1. Default 20. */
  readonly minCalls?: number | undefined
  /** The window holds the last calls, at most so many. From `minCalls` to 10,000. Default 100. */
  readonly maxCalls?: number | undefined
  /** Calls that ended longer ago are not in the window: long enough for slow tasks, since busy agents forget sooner. Default 600,000 (10 minutes). */
  readonly windowMs?: number | undefined
  /** How long it stays open before one task tries whether the agent works again; twice as long after each that fails. Default 10,000. */
  readonly openMs?: number | undefined
  /** For at most so long. Default 300,000. */
  readonly maxOpenMs?: number | undefined
}

/** When an agent is left out altogether for a while. Milliseconds. The defaults are Envoy's. */
export interface EjectionOptions {
  /** After so many failures in a row. From 1. Default 5. */
  readonly failures?: number | undefined
  /** For so long, times how often it was ejected before; that is forgotten by one for each such time without. Default 30,000. */
  readonly baseMs?: number | undefined
  /** For at most so long. Default 300,000. */
  readonly maxMs?: number | undefined
  /** Part of a lane's agents that may be ejected at once; one always may. From 0 to 1. Default 0.1. */
  readonly maxShare?: number | undefined
  /**
   * When less than this part of a lane's agents is healthy, those ejected are used after all: too few are left to carry
   * the load, and it is more likely that something else is wrong. From 0 (never) to 1. Default 0.5.
   */
  readonly panicBelow?: number | undefined
}

/** How an application looks after its agents' health. */
export interface HealthOptions {
  /** Default: on. */
  readonly breaker?: BreakerOptions | false | undefined
  /** Default: on. By hand agents can be ejected in any case. */
  readonly ejection?: EjectionOptions | false | undefined
  /** New and recovered agents get their full share of work only after so long, in milliseconds; 0: at once. Default 30,000. */
  readonly slowStartMs?: number | undefined
}

/** The same with everything decided. */
export interface HealthSettings {
  readonly breaker: Decided<BreakerOptions> | undefined
  readonly ejection: Decided<EjectionOptions>
  /** Whether agents are ejected without a hand. */
  readonly ejects: boolean
  readonly slowStartMs: number
}

type Decided<T> = { readonly [K in keyof T]-?: NonNullable<T[K]> }

const NO_OPTIONS: EjectionOptions = {}

/** Puts the defaults in. Does not check. */
export function healthSettings({ breaker = {}, ejection = {}, slowStartMs = 30_000 }: HealthOptions): HealthSettings {
  const eject = ejection || NO_OPTIONS
  return {
    breaker: breaker
      ? {
          failureRate: breaker.failureRate ?? 0.5,
          minCalls: breaker.minCalls ?? 20,
          maxCalls: breaker.maxCalls ?? 100,
          windowMs: breaker.windowMs ?? 600_000,
          openMs: breaker.openMs ?? 10_000,
          maxOpenMs: breaker.maxOpenMs ?? Math.max(300_000, breaker.openMs ?? 0),
        }
      : undefined,
    ejection: {
      failures: eject.failures ?? 5,
      baseMs: eject.baseMs ?? 30_000,
      maxMs: eject.maxMs ?? 300_000,
      maxShare: eject.maxShare ?? 0.1,
      panicBelow: eject.panicBelow ?? 0.5,
    },
    ejects: ejection !== false,
    slowStartMs,
  }
}
