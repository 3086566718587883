import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createOrchestrator, type Orchestrator, type OrchestratorOptions } from 'batuta'
import { sqliteStorage } from 'batuta/storage/sqlite'
import type * as z from 'zod'
import { analyticsAgent } from './agents/analytics-agent.js'
import { conversationAgent } from './agents/conversation-agent.js'
import { dataSyncAgent } from './agents/data-sync-agent.js'
import { followUpAgent } from './agents/followup-agent.js'
import { quoteAgent } from './agents/quote-agent.js'
import { type Channel, localChannel } from './channel.js'
import { csvSheet } from './csv-sheet.js'
import { CATALOGUE, type Catalogue, productOf } from './domain/catalogue.js'
import { historyOf } from './history.js'
import { type ContactPreferences, filePreferences } from './preferences.js'
import type { answerSchema } from './schemas.js'
import type { QuoteSheet } from './sheet.js'
import { buildReport, processMessage } from './tasks.js'

/** What the conversation agent answers. */
export type Answer = z.output<typeof answerSchema>

/** How to run the team. */
export interface BmcOptions extends Pick<OrchestratorOptions, 'storage' | 'clock' | 'random' | 'logger'> {
  /** Where the database, the sheet and the preferences are; created when missing. */
  readonly dataDir: string
  /** Default: the price list of the example. */
  readonly catalogue?: Catalogue | undefined
  /** Default: `admin.csv` in the data directory. */
  readonly sheet?: QuoteSheet | undefined
  /** Default: `no-molestar.txt` in the data directory. */
  readonly preferences?: ContactPreferences | undefined
  /** What delivers follow-ups. Default: nowhere. */
  readonly channel?: Channel | undefined
}

/** The team at work. */
export interface Bmc {
  readonly orchestrator: Orchestrator<Answer>
  readonly sheet: QuoteSheet
}

/** A conversation outlasts its follow-ups, so that an answer to one finds what it answers. */
const SESSION_IDLE_MS = 7 * 24 * 3_600_000

/** Puts the five agents together and starts them. Shut down with `orchestrator.shutdown()`. */
export async function createBmc(options: BmcOptions): Promise<Bmc> {
  const { dataDir, clock, random, logger, catalogue = CATALOGUE } = options
  await mkdir(dataDir, { recursive: true })
  const now = () => clock?.now() ?? Date.now()
  const sheet = options.sheet ?? csvSheet(join(dataDir, 'admin.csv'))
  const preferences = options.preferences ?? filePreferences(join(dataDir, 'no-molestar.txt'))
  const channel = options.channel ?? localChannel(() => undefined)
  const nameOf = (product: string) => productOf(catalogue, product)?.name ?? product

  const orchestrator: Orchestrator<Answer> = await createOrchestrator({
    name: 'bmc-uruguay',
    agents: [
      conversationAgent({ catalogue, preferences }),
      quoteAgent({ catalogue, sheet }),
      followUpAgent({ channel, preferences, sheet, now }),
      dataSyncAgent({ catalogue, sheet }),
      // Reads the tasks of the very application it belongs to; by the time it runs, that exists.
      analyticsAgent({ history: historyOf((filter) => orchestrator.listTasks(filter)), sheet, nameOf }),
    ],
    messages: { task: processMessage, sessionIdleMs: SESSION_IDLE_MS },
    router: 'balanced',
    storage: options.storage ?? sqliteStorage({ path: join(dataDir, 'bmc.sqlite'), now }),
    strict: true,
    clock,
    random,
    logger,
  })
  return { orchestrator, sheet }
}

/** Has the analytics agent count what happened. */
export async function report({ orchestrator }: Bmc, period: { from?: string; until?: string } = {}) {
  return (await orchestrator.run(buildReport, period, { waitMs: 10_000 })).output
}
