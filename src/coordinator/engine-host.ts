import type { EngineHost, TaskRef } from '../engine/engine.js'
import type { Dispatcher } from './dispatcher.js'
import type { NodeContext } from './node-context.js'
import { ReadyReader } from './ready-query.js'

/** How soon others act upon a hint, at the least. */
const HINT_MS = 2

/** What the engine may ask of this node. */
export function engineHost(node: NodeContext, dispatcher: Dispatcher): EngineHost {
  const { peers, isHeard } = node
  const reader = new ReadyReader(node)
  const placeOf = (ref: TaskRef) => peers.placeOf(ref)
  return {
    get placeOf() {
      return peers.isAlone ? undefined : placeOf
    },
    clock: node.clock,
    pollMs: node.settings.pollMs,
    newsMs: isHeard ? HINT_MS : undefined,
    weightOf: (tenant) => node.weightOf(tenant),
    readReady: (lane, limit, isWanted) => reader.read(lane, limit, isWanted),
    wake: (lanes) => dispatcher.wake(lanes),
    onError: (error) => node.log.warn({ error }, 'the engine could not refill a window'),
  }
}
