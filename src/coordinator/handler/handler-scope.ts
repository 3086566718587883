import { AsyncLocalStorage } from 'node:async_hooks'
import type { Logger } from '../../internal/logger.js'

/**
 * One for all coordinators of the process: Node visits every storage that was ever used for each promise that is made, and
 * lets go of none. Made when the first handler runs.
 */
let scopes: AsyncLocalStorage<{ readonly of: HandlerScope; readonly agentId: string }> | undefined

/**
 * Knows whether a call comes from inside a handler. A handler that waits for another task keeps its slot meanwhile: when
 * all slots wait so, none is left for what they wait for.
 */
export class HandlerScope {
  readonly #warned = new Set<string>()

  constructor(private readonly log: Logger) {}

  /** Runs a handler of this agent, and all that it awaits, in its scope. */
  run<T>(agentId: string, handler: () => T): T {
    scopes ??= new AsyncLocalStorage()
    return scopes.run({ of: this, agentId }, handler)
  }

  /** `run` was called: warns once for each agent whose handlers do so. */
  waits(): void {
    const scope = scopes?.getStore()
    if (scope?.of !== this || this.#warned.has(scope.agentId)) return
    const { agentId } = scope
    this.#warned.add(agentId)
    this.log.warn(
      { agentId },
      'run() was called inside a handler: it keeps its slot while it waits, and can starve itself. Use ctx.submit() for work that comes after it.',
    )
  }
}
