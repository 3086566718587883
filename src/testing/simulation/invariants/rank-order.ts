import type { TaskRecord } from '../../../task/task-record.js'
import type { CheckerFactory } from '../checker.js'
import { laneKey, taskChanges, type World } from '../world.js'

/** How many of the lowest ranks a node reads again at each poll, by design. */
const HEAD = 64

/** In a slow network a node may learn of a task so late. */
const SLOW_MS = 20_000

/**
 * Invariant 5: within a lane and tenant, a claim never passes over a takeable task of lower rank by more than the
 * window's head; a tenant's first task waits at most one task of each other tenant, per node.
 *
 * - at each claim: of the ready tasks of its lane and tenant with a lower rank that every node has had time to see (two
 *   polls and a lease, or far more in a slow network) and that no attempt was made at, at most 64 are passed over, besides those that the
 *   nodes are claiming at the same time, one per slot: a record that somebody holds can keep a claim waiting. With one node and no faults, none
 *   but these;
 * - with one node and no faults: between a tenant's first ready task being visible and its claim, each other tenant gets
 *   at most one claim in its lane, and one for each slot that may be claiming at that moment.
 */
export const rankOrder: CheckerFactory = (report, facts) => {
  const readySince = new Map<string, number>()
  const slots = [...facts.slots.values()].reduce((sum, n) => sum + n, 0)
  const visibleAfterMs = 2 * facts.pollMs + (facts.faultless ? facts.leaseMs : SLOW_MS)
  const allowed = facts.nodes === 1 && facts.faultless ? slots : HEAD + slots * facts.nodes
  /** Claims of other tenants while a tenant's first task waits, by task. */
  const overtaken = new Map<string, Map<string, number>>()

  const checkRank = (id: string, task: TaskRecord, atMs: number, world: World) => {
    let passed = 0
    for (const other of world.ready.get(laneKey(task)) ?? []) {
      const waiting = world.tasks.get(other)
      if (waiting === undefined || waiting.attempts.length > 0 || !isBefore(waiting, task)) continue
      if (atMs - (readySince.get(other) ?? atMs) > visibleAfterMs) passed++
    }
    if (passed > allowed) report(`the claim of ${id} passed over ${passed} tasks of lower rank`, id)
  }

  const checkTenants = (task: TaskRecord, atMs: number, world: World) => {
    if (facts.nodes !== 1 || !facts.faultless) return
    for (const [key, ids] of world.ready) {
      if (!key.startsWith(`${task.lane} `) || key === laneKey(task)) continue
      for (const id of ids) {
        const isFresh = world.tasks.get(id)?.attempts.length === 0
        // A task that failed may wait for an agent that it has not failed on.
        if (!isFresh || atMs - (readySince.get(id) ?? atMs) <= visibleAfterMs) continue
        const counts = overtaken.get(id) ?? new Map<string, number>()
        const count = (counts.get(task.tenant) ?? 0) + 1
        counts.set(task.tenant, count)
        overtaken.set(id, counts)
        const isFirst = [...ids].every((other) => other === id || !isBeforeId(world, other, id))
        if (isFirst && count > 1 + slots)
          report(`tenant ${task.tenant} overtook the first task ${id} ${count} times`, id)
        if (!isFirst) overtaken.delete(id)
      }
    }
  }

  return {
    name: '5 rank order',
    onEvent(event, world) {
      for (const { id, before, after } of taskChanges(event)) {
        if (after?.state === 'ready' && before?.state !== 'ready') readySince.set(id, event.atMs)
        if (before?.state !== 'ready') continue
        overtaken.delete(id)
        if (after?.state !== 'running') continue
        checkRank(id, after, event.atMs, world)
        checkTenants(after, event.atMs, world)
      }
    },
  }
}

function isBefore(a: TaskRecord, b: TaskRecord): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.id < b.id)
}

function isBeforeId(world: World, a: string, b: string): boolean {
  const first = world.tasks.get(a)
  const second = world.tasks.get(b)
  return first !== undefined && second !== undefined && isBefore(first, second)
}
