/** The shapes of what is stored, checked when it goes in and when it comes out. */
import * as z from 'zod'
import { REQUIRED_DATA } from './domain/missing-data.js'
import type { Quote } from './domain/quote.js'
import { REPLY_ACTIONS, REPLY_KINDS } from './domain/reply.js'
import type { Report } from './domain/report.js'

/** What is quoted: complete. Its values are judged by the domain, not here. */
export const specificationSchema = z.object({
  product: z.string(),
  thicknessMm: z.int().positive(),
  lengthMm: z.int().positive(),
  widthMm: z.int().positive(),
  colour: z.string().optional(),
  filling: z.string().optional(),
  finishes: z
    .array(z.enum(['Gotero', 'Hormigón', 'Aluminio']))
    .readonly()
    .optional(),
  anchors: z.boolean().optional(),
  freight: z.boolean().optional(),
  zone: z.string().optional(),
})

/** Who gets the quote. */
export const customerSchema = z.object({
  firstName: z.string().min(2).max(100),
  lastName: z.string().min(2).max(100),
  phone: z.string().regex(/^\+[1-9]\d{7,14}$/, 'must be E.164'),
})

/** Money in cents. */
const cents = z.int().nonnegative()

/** A quote. */
export const quoteSchema: z.ZodType<Quote, Quote> = z.object({
  id: z.string(),
  arg: z.string(),
  origin: z.enum(['WA', 'CH']),
  customer: customerSchema,
  spec: specificationSchema,
  price: z.object({
    perM2: cents,
    areaM2: z.number().positive(),
    subtotal: cents,
    discount: cents,
    discountPercent: z.number(),
    net: cents.positive(),
    iva: cents,
    total: cents.positive(),
  }),
  quotedAt: z.iso.datetime(),
})

/** The answer to a message: a reply, and what it set off. */
export const answerSchema = z.object({
  mensaje: z.string(),
  tipo: z.enum(REPLY_KINDS),
  acciones: z.array(z.enum(REPLY_ACTIONS)).readonly(),
  confianza: z.number().min(0).max(1),
  necesita_datos: z.array(z.enum(REQUIRED_DATA)).readonly(),
  intent: z.string(),
  /** The task that makes the quote which this message completed: its result belongs to the reply. */
  quoteTaskId: z.string().optional(),
  /** A follow-up that this message has made pointless. */
  supersededTaskId: z.string().optional(),
})

/** A quote as made, and as the customer reads it. */
export const quotedSchema = z.object({ quote: quoteSchema, mensaje: z.string() })

/** What became of a follow-up, and why. */
export const followUpResultSchema = z.object({
  sent: z.boolean(),
  why: z.enum(['due', 'superseded', 'opted_out', 'quote_closed', 'quiet_hours']),
})

const count = z.int().nonnegative()
const counts = z.record(z.string(), count)

/** A report. */
export const reportSchema: z.ZodType<Report, Report> = z.object({
  messages: z.object({
    count,
    sessions: count,
    byIntent: counts,
    averageResponseMs: z.number().nullable(),
  }),
  quotes: z.object({
    count,
    netCents: count,
    averageNetCents: z.number().nullable(),
    topProducts: z.array(z.object({ name: z.string(), count, percent: z.number() })),
  }),
  followUps: z.object({ pending: count, sent: count, skipped: count, failed: count }),
  sheet: z.object({ rows: count, byState: counts, conversionPercent: z.number().nullable() }),
  failedTasks: count,
})
