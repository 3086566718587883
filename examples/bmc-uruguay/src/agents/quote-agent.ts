import { type AgentDefinition, defineAgent, NonRetryableError } from 'batuta'
import type { Catalogue } from '../domain/catalogue.js'
import { afterQuote, type DialogueState, newDialogue } from '../domain/dialogue-state.js'
import { displayPhone, phoneKey } from '../domain/phone.js'
import { QuoteError } from '../domain/price-quote.js'
import { makeQuote, quoteText } from '../domain/quote.js'
import { scheduleFollowUp } from '../follow-up-plan.js'
import type { QuoteSheet } from '../sheet.js'
import { createQuote, syncQuote } from '../tasks.js'

/** Makes quotes, and sets off what follows from one: the row in the sheet, and asking again. */
export function quoteAgent({ catalogue, sheet }: { catalogue: Catalogue; sheet: QuoteSheet }): AgentDefinition {
  return defineAgent('quote_agent', {
    name: 'Quote Agent',
    capabilities: ['quote_generation', 'price_calculation', 'validation', 'product_knowledge', 'specification_parsing'],
    maxConcurrentTasks: 5,
    metadata: { type: 'specialist', handles: ['quote_requests', 'price_calculations', 'quote_validation'] },
    handlers: [
      createQuote.handler(async ({ origin, ...request }, ctx) => {
        const { phone, firstName } = request.customer
        const occasion = {
          seed: ctx.idempotencyKey,
          at: ctx.task.createdAt,
          origin,
          previousQuotes: await countQuotes(sheet, phone),
        }
        const quote = orFinal(() => makeQuote(request, occasion, catalogue))

        ctx.session.update<DialogueState>('dialogue', (state) => afterQuote(state ?? newDialogue(request.customer)))
        // Ordered by a key of its own: rows are appended one at a time over all nodes, and a sheet that is away holds
        // up other rows but never the customer's conversation.
        ctx.submit(syncQuote, quote, { orderingKey: 'admin-sheet' })
        const { arg, quotedAt: since } = quote
        scheduleFollowUp(ctx, { topic: 'cotizacion', phone, firstName, arg, since, sent: 0 })
        return { quote, mensaje: quoteText(quote, catalogue) }
      }),
    ],
  })
}

async function countQuotes(sheet: QuoteSheet, phone: string): Promise<number> {
  const key = phoneKey(displayPhone(phone))
  return (await sheet.rows()).filter((row) => phoneKey(row['Telefono-Contacto']) === key).length
}

/** What can't be priced can't be priced at the second attempt either. */
function orFinal<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (error instanceof QuoteError) throw new NonRetryableError(error.message, { cause: error })
    throw error
  }
}
