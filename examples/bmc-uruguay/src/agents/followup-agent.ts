import { type AgentDefinition, defineAgent } from 'batuta'
import type { Channel } from '../channel.js'
import { followUpText, nextOpening } from '../domain/followup-schedule.js'
import { planOf, scheduleFollowUp, withoutTask } from '../follow-up-plan.js'
import type { ContactPreferences } from '../preferences.js'
import { isOpen, type QuoteSheet } from '../sheet.js'
import { sendFollowUp } from '../tasks.js'

/** What the agent needs from outside. */
export interface FollowUpDependencies {
  readonly channel: Channel
  readonly preferences: ContactPreferences
  readonly sheet: QuoteSheet
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
}

/** Writes to customers who haven't answered: at most three times, in opening hours, and never to who said BAJA. */
export function followUpAgent({ channel, preferences, sheet, now }: FollowUpDependencies): AgentDefinition {
  return defineAgent('followup_agent', {
    name: 'Follow-up Agent',
    capabilities: ['follow_up', 'message_generation', 'scheduling', 'whatsapp_integration', 'n8n_integration'],
    maxConcurrentTasks: 3,
    metadata: { type: 'background', handles: ['follow_ups', 'automated_messages', 'scheduling'] },
    handlers: [
      sendFollowUp.handler(async ({ phone, firstName, topic, arg, stage }, ctx) => {
        // The task was written a day ago. The session says whether it is still the one that is wanted: tasks of a
        // session run one at a time, so no message can come in between looking and sending.
        const plan = planOf(ctx)
        if (plan?.taskId !== ctx.task.id) return { sent: false, why: 'superseded' }
        if (await preferences.isOptedOut(phone)) return { sent: false, why: 'opted_out' }
        const row = (await sheet.rows()).find(({ Arg }) => Arg === arg)
        if (row !== undefined && !isOpen(row)) return { sent: false, why: 'quote_closed' }

        // Late, because nobody was running when it was due: not at three in the morning.
        const opening = nextOpening(new Date(now()))
        if (opening.getTime() > now()) {
          scheduleFollowUp(ctx, withoutTask(plan), opening)
          return { sent: false, why: 'quiet_hours' }
        }
        const text = followUpText(topic, stage, firstName)
        await channel.send({ to: phone, text, idempotencyKey: ctx.idempotencyKey }, ctx.signal)
        scheduleFollowUp(ctx, { ...withoutTask(plan), sent: plan.sent + 1 })
        return { sent: true, why: 'due' }
      }),
    ],
  })
}
