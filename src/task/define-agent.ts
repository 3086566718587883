import type { AgentDefinition, AgentOptions } from './agent.js'

/**
 * Describes an agent: a value, which runs where it is registered. Options are checked then, not here.
 *
 * @example
 * ```ts
 * const quotes = defineAgent('quote_agent', {
 *   capabilities: ['price_calculation'],
 *   maxConcurrentTasks: 5,
 *   handlers: [priceQuote.handler(async (input) => ({ total: input.areaM2 * 150 }))],
 * })
 * ```
 * @param id - unique in the application; the same agent may run on many nodes.
 */
export function defineAgent(id: string, options: AgentOptions): AgentDefinition {
  return Object.freeze({ kind: 'batuta.agent', id, options })
}
