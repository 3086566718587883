import type { RequiredDatum } from './missing-data.js'

/** The kinds of answer that whoever delivers them (n8n, a web page) tells apart. */
export const REPLY_KINDS = [
  'cotizacion',
  'informacion',
  'pregunta',
  'seguimiento',
  'despedida',
  'general',
  'error',
] as const

/** One kind of answer. */
export type ReplyKind = (typeof REPLY_KINDS)[number]

/** What the system did, or will do, because of a message. */
export const REPLY_ACTIONS = [
  'solicitar_datos',
  'generar_cotizacion',
  'mostrar_producto',
  'responder_consulta',
  'derivar_asesor',
  'programar_seguimiento',
  'registrar_baja',
  'registrar_alta',
] as const

/** One action. */
export type ReplyAction = (typeof REPLY_ACTIONS)[number]

/** An answer to the customer, in the words of the HTTP contract. */
export interface Reply {
  readonly mensaje: string
  readonly tipo: ReplyKind
  readonly acciones: readonly ReplyAction[]
  /** How sure the answer is, from 0 to 1. */
  readonly confianza: number
  readonly necesita_datos: readonly RequiredDatum[]
}

/** How sure each sort of answer is. */
export const CONFIDENCE = { quoted: 0.95, canned: 0.9, knowledge: 0.8, asking: 0.8, general: 0.7, error: 0.5 } as const

/** A reply; what is left out is empty. */
export function replyOf(
  mensaje: string,
  tipo: ReplyKind,
  confianza: number,
  extra: { acciones?: readonly ReplyAction[]; necesita_datos?: readonly RequiredDatum[] } = {},
): Reply {
  return {
    mensaje,
    tipo,
    acciones: extra.acciones ?? [],
    confianza,
    necesita_datos: extra.necesita_datos ?? [],
  }
}
