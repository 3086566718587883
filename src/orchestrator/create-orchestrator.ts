import type { OrchestratorOptions } from './options.js'
import { Orchestrator } from './orchestrator.js'

/**
 * Makes an orchestrator and starts it: options checked, storage open, recovery under way, ready for tasks.
 *
 * @example
 * ```ts
 * const app = await createOrchestrator()
 * app.agent('quotes', { capabilities: ['quote'], handler: async (input) => input.areaM2 * 150 })
 * const { output } = await app.run({ requires: ['quote'], input: { areaM2: 50 } })
 * await app.shutdown()
 * ```
 * @throws OPTIONS_INVALID, DEFINITION_INVALID, DUPLICATE_ID, and what the storage throws when it can't be opened.
 */
export async function createOrchestrator<TReply = unknown>(
  options?: OrchestratorOptions<TReply>,
): Promise<Orchestrator<TReply>> {
  // Before anything is made of them: what is made may trip over what the check would have named.
  if (options !== undefined) {
    const { checkOrchestratorOptions } = await import('./check-orchestrator-options.js')
    await checkOrchestratorOptions(options)
  }
  const orchestrator = new Orchestrator<TReply>(options)
  await orchestrator.start()
  return orchestrator
}
