/** How urgent a task is. A boost on its rank, so that waiting makes every task more urgent in time. */
export type Priority = 'low' | 'normal' | 'high' | 'critical'

/** Every priority, least urgent first. */
export const PRIORITIES: readonly Priority[] = ['low', 'normal', 'high', 'critical']

/** How many milliseconds earlier a task counts as due, by priority. */
export type PriorityBoosts = Readonly<Record<Priority, number>>

/** low 0, normal 1 minute, high 5 minutes, critical 30 minutes. */
export const DEFAULT_BOOSTS: PriorityBoosts = { low: 0, normal: 60_000, high: 300_000, critical: 1_800_000 }

/**
 * A task's place in its lane: `dueAt - boost(priority)`; lower goes first. A low task that has waited 30 minutes
 * stands level with a critical one submitted now, so no task waits for ever behind more urgent ones.
 */
export function rankOf(dueAt: number, priority: Priority, boosts: PriorityBoosts): number {
  return dueAt - boosts[priority]
}
