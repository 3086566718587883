import { isTerminal } from '../../../task/task-status.js'
import type { CheckerFactory } from '../checker.js'

/**
 * Part of invariant 6: a submit with the policy `interrupt` first commits its own task, then cancels the unfinished tasks
 * of its key with a lower number, and a redelivery repeats only that second half.
 *
 * When such a submit is answered, however often it was sent, none of them is left.
 */
export const interruptsEarlier: CheckerFactory = (report, facts) => ({
  name: '6 interrupts earlier',
  onEvent(event, world) {
    if (event.type !== 'client:accepted' || !facts.interrupting.has(event.ref)) return
    const own = world.tasks.get(event.taskId)
    if (own?.turnKey === undefined || own.seq === undefined) return
    for (const id of world.inTurn.get(own.turnKey) ?? []) {
      const other = world.tasks.get(id)
      if (other?.seq === undefined || other.seq >= own.seq || isTerminal(other.state)) continue
      report(`${own.id} interrupted ${own.turnKey}, but ${id} is still ${other.state}`, own.id, id)
    }
  },
})
