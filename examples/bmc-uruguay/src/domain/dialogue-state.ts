import type { Catalogue } from './catalogue.js'
import type { FollowUpTopic } from './followup-schedule.js'
import type { Intent } from './intents.js'
import type { Reply } from './reply.js'
import type { Customer, Slots } from './slots.js'
import type { Specification } from './specification.js'

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

/** A message, and what was understood of it. */
export interface Message {
  readonly text: string
  readonly intent: Intent
  readonly slots: Slots
  /** It names neither a product nor anything about the customer. */
  readonly saysNothing: boolean
}
