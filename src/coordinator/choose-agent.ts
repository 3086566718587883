import type { LanePool } from '../router/lane-pool.js'
import type { Decided, Router } from '../router/router.js'
import type { RoutableTask } from '../router/routing-strategy.js'
import type { TaskRecord } from '../task/task-record.js'
import type { AgentRegistry } from './agents/agent-registry.js'
import type { NodeContext } from './node-context.js'

/** What routing may know of a task. */
function routableTask(task: TaskRecord): RoutableTask {
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

/**
 * Asks the router who is to get a task: by the task's own strategy, its definition's, or the application's; not one it has
 * failed on.
 */
export function chooseAgent(
  node: NodeContext,
  router: Router,
  registry: AgentRegistry,
  task: TaskRecord,
  pool: LanePool,
): Decided {
  const strategy = task.strategy ?? registry.definition(task.type)?.options.strategy
  const failed = failedAgents(task)
  const exclude = failed.length === 0 ? undefined : { agents: failed }
  try {
    return router.decide(routableTask(task), pool, { strategy, exclude })
  } catch (error) {
    // Stored by a node that knows more strategies than this one: better routed by the usual one than never.
    node.log.warn({ taskId: task.id, strategy, error }, 'the strategy of a task is not known here')
    return router.decide(routableTask(task), pool, { exclude })
  }
}
