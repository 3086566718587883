import type { DialogueContext, DialogueState, Message, Turn } from './dialogue-state.js'
import { faqAnswer, objectionAnswer, productAnswer } from './knowledge.js'
import { CONFIDENCE, type Reply, type ReplyAction, replyOf } from './reply.js'
import { fold, sentences } from './text.js'
import { emptyText, FAREWELLS, GREETINGS, menuText, wording } from './wordings.js'

/** Answers what is not about a quote. */
export function talkTurn(state: DialogueState, message: Message, { catalogue, optedOut }: DialogueContext): Turn {
  const { text, intent, slots } = message
  const next = { ...state, customer: { ...state.customer, ...slots.customer } }
  const say = (mensaje: string, tipo: Reply['tipo'], confianza: number, ...acciones: ReplyAction[]): Turn => ({
    state: next,
    intent,
    reply: replyOf(mensaje, tipo, confianza, { acciones }),
  })
  switch (intent) {
    case 'saludo':
      return say(wording(GREETINGS, state.turns), 'general', CONFIDENCE.canned)
    case 'despedida': {
      const farewell = wording(FAREWELLS, state.turns)
      if (optedOut) return say(farewell, 'despedida', CONFIDENCE.canned)
      const followUp = state.phase === 'cotizacion_completada' ? 'cotizacion' : 'consulta'
      return { ...say(farewell, 'despedida', CONFIDENCE.canned, 'programar_seguimiento'), followUp }
    }
    case 'informacion':
    case 'producto': {
      const offer = slots.products.length === 1 ? '¿Querés que te lo cotice?' : undefined
      const sheet = sentences(productAnswer(catalogue, slots.products), offer)
      return say(sheet, 'informacion', CONFIDENCE.knowledge, 'mostrar_producto')
    }
    case 'objecion':
      return say(objectionAnswer(text), 'informacion', CONFIDENCE.knowledge, 'responder_consulta')
    case 'instalacion':
    case 'servicio': {
      const action = /asesor|vendedor|humano|persona/.test(fold(text)) ? 'derivar_asesor' : 'responder_consulta'
      return say(faqAnswer(text, catalogue) ?? menuText(catalogue), 'informacion', CONFIDENCE.knowledge, action)
    }
    default:
      return say(fold(text) === '' ? emptyText(catalogue) : menuText(catalogue), 'general', CONFIDENCE.general)
  }
}

/** Stops or resumes writing to the customer unasked. Confirmed once; asked again, nothing changes. */
export function preferenceTurn(state: DialogueState, intent: 'baja' | 'alta', { optedOut }: DialogueContext): Turn {
  const optOut = intent === 'baja'
  const stays = optOut === optedOut
  const mensaje = optOut
    ? `${stays ? 'Ya estabas dado de baja' : 'Listo, te dimos de baja'}: no te escribiremos más por nuestra cuenta. Si necesitás algo, acá estamos.`
    : 'Listo, volvemos a escribirte cuando haya novedades sobre tus cotizaciones.'
  const acciones: ReplyAction[] = stays ? [] : [optOut ? 'registrar_baja' : 'registrar_alta']
  const reply = replyOf(mensaje, 'general', CONFIDENCE.canned, { acciones })
  return { state, intent, reply, ...(stays ? {} : { optOut }) }
}
