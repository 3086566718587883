import type { TaskRecord } from '../../../task/task-record.js'
import { isTerminal } from '../../../task/task-status.js'
import type { CheckerFactory } from '../checker.js'
import { taskChanges } from '../world.js'

const MINUTE_MS = 60_000

/**
 * Invariant 1: an accepted task reaches exactly one terminal state, whatever crashes; none is lost.
 *
 * - a task is stored before its submit is answered;
 * - a terminal state is never left, and its outcome never changes;
 * - a task is deleted only when it is terminal, nobody holds it, and its creating set can't arrive any more;
 * - no id is created twice;
 * - when the run has ended, every task that was accepted, or created before the last nodes went, is terminal, without a
 *   holder.
 */
export const oneTerminalState: CheckerFactory = (report, facts) => {
  const created = new Map<string, { notAfter: number; isLate: boolean }>()
  const accepted = new Set<string>()
  let isQuiet = false
  /** The last nodes are going: what is stored from now on nobody is there to do. */
  let isOver = false
  return {
    name: '1 one terminal state',
    onEvent(event) {
      if (event.type === 'quiet') isQuiet = true
      if (event.type === 'node:stopping' && isQuiet && facts.ended) isOver = true
      if (event.type === 'client:accepted') accepted.add(event.taskId)
      if (event.type === 'client:accepted' && !created.has(event.taskId)) {
        report(`task ${event.taskId} was accepted but never stored`, event.taskId)
      }
      if (event.type !== 'commit') return
      for (const { id, before, after } of taskChanges(event)) {
        if (before === undefined) {
          if (created.has(id)) report(`task ${id} was created twice`, id)
          created.set(id, { notAfter: event.notAfter, isLate: isOver })
        } else if (after === undefined) {
          if (!isTerminal(before.state) || before.holder !== undefined) {
            report(`task ${id} was deleted while ${before.state}, holder ${before.holder}`, id)
          }
          // A set is sent at most a minute before its notAfter, so this is when the deletion was decided, or earlier.
          const decidedAt = event.notAfter - MINUTE_MS
          if (decidedAt < (created.get(id)?.notAfter ?? 0)) {
            report(`task ${id} was deleted while its creating set could still arrive`, id)
          }
        } else if (isTerminal(before.state)) {
          const outcome = (task: TaskRecord) => JSON.stringify([task.state, task.output, task.error])
          if (outcome(before) !== outcome(after)) report(`task ${id} was ${before.state} and became ${after.state}`, id)
          if (before.holder === undefined && after.holder !== undefined)
            report(`task ${id} was taken after its end`, id)
        }
      }
    },
    onEnd(world) {
      if (!facts.ended) report('the run did not come to an end: see the tasks and turns that are left')
      for (const [id, task] of world.tasks) {
        if (created.get(id)?.isLate === true && !accepted.has(id)) continue
        if (!isTerminal(task.state)) report(`task ${id} is still ${task.state} at the end`, id)
        else if (task.holder !== undefined) report(`task ${id} is ${task.state} but still held by ${task.holder}`, id)
      }
    },
  }
}
