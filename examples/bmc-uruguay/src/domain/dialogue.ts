import type { DialogueContext, DialogueState, Message, Turn } from './dialogue-state.js'
import { intentOf } from './intents.js'
import { quoteTurn } from './quote-turn.js'
import { describesProduct, type Expectation, readSlots, type Slots } from './slots.js'
import { preferenceTurn, talkTurn } from './talk-turn.js'
import { isQuestion } from './text.js'

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
