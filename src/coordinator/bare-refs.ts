import type { TaskRef } from '../engine/engine.js'
import type { AgentRegistry } from './agents/agent-registry.js'
import type { Entry, NodeContext } from './node-context.js'

/** At most so many are read at once. */
const AT_ONCE = 16

/** References that come without what is known of their tasks, which is read before they are dispatched. */
export class BareRefs {
  #reading = 0

  constructor(
    private readonly node: NodeContext,
    private readonly registry: AgentRegistry,
  ) {}

  /** Whether those that are being read can take up every free slot of these lanes: they hold none yet. */
  fill(lanes: readonly string[]): boolean {
    if (this.#reading === 0) return false
    let room = 0
    for (const lane of lanes) {
      const pool = this.registry.lane(lane)
      for (let i = 0, load = pool.at(0); load !== undefined && room < AT_ONCE; load = pool.at(++i)) {
        room += load.capacity - load.inFlight
      }
    }
    return this.#reading >= Math.min(room, AT_ONCE)
  }

  /** The task, unless it does not wait in that lane any more or can't be read now. */
  async read({ id, lane }: TaskRef): Promise<Entry | undefined> {
    this.#reading++
    const entry = await this.node.read('task', id).catch(() => undefined)
    this.#reading--
    return isReadyIn(lane, entry) ? entry : undefined
  }
}

/** Whether a task still waits in the lane where it was seen. */
export function isReadyIn(lane: string, entry: Entry | undefined): entry is Entry {
  return entry?.value.state === 'ready' && entry.value.lane === lane
}
