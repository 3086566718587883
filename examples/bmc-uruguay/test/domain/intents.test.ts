import { describe, expect, it } from 'vitest'
import { type Intent, intentOf } from '../../src/domain/intents.js'

/** What customers write, and what they mean. */
const CORPUS: readonly (readonly [Intent, ...string[]])[] = [
  ['saludo', 'Hola', 'Buenas tardes', 'Buenos días!', 'hi', 'Hello', 'holaa hola'],
  ['despedida', 'Gracias, lo pensaré', 'Chau', 'Muchas gracias', 'adiós', 'bye', 'lo voy a pensar', 'nos vemos'],
  ['despedida', 'gracias por la información', 'Muchas gracias por el presupuesto, lo voy a pensar'],
  [
    'cotizacion',
    'Hola, quiero cotizar Isodec',
    '¿Cuánto cuesta Isodec?',
    'buenos dias cual es el precio',
    'Hello, I need a quote',
    'necesito un presupuesto',
    'me pasás precio de lana de roca?',
    'cotizame 10x5',
    'cuanto sale el metro',
    'cuánto me costaría un techo',
    'cotisar isodec',
  ],
  [
    'objecion',
    'El precio de Isodec es muy caro',
    'es carísimo',
    'no estoy segura',
    'me parece costoso',
    'se me va de presupuesto',
    'vi uno más barato',
  ],
  [
    'informacion',
    '¿Qué es Isodec?',
    'necesito información sobre Isodec',
    'qué diferencia hay entre isodec y poliestireno',
    '¿cuál conviene para un techo?',
    'quiero aislar un galpón',
    'características de la lana de roca',
  ],
  ['producto', 'Isodec', '¿Qué productos tienen?', 'Ok, entonces Isodec', 'lana de roca', 'poliestireno', 'isodac'],
  ['instalacion', '¿hacen la instalación?', 'quien lo instala', 'montaje', 'colocan los paneles?'],
  [
    'servicio',
    '¿tienen garantía?',
    '¿hacen descuentos?',
    '¿puedo pagar en cuotas?',
    '¿cuánto demora la entrega?',
    'quiero hablar con un asesor',
    'hacen envíos al interior?',
  ],
  [
    'baja',
    'BAJA',
    'stop',
    'no me escriban más',
    'No me manden mensajes más',
    'dejen de escribirme',
    'quiero darme de baja',
  ],
  ['alta', 'ALTA'],
  ['general', 'chico', 'asdf', '', '???', 'ok', 'gris', '10x5', '👍'],
]

describe('intents', () => {
  it.each(CORPUS.flatMap(([intent, ...texts]) => texts.map((text) => [text, intent] as const)))(
    '%j is %s',
    (text, intent) => {
      expect(intentOf(text)).toBe(intent)
    },
  )

  it('looks at words, not at letters', () => {
    // "chico" holds "hi", "bajar" holds "baja", "quetal" no greeting.
    expect(intentOf('el más chico')).toBe('general')
    expect(intentOf('¿pueden bajar el monto?')).toBe('general')
    expect(intentOf('la cara superior es de chapa')).toBe('objecion')
  })
})
