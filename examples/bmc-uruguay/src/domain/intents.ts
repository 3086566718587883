import { fold } from './text.js'

/** What a customer wants with a message. */
export type Intent =
  | 'baja'
  | 'alta'
  | 'objecion'
  | 'cotizacion'
  | 'instalacion'
  | 'servicio'
  | 'informacion'
  | 'producto'
  | 'despedida'
  | 'saludo'
  | 'general'

/** The words that give an intent away, on folded text, in order of precedence: what is asked for beats how it is said. */
const RULES: readonly (readonly [Intent, RegExp])[] = [
  [
    'baja',
    /^\W*(?:baja|stop|unsubscribe)\W*$|\b(?:dar(?:me|nos)?|denme|quiero(?: la)?) (?:de )?baja\b|\bno (?:me|nos) (?:escrib\w+|mand\w+|contact\w+|molest\w+|envi\w+)(?: \w+){0,2} mas\b|\bdej[ae]n? de (?:escribir|mandar|molestar|contactar)\w*|\bno quiero (?:recibir )?mas mensajes\b/,
  ],
  ['alta', /^\W*(?:alta|start)\W*$|\bpueden volver a escribirme\b/],
  [
    'objecion',
    /\b(?:car[oa]s?|carisim[oa]s?|costos[oa]s?|no estoy segur[oa]|dudando|tengo mis dudas|mas barat[oa]|se me va de presupuesto|fuera de(?: mi)? presupuesto|no me convence)\b/,
  ],
  [
    'cotizacion',
    /\b(?:coti[zs]\w*|precios?|costos?|costaria|cuesta\w*|presupuest\w*|quote|price|how much|valor)\b|\bcuanto\b(?! (?:demora|tarda|dura|tiempo|pesa|mide))/,
  ],
  ['instalacion', /\b(?:instal\w+|montaje|colocacion|colocan|colocar)\b/],
  [
    'servicio',
    /\b(?:servicios?|garantias?|soporte|atencion|asesor\w*|vendedor\w*|humano|persona|descuentos?|cuotas?|tarjetas?|pago|pagar|financi\w+|transferencia|entregas?|entregan|demoran?|tarda\w*|plazos?|envios?|envian|fletes?)\b/,
  ],
  [
    'informacion',
    /\b(?:informacion|info|caracteristicas?|especificaciones|que es|que son|necesito|sobre|acerca|techos?|aislamiento|aislar|diferencias?|compar\w+|conviene|mejor|recomend\w+|sirve\w*|what is|need)\b/,
  ],
  ['producto', /\b(?:iso ?d[ea][ck]k?|poliestireno|lana|productos?|catalogo|paneles?|venden|ofrecen)\b/],
  [
    'despedida',
    /\b(?:gracias|chau|chao|adios|bye|hasta (?:luego|pronto|manana)|nos vemos|(?:lo|voy a|vamos a) pens\w+|pensarlo|te aviso|thanks)\b/,
  ],
  ['saludo', /\b(?:hola|buen(?:os|as)?|que tal|hi|hello|hey|holis)\b/],
]

/** "gracias por la información" is a farewell, not a question about information. */
const THANKS_FOR = /\bgracias por (?:(?:la|el|los|las|tu|su|toda|todo) ?)*\w+/g

/** What the message wants, by its words; `general` when none is known. */
export function intentOf(text: string): Intent {
  const folded = fold(text).replace(THANKS_FOR, 'gracias')
  return RULES.find(([, pattern]) => pattern.test(folded))?.[0] ?? 'general'
}
