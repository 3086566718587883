import { type AgentDefinition, defineAgent } from 'batuta'
import type { Catalogue } from '../domain/catalogue.js'
import { converse } from '../domain/dialogue.js'
import { type DialogueState, newDialogue } from '../domain/dialogue-state.js'
import { resumeFollowUp, supersedeFollowUp } from '../follow-up-plan.js'
import type { ContactPreferences } from '../preferences.js'
import { createQuote, processMessage } from '../tasks.js'

/** Talks to customers: understands, remembers, asks for what is missing, and hands a complete request to the quote agent. */
export function conversationAgent(deps: { catalogue: Catalogue; preferences: ContactPreferences }): AgentDefinition {
  const { catalogue, preferences } = deps
  return defineAgent('conversation_agent', {
    name: 'Conversation Agent',
    capabilities: [
      'nlp',
      'intent_classification',
      'entity_extraction',
      'context_management',
      'multi_turn_conversation',
    ],
    maxConcurrentTasks: 10,
    metadata: { type: 'primary_interface', handles: ['customer_messages', 'queries', 'conversations'] },
    handlers: [
      processMessage.handler(async ({ text, from, channel }, ctx) => {
        const before = ctx.session.get<DialogueState>('dialogue') ?? newDialogue({ phone: from })
        const turn = converse(before, text, { catalogue, optedOut: await preferences.isOptedOut(from) })

        // Outside the commit, so it may happen twice; writing the same wish twice is harmless.
        if (turn.optOut !== undefined) await preferences.setOptedOut(from, turn.optOut)
        ctx.session.set('dialogue', turn.state)

        const supersededTaskId = supersedeFollowUp(ctx)
        if (turn.followUp !== undefined) {
          const { phone = from, firstName } = turn.state.customer
          const fresh = { topic: turn.followUp, phone, ...(firstName === undefined ? {} : { firstName }) }
          resumeFollowUp(ctx, fresh, ctx.task.createdAt)
        }
        const quoteTaskId =
          turn.quote && ctx.submit(createQuote, { ...turn.quote, origin: channel === 'whatsapp' ? 'WA' : 'CH' })

        return {
          ...turn.reply,
          intent: turn.intent,
          ...(quoteTaskId === undefined ? {} : { quoteTaskId }),
          ...(supersededTaskId === undefined ? {} : { supersededTaskId }),
        }
      }),
    ],
  })
}
