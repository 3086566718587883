import type { Catalogue } from './catalogue.js'
import type { FollowUpTopic } from './followup-schedule.js'
import { type Intent, intentOf } from './intents.js'
import { faqAnswer, objectionAnswer, productAnswer } from './knowledge.js'
import { askFor, missingOf } from './missing-data.js'
import { CONFIDENCE, type Reply, type ReplyAction, replyOf } from './reply.js'
import { type Customer, describesProduct, type Expectation, readSlots, type Slots } from './slots.js'
import { problemsOf, type Specification } from './specification.js'
import { fold } from './text.js'

/** How far the conversation is. After a quote a new one can start, as often as the customer likes. */
export type Phase = 'inicial' | 'recopilando_datos' | 'cotizacion_completada'

/** What is remembered from one message to the next: plain JSON. */
export interface DialogueState {
  readonly phase: Phase
  readonly spec: Partial<Specification>
  readonly customer: Customer
  /** Messages so far. Chooses among wordings. */
  readonly turns: number
}

/** Who is quoted what: complete. */
export interface QuoteRequest {
  readonly customer: Required<Customer>
  readonly spec: Specification
}

/** What a message leads to. */
export interface Turn {
  readonly state: DialogueState
  readonly intent: Intent
  readonly reply: Reply
  /** Everything is known: make this quote. */
  readonly quote?: QuoteRequest
  /** The customer leaves: write again about this. */
  readonly followUp?: FollowUpTopic
  /** The customer asks not to be written to unasked, or takes that back. */
  readonly optOut?: boolean
}

/** What the answer depends on besides the conversation. */
export interface DialogueContext {
  readonly catalogue: Catalogue
  /** Whether this customer has asked not to be written to. */
  readonly optedOut: boolean
}

/** A conversation before its first message. */
export function newDialogue(customer: Customer = {}): DialogueState {
  return { phase: 'inicial', spec: {}, customer, turns: 0 }
}

/** The conversation after the quote it asked for was made. */
export function afterQuote(state: DialogueState): DialogueState {
  return { ...state, phase: 'cotizacion_completada' }
}

/** Answers one message. Pure: the same state and text give the same turn. */
export function converse(before: DialogueState, text: string, context: DialogueContext): Turn {
  const state = { ...before, turns: before.turns + 1 }
  const intent = intentOf(text)
  const slots = readSlots(text, expectationOf(before))
  const message: Message = { text, intent, slots, saysNothing: isEmpty(slots) }
  if (intent === 'baja' || intent === 'alta') return preferenceTurn(state, intent, context)
  if (isAboutQuote(state, message)) return quoteTurn(state, message, context)
  return talkTurn(state, message, context)
}

interface Message {
  readonly text: string
  readonly intent: Intent
  readonly slots: Slots
  readonly saysNothing: boolean
}

function expectationOf({ phase, customer, spec }: DialogueState): Expectation {
  if (phase !== 'recopilando_datos') return { name: 'none', thickness: false }
  const first = customer.firstName === undefined
  const last = customer.lastName === undefined
  return {
    name: first && last ? 'full' : first ? 'first' : last ? 'last' : 'none',
    thickness: spec.thicknessMm === undefined,
  }
}

function isEmpty({ spec, customer, products }: Slots): boolean {
  return Object.keys(spec).length + Object.keys(customer).length + products.length === 0
}

/** Whether a message belongs to a quote: it asks for one, goes on with one, or describes what can only be one. */
function isAboutQuote({ phase }: DialogueState, { intent, slots, saysNothing, text }: Message): boolean {
  if (intent === 'cotizacion') return true
  const { product, lengthMm, thicknessMm } = slots.spec
  if (lengthMm !== undefined || (product !== undefined && thicknessMm !== undefined)) return true
  if (phase === 'recopilando_datos') return !(intent === 'despedida' && saysNothing)
  // "¿y sin flete?" wants another price; "¿cuánto demora el flete?" doesn't.
  const leavesOut = slots.spec.freight === false || slots.spec.anchors === false
  const asksElse = isQuestion(text) && intent !== 'general' && intent !== 'producto'
  const variant = describesProduct(slots) && (leavesOut || !asksElse)
  return phase === 'cotizacion_completada' && variant && intent !== 'objecion' && intent !== 'despedida'
}

