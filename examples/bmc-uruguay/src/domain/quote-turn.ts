import type { Catalogue } from './catalogue.js'
import type { DialogueContext, DialogueState, Message, QuoteRequest, Turn } from './dialogue-state.js'
import { faqAnswer, objectionAnswer, productAnswer } from './knowledge.js'
import { askFor, missingOf } from './missing-data.js'
import { CONFIDENCE, replyOf } from './reply.js'
import { type Customer, describesProduct } from './slots.js'
import { problemsOf, type Specification } from './specification.js'
import { isQuestion, sentences } from './text.js'

/** Goes on with a quote: takes in what the message says, and asks for what is missing or asks for the quote to be made. */
export function quoteTurn(state: DialogueState, message: Message, { catalogue }: DialogueContext): Turn {
  const { slots } = message
  // "10x5, blanco" names no intent, but here it can only be part of a quote.
  const intent = message.intent === 'general' ? 'cotizacion' : message.intent
  const customer = { ...state.customer, ...slots.customer }
  const wanted = { ...earlierSpec(state, message), ...slots.spec }
  const problems = problemsOf(wanted, catalogue)
  const spec = without(
    wanted,
    problems.map(({ field }) => field),
  )
  const next: DialogueState = { ...state, phase: 'recopilando_datos', spec, customer }
  const missing = missingOf(customer, spec)
  const aside = state.phase === 'recopilando_datos' ? asideOf(message, catalogue) : undefined
  const quote = requestOf(customer, spec)

  if (problems.length === 0 && quote !== undefined) {
    const mensaje = sentences(aside, `¡Listo, ${quote.customer.firstName}! Estoy preparando tu cotización.`)
    const reply = replyOf(mensaje, 'cotizacion', CONFIDENCE.quoted, { acciones: ['generar_cotizacion'] })
    return { state: next, intent, reply, quote }
  }
  const complaints = [...new Set(problems.map((problem) => problem.message))].join(' ')
  const question = missing.length === 0 ? '¿Cuál preferís?' : askFor(missing, spec, catalogue)
  const opening = state.phase === 'recopilando_datos' || complaints !== '' ? undefined : openingOf(customer)
  const mensaje = sentences(opening, aside, complaints, question)
  const reply = replyOf(mensaje, 'pregunta', CONFIDENCE.asking, {
    acciones: ['solicitar_datos'],
    necesita_datos: missing,
  })
  return { state: next, intent, reply }
}

/**
 * What of the last specification still holds. "Cotizar" with a product, or with nothing at all, starts over; "¿y en
 * gris?" changes the quote that was just made.
 */
function earlierSpec({ phase, spec }: DialogueState, { intent, slots }: Message): Partial<Specification> {
  if (phase !== 'cotizacion_completada') return spec
  const startsOver = intent === 'cotizacion' && (slots.products.length > 0 || !describesProduct(slots))
  return startsOver ? {} : spec
}

/** The answer to what a customer asks on the way to a quote, so that he needn't choose between the two. */
function asideOf({ text, intent, slots, saysNothing }: Message, catalogue: Catalogue): string | undefined {
  if (intent === 'objecion') return objectionAnswer(text)
  if (!isQuestion(text) && !saysNothing) return undefined
  if (intent === 'servicio' || intent === 'instalacion') return faqAnswer(text, catalogue)
  if (intent === 'informacion' || slots.products.length > 1) return productAnswer(catalogue, slots.products)
  if (intent === 'saludo') return '¡Hola de nuevo! Sigamos con tu cotización.'
  return saysNothing && intent === 'general' ? 'No te entendí del todo.' : undefined
}

function requestOf({ firstName, lastName, phone }: Customer, spec: Partial<Specification>): QuoteRequest | undefined {
  const { product, thicknessMm, lengthMm, widthMm } = spec
  if (firstName === undefined || lastName === undefined || phone === undefined) return undefined
  if (product === undefined || thicknessMm === undefined || lengthMm === undefined || widthMm === undefined)
    return undefined
  return { customer: { firstName, lastName, phone }, spec: { ...spec, product, thicknessMm, lengthMm, widthMm } }
}

function without(spec: Partial<Specification>, fields: readonly (keyof Specification)[]): Partial<Specification> {
  return Object.fromEntries(Object.entries(spec).filter(([field]) => !fields.includes(field as keyof Specification)))
}

function openingOf({ firstName }: Customer): string {
  return firstName === undefined ? '¡Con gusto te cotizo!' : `¡Con gusto te cotizo, ${firstName}!`
}
