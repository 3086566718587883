import type { EngineHost } from '../engine/engine.js'
import type { Dispatcher } from './dispatcher.js'
import type { NodeContext } from './node-context.js'
import { ReadyReader } from './ready-query.js'
import { refOf } from './task-ref.js'

/** What the engine may ask of this node. */
export function engineHost(node: NodeContext, dispatcher: Dispatcher): EngineHost {
  const reader = new ReadyReader(node)
  return {
    clock: node.clock,
    pollMs: node.settings.pollMs,
    weightOf: (tenant) => node.weightOf(tenant),
    readReady: async (lane, limit) => (await reader.read(lane, limit)).map(refOf),
    wake: (lanes) => dispatcher.wake(lanes),
    onError: (error) => node.log.warn({ error }, 'the engine could not refill a window'),
  }
}
