/**
 * The contracts between the agents: what each task takes, gives and requires. Who does the work is decided in
 * `agents/`; nothing here knows.
 */
import { defineTask } from 'batuta'
import * as z from 'zod'
import {
  answerSchema,
  customerSchema,
  followUpResultSchema,
  quotedSchema,
  quoteSchema,
  reportSchema,
  specificationSchema,
} from './schemas.js'

/** Answers one message of a customer. `messages.task` of the orchestrator, so its output is the reply. */
export const processMessage = defineTask('process_message', {
  input: z.object({ text: z.string().max(2_000), from: z.string(), channel: z.string() }),
  output: answerSchema,
  requires: ['nlp', 'intent_classification'],
  priority: 'high',
  timeoutMs: 5_000,
})

/** Prices what a customer wants. */
export const createQuote = defineTask('create_quote', {
  input: z.object({ customer: customerSchema, spec: specificationSchema, origin: z.enum(['WA', 'CH']) }),
  output: quotedSchema,
  requires: ['quote_generation', 'price_calculation'],
  priority: 'high',
  timeoutMs: 5_000,
})

/** Writes to a customer who hasn't answered. Delayed; when it is due it looks whether it is still wanted. */
export const sendFollowUp = defineTask('send_followup', {
  input: z.object({
    phone: z.string(),
    firstName: z.string().optional(),
    topic: z.enum(['cotizacion', 'consulta']),
    /** The quote's code in the sheet. */
    arg: z.string().optional(),
    stage: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  }),
  output: followUpResultSchema,
  requires: ['follow_up', 'scheduling'],
  priority: 'low',
  timeoutMs: 15_000,
  retry: { maxRetries: 3, minDelayMs: 1_000, maxDelayMs: 10_000 },
})

/** Writes a quote into the sales team's sheet: once, however often it is tried. */
export const syncQuote = defineTask('sync_quote', {
  input: quoteSchema,
  output: z.object({ synced: z.literal(true), row: z.int().min(2), arg: z.string() }),
  requires: ['google_sheets_sync', 'data_transformation'],
  timeoutMs: 15_000,
  retry: { maxRetries: 5 },
})

/** Counts what happened. */
export const buildReport = defineTask('build_report', {
  input: z.object({ from: z.iso.datetime().optional(), until: z.iso.datetime().optional() }),
  output: reportSchema,
  requires: ['data_analysis', 'report_generation'],
  priority: 'low',
})
