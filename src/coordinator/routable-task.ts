import type { RoutableTask } from '../router/routing-strategy.js'
import type { TaskRecord } from '../task/task-record.js'

/** What routing may know of a task. */
export function routableTask(task: TaskRecord): RoutableTask {
  return {
    id: task.id,
    type: task.type,
    requires: task.requires,
    tenant: task.tenant,
    priority: task.priority,
    sessionId: task.sessionId,
    attempts: task.attempts.length,
    timeoutMs: task.timeoutMs,
    metadata: task.metadata,
  }
}

const NOBODY: readonly string[] = []

/** The agents whose attempts at this task failed or died. */
export function failedAgents(task: TaskRecord): readonly string[] {
  if (task.attempts.length === 0) return NOBODY
  const failed = task.attempts.filter((attempt) => attempt.outcome === 'failed' || attempt.outcome === 'lost')
  return failed.map((attempt) => attempt.agentId)
}
