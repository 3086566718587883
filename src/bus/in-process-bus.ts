import { tell } from '../internal/tell.js'
import type { Bus, BusMessage } from './bus.js'

/** A place where the buses of one process meet. Give the same one to several coordinators over one storage. */
export class BusHub {
  readonly #listeners = new Map<object, Set<(message: BusMessage) => void>>()

  /** A bus for one owner. What it publishes reaches all the others of this hub, in a later turn of the event loop's microtasks. */
  connect(): Bus {
    const self = {}
    const mine = new Set<(message: BusMessage) => void>()
    this.#listeners.set(self, mine)
    return {
      name: 'in-process',
      publish: (message) => {
        if (this.#listeners.size < 2) return
        queueMicrotask(() => {
          for (const [owner, listeners] of this.#listeners) {
            if (owner !== self) for (const listener of listeners) tell(listener, message)
          }
        })
      },
      subscribe: (listener) => {
        mine.add(listener)
        return () => mine.delete(listener)
      },
      close: async () => {
        this.#listeners.delete(self)
      },
    }
  }
}
