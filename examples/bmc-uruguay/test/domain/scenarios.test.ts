import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../../src/domain/catalogue.js'
import { converse } from '../../src/domain/dialogue.js'
import { afterQuote, newDialogue, type Turn } from '../../src/domain/dialogue-state.js'
import { priceQuote } from '../../src/domain/price-quote.js'

/** What must be true of the answer to a message. */
interface Expected {
  readonly intent?: string
  readonly tipo?: string
  readonly says?: RegExp
  readonly needs?: readonly string[]
  /** Before IVA, in pesos. */
  readonly net?: number
  readonly followUp?: string
}

/** The conversations that the business tries its assistants with: each message and what must come back. */
const SCENARIOS: Readonly<Record<string, readonly (readonly [text: string, expected: Expected])[]>> = {
  'complete quote request flow': [
    ['Hola', { tipo: 'general', says: /Superchapita|Hola|Buenas/ }],
    ['Quiero cotizar Isodec', { tipo: 'pregunta', needs: ['nombre', 'apellido', 'espesor', 'largo', 'ancho'] }],
    ['Me llamo Juan Pérez', { tipo: 'pregunta', needs: ['espesor', 'largo', 'ancho'] }],
    ['10 metros por 5 metros', { tipo: 'pregunta', needs: ['espesor'] }],
    ['100mm', { tipo: 'cotizacion', net: 7_500, needs: [] }],
    ['Gracias', { tipo: 'despedida', followUp: 'cotizacion' }],
  ],
  'quick quote request': [
    ['Quiero cotizar Isodec 10x5 100mm blanco', { tipo: 'pregunta', needs: ['nombre', 'apellido'] }],
    ['Juan Pérez', { tipo: 'cotizacion', net: 7_500 }],
  ],
  'quote with questions': [
    ['Hola, quiero cotizar Isodec', { intent: 'cotizacion' }],
    ['¿Qué espesores tienen?', { tipo: 'pregunta', says: /50, 75, 100, 125 o 150 mm/ }],
    ['100 mm', { needs: ['nombre', 'apellido', 'largo', 'ancho'] }],
    ['¿Cuánto demora la entrega?', { says: /3 a 5 días hábiles.*necesito/s }],
    ['10x5', { needs: ['nombre', 'apellido'] }],
    ['¿Hacen la instalación?', { says: /instalación.*nombre completo/s }],
    ['Soy Ana Gómez', { tipo: 'cotizacion', net: 7_500 }],
    ['Gracias!', { tipo: 'despedida', followUp: 'cotizacion' }],
  ],
  'many turns, one datum each': [
    ['Buenas', { intent: 'saludo' }],
    ['necesito un presupuesto', { needs: ['nombre', 'apellido', 'producto', 'espesor', 'largo', 'ancho'] }],
    ['poliestireno', { needs: ['nombre', 'apellido', 'espesor', 'largo', 'ancho'] }],
    ['75', { needs: ['nombre', 'apellido', 'largo', 'ancho'] }],
    ['largo 8', { needs: ['nombre', 'apellido', 'ancho'] }],
    ['ancho 4', { needs: ['nombre', 'apellido'] }],
    ['Ana', { needs: ['apellido'] }],
    ['Gómez', { tipo: 'cotizacion', net: 3_840 }],
    ['¿y con 4 goteros?', { tipo: 'cotizacion', net: 4_608 }],
    ['¿y sin flete?', { tipo: 'cotizacion', net: 4_147.2 }],
    ['Perfecto, gracias', { tipo: 'despedida', followUp: 'cotizacion' }],
  ],
  objections: [
    ['Soy Ana Gómez, cotizar isodec 10x5 100mm', { net: 7_500 }],
    ['Es muy caro', { intent: 'objecion', says: /inversión/ }],
    ['¿Hacen descuentos?', { says: /5 % de descuento a partir de 100 m²/ }],
    ['¿Se puede pagar en cuotas?', { says: /tarjeta/ }],
    ['No estoy seguro', { intent: 'objecion', says: /qué te preocupa/ }],
    ['Gracias, lo pensaré', { tipo: 'despedida', followUp: 'cotizacion' }],
  ],
  'product information': [
    ['¿Qué es Isodec?', { tipo: 'informacion', says: /núcleo de EPS.*0,035 W\/mK/s }],
    ['¿Cuánto cuesta Isodec?', { intent: 'cotizacion', needs: ['nombre', 'apellido', 'espesor', 'largo', 'ancho'] }],
  ],
  'product comparison': [
    [
      '¿Qué diferencia hay entre Isodec y poliestireno?',
      { tipo: 'informacion', says: /• Isodec.*• Poliestireno Expandido/s },
    ],
  ],
  'rock wool': [
    ['Necesito información sobre lana de roca', { tipo: 'informacion', says: /incombustible/ }],
    ['Soy Ana Gómez, cotizar lana de roca 50mm 10x5 con 4 goteros', { tipo: 'cotizacion', net: 6_600 }],
  ],
  'empty message': [
    ['', { tipo: 'general', says: /No recibí ningún texto/ }],
    ['Hola, quiero cotizar Isodec', { tipo: 'pregunta' }],
  ],
  'unclear request': [
    ['no sé, algo para la casa', { tipo: 'general', says: /Puedo ayudarte con/ }],
    ['techo', { tipo: 'informacion', says: /• Isodec/ }],
  ],
  'invalid dimensions': [
    ['Soy Ana Gómez, cotizar isodec 100mm', { needs: ['largo', 'ancho'] }],
    ['0 metros x 0 metros', { tipo: 'pregunta', says: /entre 0,1 y 1\.000 metros/, needs: ['largo', 'ancho'] }],
    ['10x5 metros', { tipo: 'cotizacion', net: 7_500 }],
  ],
  'product that does not exist': [
    ['Quiero cotizar producto XYZ', { tipo: 'pregunta', says: /No tengo ese producto/ }],
    ['Ok, entonces Isodec', { needs: ['nombre', 'apellido', 'espesor', 'largo', 'ancho'] }],
  ],
  'mixed language': [
    ['Hello, I need a quote', { intent: 'cotizacion', tipo: 'pregunta' }],
    ['Isodec, 10x5, 100mm please', { needs: ['nombre', 'apellido'] }],
    ['John Smith', { tipo: 'cotizacion', net: 7_500 }],
  ],
}

describe('acceptance scenarios', () => {
  it.each(Object.keys(SCENARIOS))('%s', (name) => {
    let state = newDialogue({ phone: '+59894000001' })
    for (const [text, expected] of SCENARIOS[name] ?? []) {
      const turn = converse(state, text, { catalogue: CATALOGUE, optedOut: false })
      check(turn, expected, text)
      state = turn.quote === undefined ? turn.state : afterQuote(turn.state)
    }
  })
})

function check({ intent, reply, quote, followUp }: Turn, expected: Expected, text: string): void {
  const where = `${JSON.stringify(text)} → ${reply.mensaje}`
  if (expected.intent !== undefined) expect(intent, where).toBe(expected.intent)
  if (expected.tipo !== undefined) expect(reply.tipo, where).toBe(expected.tipo)
  if (expected.says !== undefined) expect(reply.mensaje).toMatch(expected.says)
  if (expected.needs !== undefined) expect(reply.necesita_datos, where).toEqual(expected.needs)
  expect(quote && priceQuote(quote.spec, CATALOGUE).net / 100, where).toBe(expected.net)
  expect(followUp, where).toBe(expected.followUp)
}
