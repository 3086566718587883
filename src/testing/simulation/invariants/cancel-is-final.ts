import type { CheckerFactory } from '../checker.js'
import type { HandlerRun, LoggedEvent } from '../event-log.js'
import { taskChanges, type World } from '../world.js'

/** How long news may take where nothing keeps them away. */
const ABORT_WITHIN_MS = 5_000
/** Faults that last, and keep news from a process as long. */
const LASTING = /^(stall|partition|outage|late-beats|slow) (for|is)/

/**
 * Invariant 6: after a cancel is accepted no handler starts for that task, a running one is aborted, nothing it staged is
 * kept.
 *
 * - a handler that starts after its task was cancelled has a claim older than the cancel, made by a process that
 *   could not know yet, and it starts within the time of one beat and one answer;
 * - each handler that runs on a live process when its task is cancelled, or that starts after, ends or is aborted within
 *   two heartbeats and five seconds without a fault;
 * - no session holds a context value that an attempt staged which was not accepted. (That staged tasks come only
 *   with the completion of their parent is part of "created once".)
 */
export const cancelIsFinal: CheckerFactory = (report, facts) => {
  const cancelledAt = new Map<string, number>()
  /** Handlers of cancelled tasks that still have to hear of it, with the moment from which time counts. */
  const unaware = new Map<number, { handler: HandlerRun; sinceMs: number }>()
  const aborted = new Set<number>()
  const withinMs = 2 * facts.heartbeatMs + ABORT_WITHIN_MS
  /** Lasting faults that are not over, by process; `*` are those of all. */
  const lasting = new Map<string, number>()
  const isInTrouble = (node: string) => (lasting.get(node) ?? 0) + (lasting.get('*') ?? 0) > 0

  const expire = (event: LoggedEvent, world: World) => {
    for (const [run, { handler, sinceMs }] of unaware) {
      if (!world.running.has(run)) unaware.delete(run)
      else if (event.atMs - sinceMs > withinMs && !isInTrouble(handler.node)) {
        unaware.delete(run)
        report(`the handler of cancelled task ${handler.taskId} on ${handler.node} was never aborted`, handler.taskId)
      }
    }
  }

  return {
    name: '6 cancel is final',
    onEvent(event, world) {
      expire(event, world)
      // A network or process that misbehaves may keep the news away: time counts from the last trouble.
      if (event.type === 'quiet') {
        lasting.clear()
        for (const entry of unaware.values()) entry.sinceMs = Math.max(entry.sinceMs, event.atMs)
      }
      if (event.type === 'fault') {
        const phase = LASTING.exec(event.text)?.[2]
        if (phase !== undefined) lasting.set(event.node, (lasting.get(event.node) ?? 0) + (phase === 'for' ? 1 : -1))
        for (const entry of unaware.values()) {
          if (event.node === '*' || event.node === entry.handler.node)
            entry.sinceMs = Math.max(entry.sinceMs, event.atMs)
        }
      }
      if (event.type === 'handler:abort') {
        aborted.add(event.run)
        unaware.delete(event.run)
      }
      if (event.type === 'handler:start') {
        const since = cancelledAt.get(event.taskId)
        if (since !== undefined) {
          unaware.set(event.run, { handler: event, sinceMs: event.atMs })
          if (facts.faultless && event.atMs - since > withinMs) {
            report(`a handler of ${event.taskId} started ${event.atMs - since} ms after its cancel`, event.taskId)
          }
        }
      }
      for (const { id, before, after } of taskChanges(event)) {
        if (after?.state !== 'cancelled' || before?.state === 'cancelled') continue
        cancelledAt.set(id, event.atMs)
        for (const [run, handler] of world.running) {
          if (handler.taskId !== id || aborted.has(run)) continue
          // Nobody's process runs what a polling agent does: it learns of a lost hint when its claim ends.
          const sinceMs = Math.max(event.atMs, (after.claimEndsAt ?? 0) - facts.startMs)
          unaware.set(run, { handler, sinceMs })
        }
      }
    },
    onEnd(world) {
      for (const [id, session] of world.sessions) {
        for (const [key, { value }] of Object.entries(session.context)) {
          const stager = stagerOf(value)
          const task = stager === undefined ? undefined : world.tasks.get(stager.taskId)
          if (stager === undefined || task === undefined) continue
          const attempt = task.attempts[stager.attempt - 1]
          if (attempt?.outcome !== 'completed') {
            report(
              `session ${id} keeps ${key} of attempt ${stager.attempt} of ${task.id}: ${attempt?.outcome}`,
              task.id,
            )
          }
        }
      }
    },
  }
}

function stagerOf(value: unknown): { taskId: string; attempt: number } | undefined {
  if (typeof value !== 'object' || value === null || !('taskId' in value) || !('attempt' in value)) return undefined
  const { taskId, attempt } = value
  return typeof taskId === 'string' && typeof attempt === 'number' ? { taskId, attempt } : undefined
}
