/**
 * The success rate of an instance: a moving average over attempts that climbs back to 1 while time passes.
 *
 * Both ways are geometric: a failure multiplies the rate by 0.8, and every minute the rate's logarithm shrinks to a
 * third (1/e). So a broken agent falls out of use within a handful of failures, is tried again after about a minute, and
 * falls out at once if it is broken still: one wasted attempt in about ten seconds, whatever the traffic.
 */

/** Weight of the newest outcome. */
const ALPHA = 0.2

/** After this many milliseconds the logarithm of the rate has shrunk to 1/e. */
const RECOVERY_MS = 60_000

/** No rate is lower, so that scores stay finite and recovery takes minutes, not hours. */
export const SUCCESS_FLOOR = 0.001

/** From here a rate counts as whole again. */
const WHOLE = 0.995

/** The rate after one more outcome. */
export function rated(rate: number, success: boolean): number {
  return Math.max(SUCCESS_FLOOR, rate + ALPHA * ((success ? 1 : 0) - rate))
}

/** The rate after a time without outcomes. @param elapsedMs - nothing happens when it is negative. */
export function recovered(rate: number, elapsedMs: number): number {
  if (rate === 1 || elapsedMs <= 0) return rate
  const later = rate ** Math.exp(-elapsedMs / RECOVERY_MS)
  return later >= WHOLE ? 1 : later
}
