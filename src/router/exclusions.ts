import type { InstanceLoad } from './instance-load.js'
import type { LanePool } from './lane-pool.js'

/** Whom a task failed on before. */
export interface Exclusions {
  /** Instance ids. */
  readonly instances?: readonly string[] | undefined
  /** Agent ids. */
  readonly agents?: readonly string[] | undefined
}

/** What {@link exclude} did, so that it can be undone. */
export interface Excluded {
  readonly barred: readonly InstanceLoad[]
  /** Nobody else was left, so some of those excluded are allowed again. */
  readonly lifted: boolean
}

const NOBODY: Excluded = { barred: [], lifted: false }

/**
 * Takes out of a pool whom a task failed on: their agents if others are left; else only the instances; else nobody.
 * Costs as much as there are exclusions, not members.
 */
export function exclude(pool: LanePool, exclusions: Exclusions | undefined): Excluded {
  if (exclusions === undefined) return NOBODY
  const { instances = [], agents = [] } = exclusions
  if ((instances.length === 0 && agents.length === 0) || pool.size === 0) return NOBODY
  const failed = new Set(instances.map((id) => pool.member(id)).filter((load) => load !== undefined))
  const all = new Set([...failed, ...agents.flatMap((id) => pool.ofAgent(id))])
  let barred = bar(pool, all)
  if (pool.size > 0) return { barred, lifted: false }
  admit(pool, barred)
  barred = bar(pool, failed)
  if (pool.size > 0) return { barred, lifted: true }
  admit(pool, barred)
  return { barred: [], lifted: true }
}

/** Lets them in again. */
export function admit(pool: LanePool, barred: readonly InstanceLoad[]): void {
  for (const load of barred) pool.unbar(load, 'excluded')
}

function bar(pool: LanePool, loads: Iterable<InstanceLoad>): InstanceLoad[] {
  const barred: InstanceLoad[] = []
  for (const load of loads) if (pool.bar(load, 'excluded')) barred.push(load)
  return barred
}
