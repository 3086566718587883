import type { Random } from '../../internal/random.js'

/** How a storage misbehaves for one process. Chances are from 0 to 1, per call; all default to 0. */
export interface StorageFaults {
  /** How long a request and how long its answer travel, from and to, in milliseconds each. Default 0 to 2. */
  readonly latencyMs?: readonly [number, number] | undefined
  /** A call takes up to 50 times as long. */
  readonly slow?: number | undefined
  /** The call fails with STORAGE_UNAVAILABLE and nothing was done. */
  readonly unavailable?: number | undefined
  /** A commit fails with STORAGE_OUTCOME_UNKNOWN; any of its sets may have been applied, or not. */
  readonly outcomeUnknown?: number | undefined
  /** Of the sets that an unknown outcome left unapplied: the chance that a copy arrives later. Default 0.5. */
  readonly appliedLater?: number | undefined
  /** A commit that was answered is sent once more later. */
  readonly duplicated?: number | undefined
  /** How much later copies come, from and to, in milliseconds. Default 0 to 90,000: also after `notAfter`. */
  readonly copyAfterMs?: readonly [number, number] | undefined
  /** Per set of a commit: somebody else holds one of its records, so it is answered `busy` and not written. */
  readonly busy?: number | undefined
  /** A call is done, but its answer never comes. */
  readonly lostAnswer?: number | undefined
  /** A call that was not answered within this time fails, as not done (reads) or unknown (commits). Default 5,000. */
  readonly timeoutMs?: number | undefined
}

/** {@link StorageFaults} with every default filled in. */
export type ResolvedStorageFaults = { readonly [K in keyof StorageFaults]-?: NonNullable<StorageFaults[K]> }

/** Fills in the defaults. */
export function resolveStorageFaults(faults: StorageFaults): ResolvedStorageFaults {
  return {
    latencyMs: faults.latencyMs ?? [0, 2],
    slow: faults.slow ?? 0,
    unavailable: faults.unavailable ?? 0,
    outcomeUnknown: faults.outcomeUnknown ?? 0,
    appliedLater: faults.appliedLater ?? 0.5,
    duplicated: faults.duplicated ?? 0,
    copyAfterMs: faults.copyAfterMs ?? [0, 90_000],
    busy: faults.busy ?? 0,
    lostAnswer: faults.lostAnswer ?? 0,
    timeoutMs: faults.timeoutMs ?? 5_000,
  }
}

/** What will happen to one call, drawn when it is made. */
export interface CallFate {
  readonly requestMs: number
  readonly answerMs: number
  /** `lost` and `unknown` mean for a read: it fails. */
  readonly outcome: 'answered' | 'unavailable' | 'unknown' | 'lost'
  readonly duplicated: boolean
}

/** Draws what will happen to a call. */
export function drawFate(faults: ResolvedStorageFaults, random: Random, isCommit: boolean): CallFate {
  const factor = random.next() < faults.slow ? 1 + random.next() * 49 : 1
  const travel = () => between(faults.latencyMs, random) * factor
  const requestMs = travel()
  const answerMs = travel()
  const draw = random.next()
  let outcome: CallFate['outcome'] = 'answered'
  if (draw < faults.unavailable) outcome = 'unavailable'
  else if (draw < faults.unavailable + faults.lostAnswer) outcome = 'lost'
  else if (isCommit && draw < faults.unavailable + faults.lostAnswer + faults.outcomeUnknown) outcome = 'unknown'
  return { requestMs, answerMs, outcome, duplicated: isCommit && random.next() < faults.duplicated }
}

/** A number drawn evenly from a range. */
export function between([from, to]: readonly [number, number], random: Random): number {
  return from + random.next() * (to - from)
}
