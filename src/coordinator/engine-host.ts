import type { EngineHost } from '../engine/engine.js'
import type { Dispatcher } from './dispatcher.js'
import type { NodeContext } from './node-context.js'
import { readReady } from './ready-query.js'
import { refOf } from './task-ref.js'

/** What the engine may ask of this node. */
export function engineHost(node: NodeContext, dispatcher: Dispatcher): EngineHost {
  return {
    clock: node.clock,
    pollMs: node.settings.pollMs,
    readReady: async (lane, limit) => (await readReady(node, lane, limit)).map(refOf),
    wake: (lanes) => dispatcher.wake(lanes),
    onError: (error) => node.log.warn({ error }, 'the engine could not refill a window'),
  }
}