function quoteTurn(state: DialogueState, message: Message, { catalogue }: DialogueContext): Turn {
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
    const mensaje = join(aside, `¡Listo, ${quote.customer.firstName}! Estoy preparando tu cotización.`)
    const reply = replyOf(mensaje, 'cotizacion', CONFIDENCE.quoted, { acciones: ['generar_cotizacion'] })
    return { state: next, intent, reply, quote }
  }
  const complaints = [...new Set(problems.map((problem) => problem.message))].join(' ')
  const opening = state.phase === 'recopilando_datos' || complaints !== '' ? undefined : openingOf(customer)
  const mensaje = join(opening, aside, complaints, askFor(missing, spec, catalogue))
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

function talkTurn(state: DialogueState, message: Message, { catalogue, optedOut }: DialogueContext): Turn {
  const { text, intent, slots } = message
  const next = { ...state, customer: { ...state.customer, ...slots.customer } }
  const say = (mensaje: string, tipo: Reply['tipo'], confianza: number, ...acciones: ReplyAction[]): Turn => ({
    state: next,
    intent,
    reply: replyOf(mensaje, tipo, confianza, { acciones }),
  })
  switch (intent) {
    case 'saludo':
      return say(pick(GREETINGS, state.turns), 'general', CONFIDENCE.canned)
    case 'despedida': {
      const farewell = pick(FAREWELLS, state.turns)
      if (optedOut) return say(farewell, 'despedida', CONFIDENCE.canned)
      const followUp = state.phase === 'cotizacion_completada' ? 'cotizacion' : 'consulta'
      return { ...say(farewell, 'despedida', CONFIDENCE.canned, 'programar_seguimiento'), followUp }
    }
    case 'informacion':
    case 'producto': {
      const offer = slots.products.length === 1 ? '¿Querés que te lo cotice?' : undefined
      const sheet = join(productAnswer(catalogue, slots.products), offer)
      return say(sheet, 'informacion', CONFIDENCE.knowledge, 'mostrar_producto')
    }
    case 'objecion':
      return say(objectionAnswer(text), 'informacion', CONFIDENCE.knowledge, 'responder_consulta')
    case 'instalacion':
    case 'servicio': {
      const action = /asesor|vendedor|humano|persona/.test(fold(text)) ? 'derivar_asesor' : 'responder_consulta'
      return say(faqAnswer(text, catalogue) ?? MENU, 'informacion', CONFIDENCE.knowledge, action)
    }
    default:
      return say(fold(text) === '' ? EMPTY : MENU, 'general', CONFIDENCE.general)
  }
}

function preferenceTurn(state: DialogueState, intent: 'baja' | 'alta', { optedOut }: DialogueContext): Turn {
  const optOut = intent === 'baja'
  const stays = optOut === optedOut
  const mensaje = optOut
    ? `${stays ? 'Ya estabas dado de baja' : 'Listo, te dimos de baja'}: no te escribiremos más por nuestra cuenta. Si necesitás algo, acá estamos.`
    : 'Listo, volvemos a escribirte cuando haya novedades sobre tus cotizaciones.'
  const acciones: ReplyAction[] = stays ? [] : [optOut ? 'registrar_baja' : 'registrar_alta']
  const reply = replyOf(mensaje, 'general', CONFIDENCE.canned, { acciones })
  return { state, intent, reply, ...(stays ? {} : { optOut }) }
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

function isQuestion(text: string): boolean {
  return /[?¿]/.test(text)
}

function join(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' ')
}

function pick(wordings: readonly string[], turn: number): string {
  return wordings[turn % wordings.length] ?? ''
}

const MENU =
  'Puedo ayudarte con: 1) cotizar Isodec, Poliestireno Expandido o Lana de Roca, 2) información de productos, ' +
  '3) entrega, pagos e instalación, 4) contactarte con una persona. ¿Qué necesitás?'
const EMPTY = `No recibí ningún texto. ${MENU}`
const GREETINGS = [
  '¡Hola! Soy Superchapita, de BMC Uruguay. ¿En qué te puedo ayudar?',
  '¡Buenas! Acá Superchapita, de BMC Uruguay. ¿Querés una cotización o información de algún producto?',
  '¡Hola! ¿Cómo estás? Contame qué necesitás y lo vemos.',
]
const FAREWELLS = [
  '¡Gracias por escribirnos! Cualquier cosa, acá estamos. 👋',
  '¡Gracias a vos! Quedo a las órdenes. 👋',
  '¡Perfecto! Tomate tu tiempo; cuando quieras seguimos. 👋',
]
