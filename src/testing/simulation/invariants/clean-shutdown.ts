import type { CheckerFactory } from '../checker.js'
import { POLLER } from '../event-log.js'

/**
 * Invariant 8: after a shutdown there is no running handler but the stuck ones that it reports, no timer, no open handle.
 * What was unfinished is resumed elsewhere: that is invariant 1.
 *
 * - when a stop is over: handlers still running on that process are as many as it reported stuck; its clock has no
 *   timer, its storage no call under way, its bus no listener;
 * - no handler starts there afterwards; when the run is over every process has stopped or crashed;
 * - a process that is up when everything has come to rest has an owner's record: whoever was declared dead began anew;
 * - until a stop begins, whoever waits for a task that ended in quiet times has been told.
 */
export const cleanShutdown: CheckerFactory = (report, facts) => {
  /** Submits that were accepted and whose `result()` has not answered, by process: task ids. */
  const waiting = new Map<string, string[]>()
  let isQuiet = false
  const stoppedInQuiet = new Set<string>()
  return {
    name: '8 clean shutdown',
    onEvent(event, world) {
      if (event.type === 'quiet') isQuiet = true
      if (event.type === 'node:stopping' && isQuiet) stoppedInQuiet.add(event.node)
      if (event.type === 'client:accepted') waiting.set(event.node, [...(waiting.get(event.node) ?? []), event.taskId])
      if (event.type === 'client:result' || event.type === 'client:unanswered') {
        const ids = waiting.get(event.node) ?? []
        ids.splice(ids.indexOf(event.taskId), 1)
        if (
          event.type === 'client:unanswered' &&
          isQuiet &&
          event.code !== 'NOT_RUNNING' &&
          event.code !== 'TASK_NOT_FOUND'
        ) {
          report(`who waited for ${event.taskId} on ${event.node} got ${event.code}`, event.taskId)
        }
      }
      if (event.type === 'node:stopping' && isQuiet && facts.ended) {
        const lives = [...world.owners.keys()].some((id) => world.ownerNodes.get(id) === event.node)
        if (!lives) report(`${event.node} is up, but no owner of it lives`, event.node)
        for (const id of waiting.get(event.node) ?? [])
          report(`who waits for ${id} on ${event.node} was never told`, id)
      }
      if (event.type === 'node:stopped') {
        // What an agent that polls does with a lost claim is its own affair.
        const running = [...world.running.values()].filter(
          (run) => run.node === event.node && !run.agentId.startsWith(POLLER),
        )
        if (running.length > event.stuck) {
          report(
            `${event.node} stopped with ${running.length} running handlers and reported ${event.stuck}`,
            event.node,
          )
        }
        if (event.timers > running.length) report(`${event.node} stopped with ${event.timers} timers`, event.node)
        // A call that hangs in a broken network is given up, as a closed connection would.
        if (event.calls > 0 && stoppedInQuiet.has(event.node))
          report(`${event.node} stopped with ${event.calls} storage calls under way`, event.node)
        if (event.subscriptions > 0)
          report(`${event.node} stopped with ${event.subscriptions} bus listeners`, event.node)
      }
      if (event.type === 'handler:start') {
        const state = world.nodes.get(event.node)?.state
        if (event.agentId.startsWith(POLLER)) return
        if (state === 'stopped' || state === 'crashed')
          report(`a handler started on ${event.node}, which ${state}`, event.taskId)
      }
    },
    onEnd(world) {
      for (const [name, { state }] of world.nodes) {
        if (state === 'up' || state === 'stopping') report(`${name} is still ${state} at the end`, name)
      }
    },
  }
}
