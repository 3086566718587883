import { type AgentDefinition, defineAgent } from 'batuta'
import type { Catalogue } from '../domain/catalogue.js'
import { adminRowOf, type QuoteSheet } from '../sheet.js'
import { syncQuote } from '../tasks.js'

/** Keeps the sales team's sheet up to date. */
export function dataSyncAgent({ catalogue, sheet }: { catalogue: Catalogue; sheet: QuoteSheet }): AgentDefinition {
  return defineAgent('data_sync_agent', {
    name: 'Data Sync Agent',
    capabilities: [
      'google_sheets_sync',
      'mongodb_operations',
      'external_api_integration',
      'data_transformation',
      'mercadolibre_integration',
    ],
    maxConcurrentTasks: 5,
    metadata: { type: 'integration', handles: ['data_sync', 'external_integrations', 'data_updates'] },
    handlers: [
      syncQuote.handler(async (quote) => {
        const row = await sheet.append(adminRowOf(quote, catalogue))
        return { synced: true, row, arg: quote.arg }
      }),
    ],
  })
}
