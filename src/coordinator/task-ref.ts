import type { TaskRef } from '../engine/engine.js'
import type { Entry } from './node-context.js'

/** The reference to a ready task, with what is known of it. */
export function refOf(entry: Entry): TaskRef {
  const { lane, tenant, rank } = entry.value
  return { id: entry.id, lane, tenant, rank, hint: entry }
}

/** The order within a lane and tenant. */
export function ranksBefore(a: TaskRef, b: TaskRef): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.id < b.id)
}
