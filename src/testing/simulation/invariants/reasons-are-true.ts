import { isTerminal } from '../../../task/task-status.js'
import type { CheckerFactory } from '../checker.js'

/** Reasons of scheduled tasks, and those of them that name the very moment. */
const SCHEDULED: ReadonlySet<string> = new Set(['scheduled', 'backing_off', 'retry_budget', 'last_retry'])
const EXACT: ReadonlySet<string> = new Set(['scheduled', 'backing_off'])

/**
 * Invariant 7: a pending task's reason is true of the records and the view it names. What the records can contradict is
 * checked against them as they stood between the question and the answer's arrival:
 *
 * - `scheduled`, `backing_off`, `retry_budget`, `last_retry`: the task is scheduled, and `until` is its `runAt` (of the first two);
 * - `waiting`: the task waits, and `taskId` names another task of its ordering key, with a lower number;
 * - every other reason: the task is ready.
 *
 * A statement is made from a read that may be overtaken, so it counts as true if it was true at any time since `asOf`.
 */
export const reasonsAreTrue: CheckerFactory = (report, facts) => {
  /** States of each task with the storage time at which they began. */
  const states = new Map<string, { state: string; atMs: number; runAt: number | undefined }[]>()
  return {
    name: '7 reasons are true',
    onEvent(event, world) {
      if (event.type === 'commit') {
        for (const { id, after } of event.changes.filter((change) => change.kind === 'task')) {
          const value = after?.value as { state: string; runAt?: number } | undefined
          const list = states.get(id) ?? []
          list.push({ state: value?.state ?? 'purged', atMs: event.atMs, runAt: value?.runAt })
          states.set(id, list)
        }
        return
      }
      if (event.type !== 'explained') return
      const list = states.get(event.taskId) ?? []
      const asOf = event.reason.asOf === undefined ? event.atMs : event.reason.asOf - facts.startMs
      const seen = list.filter((_, i) => (list[i + 1]?.atMs ?? Number.POSITIVE_INFINITY) >= asOf)
      const { kind, until, taskId } = event.reason
      const expected = SCHEDULED.has(kind) ? 'scheduled' : kind === 'waiting' ? kind : 'ready'
      const match = seen.find((entry) => entry.state === expected)
      if (match === undefined) {
        return report(
          `task ${event.taskId} was said to be ${kind}, its states then were ${seen.map((s) => s.state)}`,
          event.taskId,
        )
      }
      if (EXACT.has(kind) && until !== undefined && !seen.some((entry) => entry.runAt === until)) {
        report(`task ${event.taskId} was said to be scheduled for ${until}, not ${match.runAt}`, event.taskId)
      }
      if (kind === 'waiting' && taskId !== undefined) {
        const ahead = world.tasks.get(taskId)
        const task = world.tasks.get(event.taskId)
        if (ahead === undefined || task === undefined || isTerminal(task.state)) return
        if (ahead.turnKey !== task.turnKey || (ahead.seq ?? 0) >= (task.seq ?? 0)) {
          report(
            `task ${event.taskId} was said to wait behind ${taskId}, which is not ahead of it`,
            event.taskId,
            taskId,
          )
        }
      }
    },
  }
}
