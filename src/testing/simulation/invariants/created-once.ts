import type { CheckerFactory } from '../checker.js'
import { taskChanges } from '../world.js'

/**
 * Part of invariants 1 and 2: nothing is created twice.
 *
 * - of one (tenant, type, idempotency key) there is at most one task per life of the key's record;
 * - submits with one key are all answered with one task, while the record lives;
 * - a submit without a key makes one task at most, however often its set is sent;
 * - a staged task is created in the very set that completes its parent, and each staging has one task at most.
 */
export const createdOnce: CheckerFactory = (report) => {
  const byKey = new Map<string, string>()
  const staged = new Map<string, string>()
  const refs = new Map<number, string>()
  const plain = new Map<unknown, string>()
  return {
    name: '1 created once',
    onEvent(event) {
      if (event.type === 'client:accepted') {
        const earlier = refs.get(event.ref)
        if (earlier !== undefined && earlier !== event.taskId) {
          report(`submits of ref ${event.ref} with one key gave ${earlier} and ${event.taskId}`, earlier, event.taskId)
        }
        refs.set(event.ref, event.taskId)
      }
      if (event.type !== 'commit') return
      for (const change of event.changes) {
        if (change.kind !== 'idempotency') continue
        if (change.after === undefined) byKey.delete(change.id)
      }
      for (const { id, before, after } of taskChanges(event)) {
        if (before !== undefined || after === undefined) continue
        if (after.idempotencyKey !== undefined) {
          const key = `${after.tenant}/${after.type}/${after.idempotencyKey}`
          const record = event.changes.find((change) => change.kind === 'idempotency' && change.before === undefined)
          if (record === undefined) report(`task ${id} was created without its idempotency record`, id)
          else {
            const other = byKey.get(record.id)
            if (other !== undefined) report(`tasks ${other} and ${id} share the idempotency key ${key}`, other, id)
            byKey.set(record.id, id)
          }
        }
        const ref = markOf(after.input)
        if (after.idempotencyKey === undefined && after.parentId === undefined && ref !== undefined) {
          const other = plain.get(ref)
          if (other !== undefined) report(`one submit of ref ${ref} made two tasks, ${other} and ${id}`, other, id)
          plain.set(ref, id)
        }
        if (after.parentId !== undefined) {
          const parent = taskChanges(event).find((change) => change.id === after.parentId)
          if (parent?.after?.state !== 'completed' || parent.before?.state === 'completed') {
            report(
              `task ${id} was created apart from the completion of its parent ${after.parentId}`,
              id,
              after.parentId,
            )
          }
          const mark = `${after.parentId} ${markOf(after.input)}`
          const other = staged.get(mark)
          if (other !== undefined) report(`staged task ${mark} was created twice: ${other} and ${id}`, other, id)
          staged.set(mark, id)
        }
      }
    },
  }
}

/** The workload's number of a task. */
function markOf(input: unknown): unknown {
  return typeof input === 'object' && input !== null && 'ref' in input ? input.ref : undefined
}
