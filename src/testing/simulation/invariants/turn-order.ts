import { isTerminal } from '../../../task/task-status.js'
import type { CheckerFactory } from '../checker.js'
import { isOccupying, taskChanges, type World } from '../world.js'

/**
 * Invariant 4: of one ordering key at most one task is running, starts follow turn order, and no turn is ever stuck.
 * After each commit, for every ordering key that it touches:
 *
 * - at most one of its tasks has a holder; numbers are never shared;
 * - a task that is ready or running has the number at the head; one that waits has another number;
 * - nobody unfinished has a number below the head;
 * - the head names a task that is unfinished or still held, or nobody is in the queue: whoever ends the task at the head
 *   passes the turn in the same set.
 */
export const turnOrder: CheckerFactory = (report) => {
  const numbers = new Map<string, string>()

  const checkKey = (key: string, world: World) => {
    const turn = world.turns.get(key)
    const ids = [...(world.inTurn.get(key) ?? [])]
    if (turn === undefined) {
      if (ids.length > 0) report(`ordering key ${key} has tasks but no turn`, key, ...ids)
      return
    }
    const held = ids.filter((id) => world.tasks.get(id)?.holder !== undefined)
    if (held.length > 1) report(`ordering key ${key} has ${held.length} running tasks`, key, ...held)
    let headTask: string | undefined
    for (const id of ids) {
      const task = world.tasks.get(id)
      if (task?.seq === undefined) continue
      if (task.seq === turn.head) headTask = id
      if (task.seq < turn.head) report(`the turn of ${key} passed over ${id} (${task.seq} < ${turn.head})`, key, id)
      if (task.seq >= turn.nextSeq) report(`task ${id} has number ${task.seq} beyond ${turn.nextSeq}`, key, id)
      if ((task.state === 'ready' || task.state === 'running') && task.seq !== turn.head) {
        report(`task ${id} is ${task.state}, but the turn of ${key} is at ${turn.head}, not ${task.seq}`, key, id)
      }
      if (task.state === 'waiting' && task.seq === turn.head) report(`task ${id} waits for its own turn`, key, id)
    }
    if (turn.head < turn.nextSeq && headTask === undefined) {
      report(`the turn of ${key} is stuck at ${turn.head} of ${turn.nextSeq}: nobody has that number`, key, ...ids)
    }
    if (turn.head === turn.nextSeq && ids.length > 0) report(`the turn of ${key} has left ${ids} behind`, key, ...ids)
  }

  return {
    name: '4 turn order',
    onEvent(event, world) {
      if (event.type !== 'commit') return
      const keys = new Set<string>()
      for (const { id, before, after } of taskChanges(event)) {
        for (const task of [before, after]) if (task?.turnKey !== undefined) keys.add(task.turnKey)
        if (after?.turnKey === undefined || after.seq === undefined) continue
        const number = `${after.turnKey} ${after.seq}`
        const other = numbers.get(number)
        if (other !== undefined && other !== id && before?.seq !== after.seq) {
          report(`tasks ${other} and ${id} both have number ${number}`, other, id)
        }
        numbers.set(number, id)
        if (before?.seq !== undefined && before.seq !== after.seq) report(`task ${id} changed its number`, id)
      }
      for (const change of event.changes) {
        if (change.kind !== 'turn') continue
        keys.add(change.id)
        // A key whose turn was purged starts again from 0.
        if (change.after === undefined)
          for (const number of numbers.keys()) if (number.startsWith(`${change.id} `)) numbers.delete(number)
      }
      for (const key of keys) checkKey(key, world)
    },
    onEnd(world) {
      for (const [id, task] of world.tasks) {
        if (isTerminal(task.state) || !isOccupying(task)) continue
        if (task.state === 'waiting') report(`task ${id} never got its turn in ${task.turnKey}`, id, task.turnKey ?? id)
      }
    },
  }
}
