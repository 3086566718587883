import { type Random, seededRandom } from '../../src/internal/random.js'

/** What becomes of one task of a chaos run. The same for the same seed, in every process. */
export interface PlannedTask {
  readonly n: number
  readonly type: 'chaos.work' | 'chaos.limited'
  readonly durationMs: number
  /** Attempts that fail before one succeeds. */
  readonly failures: number
  readonly priority: 'low' | 'normal' | 'high' | 'critical'
  readonly tenant?: string
  readonly orderingKey?: string
  readonly sessionId?: string
  readonly idempotencyKey?: string
  readonly delayMs?: number
  /** So long after it was acknowledged somebody asks to cancel it. */
  readonly cancelAfterMs?: number
  /** Follow-on tasks that its handler stages. */
  readonly followOns: number
}

/** Retries of every definition, so that a task with more failures than that fails, or needs its fallback. */
export const MAX_RETRIES = 2
/** Tasks of `chaos.limited` that may run at once, over all processes. */
export const LIMIT = 3
/** Tasks that one process can run at once: by each of five agents. */
export const SLOTS_PER_AGENT = 3
export const SLOTS = 5 * SLOTS_PER_AGENT
/** The type of those with which a process is filled before it ends. They are no part of the plan. */
export const FILLING = 'chaos.fill'
/** What handlers of a session's tasks count up. */
export const SESSION_COUNTER = 'completed'

/** The tasks of a run. */
export function planOf(seed: number, count: number): readonly PlannedTask[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, n) => plannedTask(n, random))
}

function plannedTask(n: number, random: Random): PlannedTask {
  const chance = (share: number) => random.next() < share
  const upTo = (max: number) => Math.floor(random.next() * max)
  const place = random.next()
  return {
    n,
    type: chance(0.15) ? 'chaos.limited' : 'chaos.work',
    durationMs: chance(0.2) ? 0 : upTo(60),
    failures: chance(0.75) ? 0 : 1 + upTo(MAX_RETRIES + 1),
    priority: (['low', 'normal', 'high', 'critical'] as const)[upTo(4)] ?? 'normal',
    followOns: chance(0.15) ? 1 + upTo(2) : 0,
    ...(chance(0.2) ? { tenant: `tenant-${upTo(3)}` } : undefined),
    ...(place < 0.3
      ? { orderingKey: `key-${upTo(12)}` }
      : place < 0.4
        ? { sessionId: `session-${upTo(6)}` }
        : undefined),
    ...(chance(0.5) ? { idempotencyKey: `once-${n}` } : undefined),
    ...(chance(0.1) ? { delayMs: upTo(400) } : undefined),
    ...(chance(0.1) ? { cancelAfterMs: upTo(80) } : undefined),
  }
}
