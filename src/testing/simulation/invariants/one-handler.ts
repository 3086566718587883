import type { CheckerFactory } from '../checker.js'
import { POLLER } from '../event-log.js'

/** Faults that make the timers of a process late. */
const LATE_TIMERS = /^(stall|slow) (for|is)/

/**
 * Part of invariant 2: an owner that can't prove itself tells its handlers to stop before its lease ends, so that what is
 * taken over runs in one place only.
 *
 * - when a handler starts, every other handler of its task that runs has been told to stop.
 *
 * That can't be asked of:
 * - a process whose timers are late, or were within a lease: it may not know yet that it must stop;
 * - agents that poll: no process of ours runs what they do.
 */
export const oneHandler: CheckerFactory = (report, facts) => {
  const excused = new Set<number>()
  /** Faults that make timers late and are not over, by process. */
  const lasting = new Map<string, number>()
  /** When the last of them began or was over, by process. */
  const lateAt = new Map<string, number>()

  const isLate = (node: string, atMs: number) =>
    (lasting.get(node) ?? 0) > 0 || atMs - (lateAt.get(node) ?? Number.NEGATIVE_INFINITY) <= facts.leaseMs

  return {
    name: '2 one handler',
    onEvent(event, world) {
      if (event.type === 'quiet') {
        for (const [node, count] of lasting) if (count > 0) lateAt.set(node, event.atMs)
        lasting.clear()
      }
      const phase = event.type === 'fault' ? LATE_TIMERS.exec(event.text)?.[2] : undefined
      if (event.type === 'fault' && phase !== undefined) {
        lasting.set(event.node, (lasting.get(event.node) ?? 0) + (phase === 'for' ? 1 : -1))
        lateAt.set(event.node, event.atMs)
      }
      if (event.type === 'handler:abort') excused.add(event.run)
      if (event.type !== 'handler:start') return
      if (event.agentId.startsWith(POLLER)) excused.add(event.run)
      for (const run of world.running.values()) {
        if (run.run === event.run || run.taskId !== event.taskId) continue
        if (excused.has(run.run) || isLate(run.node, event.atMs)) continue
        report(
          `a handler of ${run.taskId} started on ${event.node}, and the one on ${run.node} had not been told to stop`,
          run.taskId,
        )
      }
    },
  }
}
