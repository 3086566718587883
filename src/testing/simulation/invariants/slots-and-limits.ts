import type { CheckerFactory } from '../checker.js'
import { taskChanges, type World } from '../world.js'

/**
 * Invariant 3: claims held by live owners on an instance never exceed its slots; of a limited type no more run than its
 * limit, over all nodes; starts never exceed a rate in any window.
 *
 * - whenever a process begins with a claim: claims that it has begun with and still holds on that instance, of running
 *   tasks and of cancelled ones whose handler runs, are at most its slots. (A copy of a claim that was given up may be
 *   applied late; no handler runs for it, and the next beat takes it back.)
 * - handlers running on an instance, abandoned ones included, are at most its slots;
 * - a held task of a limited type has a permit record with its token, and every permit record belongs to such a task:
 *   none leaks, none is shared.
 */
export const slotsAndLimits: CheckerFactory = (report, facts) => {
  const starts = new Map<string, number[]>()
  /** Claims that a process knows it has, by process and task. */
  const begun = new Set<string>()

  const checkInstance = (instanceId: string, agentId: string, node: string, world: World) => {
    const slots = facts.slots.get(agentId)
    if (slots === undefined) return
    const held = [...(world.heldBy.get(instanceId) ?? [])].filter((id) => {
      const task = world.tasks.get(id)
      const owner = task?.attempts.at(-1)?.ownerId ?? ''
      const isLive = world.owners.has(owner) && world.ownerNodes.get(owner) === node
      return isLive && begun.has(`${node} ${id}`) && (task?.state === 'running' || isRunning(id, agentId, world))
    })
    if (held.length > slots) {
      report(`${instanceId} holds ${held.length} claims, its slots are ${slots}: ${held.join(', ')}`, ...held)
    }
  }

  const checkPermit = (permitId: string, world: World) => {
    const permit = world.permits.get(permitId)
    if (permit === undefined) return
    const task = world.tasks.get(permit.taskId)
    if (task?.permitId !== permitId || task.holder === undefined || task.attempts.at(-1)?.token !== permit.token) {
      report(`permit ${permitId} is kept for ${permit.taskId}, which does not hold it`, permitId, permit.taskId)
    }
  }

  return {
    name: '3 slots and limits',
    onEvent(event, world) {
      if (event.type === 'handler:start') {
        const running = [...world.running.values()].filter(
          (run) => run.node === event.node && run.agentId === event.agentId,
        )
        const slots = facts.slots.get(event.agentId) ?? Number.POSITIVE_INFINITY
        if (running.length > slots) {
          report(
            `${running.length} handlers run on ${event.agentId} of ${event.node}, its slots are ${slots}`,
            ...running.map((run) => run.taskId),
          )
        }
        const type = world.tasks.get(event.taskId)?.type ?? ''
        const rate = facts.rates.get(type)
        if (rate !== undefined) {
          const times = (starts.get(type) ?? []).filter((at) => at > event.atMs - rate.perMs)
          times.push(event.atMs)
          starts.set(type, times)
          if (times.length > rate.max) report(`${times.length} starts of ${type} within ${rate.perMs} ms`, event.taskId)
        }
      }
      if (event.type === 'emitted' && event.name === 'task:started' && event.taskId !== undefined) {
        begun.add(`${event.node} ${event.taskId}`)
        const attempt = world.tasks.get(event.taskId)?.attempts.at(-1)
        if (attempt !== undefined) checkInstance(attempt.instanceId, attempt.agentId, event.node, world)
      }
      if (event.type !== 'commit') return
      for (const change of event.changes) if (change.kind === 'permit') checkPermit(change.id, world)
      for (const { id, before, after } of taskChanges(event)) {
        const attempt = after?.attempts.at(-1)
        if (before?.holder !== undefined && after?.holder === undefined) {
          begun.delete(`${world.ownerNodes.get(before.holder)} ${id}`)
        }
        for (const task of [before, after]) if (task?.permitId !== undefined) checkPermit(task.permitId, world)
        if (after?.holder === undefined || !facts.limits.has(after.type)) continue
        const permit = after.permitId === undefined ? undefined : world.permits.get(after.permitId)
        if (permit?.taskId !== id || permit.token !== attempt?.token) {
          report(`task ${id} of the limited type ${after.type} is held without a permit of its own`, id)
        }
        const limit = facts.limits.get(after.type) ?? 0
        const number = Number(after.permitId?.split('/').at(-1))
        if (!(number >= 0 && number < limit))
          report(`task ${id} holds permit ${after.permitId}, the limit is ${limit}`, id)
      }
    },
    onEnd(world) {
      for (const id of world.permits.keys()) checkPermit(id, world)
    },
  }
}

function isRunning(taskId: string, agentId: string, world: World): boolean {
  for (const run of world.running.values()) if (run.taskId === taskId && run.agentId === agentId) return true
  return false
}
