import { BoundedMap } from '../../internal/bounded-map.js'
import { builtIn } from '../built-in.js'
import type { Candidate, RoutingContext, RoutingStrategy } from '../routing-strategy.js'
import { checkNames, type NoOptions } from './around.js'
import { entriesOf } from './snapshot-state.js'

/** Pools whose cursor is remembered. As many as lanes may exist, so none is forgotten while it is used. */
const MAX_CURSORS = 1_024

/**
 * Everybody in turn. The cursor is a place in the pool's circle, where every instance keeps its place while others come,
 * go, fill up and free: churn favours nobody. It starts at a random place, so that several nodes started together do not
 * march in step. Blind to speed and capacity.
 * @throws OPTIONS_INVALID for options: it has none.
 */
export function roundRobin(options: NoOptions = {}): RoutingStrategy {
  checkNames('round_robin', options)
  const cursors = new BoundedMap<string, { at: number }>(MAX_CURSORS)
  return builtIn({
    name: 'round_robin',
    select({ pool, random }: RoutingContext): Candidate | undefined {
      let cursor = cursors.get(pool.id)
      if (cursor === undefined) {
        cursor = { at: Math.floor(random.next() * pool.circle) }
        cursors.set(pool.id, cursor)
      }
      const found = pool.nextInCircle(cursor.at)
      if (found === undefined) return undefined
      cursor.at = found.next
      return found.candidate
    },
    snapshot: () => Object.fromEntries([...cursors].map(([pool, { at }]) => [pool, at])),
    restore(state) {
      const restored = entriesOf('round_robin', state, isPlace)
      cursors.clear()
      for (const [pool, at] of restored) cursors.set(pool, { at })
    },
  })
}

function isPlace(at: unknown): at is number {
  return Number.isSafeInteger(at) && (at as number) >= 0
}
