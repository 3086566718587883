import type { TaskRef } from '../engine/engine.js'
import type { Entry } from './node-context.js'

/** The reference to a ready task, with what is known of it. */
export function refOf(entry: Entry): TaskRef {
  const { lane, tenant, rank } = entry.value
  return { id: entry.id, lane, tenant, rank, hint: entry }
}
