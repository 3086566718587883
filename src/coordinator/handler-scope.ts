import { AsyncLocalStorage } from 'node:async_hooks'
import type { Logger } from '../internal/logger.js'

/**
 * Knows whether a call comes from inside a handler. A handler that waits for another task keeps its slot meanwhile: when
 * all slots wait so, none is left for what they wait for.
 */
export class HandlerScope {
  readonly #scope = new AsyncLocalStorage<string>()
  readonly #warned = new Set<string>()

  constructor(private readonly log: Logger) {}

  /** Runs a handler of this agent, and all that it awaits, in its scope. */
  run<T>(agentId: string, handler: () => T): T {
    return this.#scope.run(agentId, handler)
  }

  /** `run` was called: warns once for each agent whose handlers do so. */
  waits(): void {
    const agentId = this.#scope.getStore()
    if (agentId === undefined || this.#warned.has(agentId)) return
    this.#warned.add(agentId)
    this.log.warn(
      { agentId },
      'run() was called inside a handler: it keeps its slot while it waits, and can starve itself. Use ctx.submit() for work that comes after it.',
    )
  }
}
