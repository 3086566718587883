import type { CheckerFactory } from '../checker.js'
import { taskChanges, type World } from '../world.js'

/** Who occupied an ordering key from some event on. */
interface Occupancy {
  readonly order: number
  readonly ids: readonly string[]
}

/**
 * Part of invariant 1: each try of a submit reads the turn first, then the idempotency record; if that exists, its task
 * is the answer, whatever the policy.
 *
 * A repeated submit may be refused as busy only if another task than its own occupied the ordering key at some moment
 * while it was asked.
 */
export const repeatsAreAnswered: CheckerFactory = (report) => {
  const tasks = new Map<number, { id: string; key: string }>()
  const history = new Map<string, Occupancy[]>()
  const calls = new Map<string, number[]>()

  const othersSince = (key: string, id: string, order: number): boolean => {
    const list = history.get(key) ?? []
    return list.some((each, i) => {
      const wasInForce = each.order > order || (list[i + 1]?.order ?? Number.POSITIVE_INFINITY) > order
      return wasInForce && each.ids.some((other) => other !== id)
    })
  }

  const note = (key: string, order: number, world: World) => {
    const list = history.get(key) ?? []
    list.push({ order, ids: [...(world.inTurn.get(key) ?? [])] })
    history.set(key, list)
  }

  return {
    name: '1 repeats are answered',
    onEvent(event, world) {
      for (const { id, before, after } of taskChanges(event)) {
        const key = after?.turnKey ?? before?.turnKey
        if (key === undefined) continue
        note(key, event.order, world)
        const ref = refOf(after?.input)
        if (before === undefined && ref !== undefined && after?.idempotencyKey !== undefined)
          tasks.set(ref, { id, key })
      }
      if (event.type === 'client:submit') {
        const call = `${event.node} ${event.ref}`
        calls.set(call, [...(calls.get(call) ?? []), event.order])
      }
      if (event.type !== 'client:refused' || !event.code.endsWith('_BUSY')) return
      const task = tasks.get(event.ref)
      // Of several calls at once, the earliest is the one with most excuses.
      const since = calls.get(`${event.node} ${event.ref}`)?.[0]
      if (task === undefined || since === undefined || othersSince(task.key, task.id, since)) return
      report(`a repeat of ref ${event.ref} was refused as ${event.code} because of its own task ${task.id}`, task.id)
    },
  }
}

function refOf(input: unknown): number | undefined {
  return typeof input === 'object' && input !== null && 'ref' in input && typeof input.ref === 'number'
    ? input.ref
    : undefined
}
