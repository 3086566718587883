import type { BusMessage } from '../bus/bus.js'
import { taskOf } from '../task/task.js'
import { currentAttempt } from '../task/task-life-cycle.js'
import type { TaskRecord } from '../task/task-record.js'
import { isTerminal } from '../task/task-status.js'
import type { EventHub } from './event-hub.js'

/** Says, as events, what a committed change of a task means. */
export function announce(events: EventHub, before: TaskRecord, after: TaskRecord): void {
  if (!events.hasListeners) return
  const task = taskOf(after)
  const attempt = currentAttempt(after)
  const error = after.error ?? { name: 'Error', message: 'unknown' }
  if (isTerminal(after.state)) {
    if (isTerminal(before.state)) return
    if (after.state === 'completed') events.emit('task:completed', { task })
    else if (after.state === 'failed') events.emit('task:failed', { task, error })
    else
      events.emit('task:cancelled', {
        task,
        ...(after.cancelReason === undefined ? undefined : { reason: after.cancelReason }),
      })
    return
  }
  if (before.state !== 'running' || attempt === undefined) return
  if (after.state === 'scheduled') {
    events.emit('task:retrying', { task, attempt: attempt.number, error, runAt: new Date(after.runAt ?? 0) })
  } else if (attempt.outcome === 'lost') {
    events.emit('task:lost', { task, attempt: attempt.number, ownerId: attempt.ownerId })
  } else if (attempt.outcome === 'released') {
    events.emit('task:released', { task, attempt: attempt.number, reason: attempt.error?.message ?? '' })
  } else if (attempt.outcome === 'failed') {
    const agentId = after.fallbackAgents?.[(after.fallbackStep ?? 0) - 1]
    events.emit('task:fallback', { task, error, ...(agentId === undefined ? undefined : { agentId }) })
  }
}

/** Says what a handler of another node reports. Only where somebody waits for its task: elsewhere nobody knows what it is about. */
export function announceProgress(events: EventHub, message: Extract<BusMessage, { readonly type: 'progress' }>): void {
  const { type: _type, ...facts } = message
  events.emit('task:progress', facts)
}
