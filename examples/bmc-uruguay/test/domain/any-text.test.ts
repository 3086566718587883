import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../../src/domain/catalogue.js'
import { converse } from '../../src/domain/dialogue.js'
import { afterQuote, newDialogue } from '../../src/domain/dialogue-state.js'
import { makeQuote, quoteText, sheetDescription } from '../../src/domain/quote.js'

/** Pieces of real messages, in any order, and anything else. */
const fragment = fc.oneof(
  fc.constantFrom(
    ...['hola', 'quiero cotizar', 'isodec', 'isodac', 'poliestireno', 'lana de roca', 'producto XYZ', '10x5', '0x0'],
    ...['-3 x 2', '12,5 x 3', '100mm', '80mm', '150 mm', '10 cm', 'gris', 'rojo', 'sin flete', 'ni anclajes', '?'],
    ...['soy Ana Gómez', 'Juan Pérez', 'me llamo', '094 000 001', 'gracias', 'BAJA', 'ALTA', '4 goteros', '9 goteros'],
    ...[
      'con lana de roca',
      'relleno poliuretano',
      'muy caro',
      '¿garantía?',
      'otra cotización',
      'largo 3',
      'ancho 9999',
    ],
  ),
  fc.string({ unit: 'binary', maxLength: 12 }),
)
const text = fc.array(fragment, { maxLength: 8 }).map((parts) => parts.join(' '))

describe('whatever a customer writes', () => {
  it('gets an answer, keeps plain JSON, and never a quote that can not be made', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 6 }), (texts) => {
        let state = newDialogue({ phone: '+59894000001' })
        for (const each of texts) {
          const turn = converse(state, each, { catalogue: CATALOGUE, optedOut: false })
          expect(turn.reply.mensaje.trim()).not.toBe('')
          expect(JSON.parse(JSON.stringify(turn))).toStrictEqual(turn)
          if (turn.quote !== undefined) {
            const occasion = { seed: 's', at: new Date(0), origin: 'CH', previousQuotes: 0 } as const
            const quote = makeQuote(turn.quote, occasion, CATALOGUE)
            expect(quoteText(quote, CATALOGUE)).toMatch(/Total: \$ [\d.]+,\d\d/)
            expect(sheetDescription(quote.spec, CATALOGUE)).not.toMatch(/undefined|NaN/)
          }
          state = turn.quote === undefined ? turn.state : afterQuote(turn.state)
        }
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    '1'.repeat(2_000),
    '1 '.repeat(1_000),
    '1,'.repeat(1_000),
    '-1 x '.repeat(400),
    'a'.repeat(2_000),
    'a '.repeat(1_000),
    'soy a '.repeat(333),
    'gracias por la '.repeat(133),
    'no me escriban '.repeat(133),
    'lana de '.repeat(250),
    '+'.repeat(2_000),
    '(1)'.repeat(666),
    ' '.repeat(2_000),
    'gotero de '.repeat(200),
  ])('is read at once: %.20s…', (nasty) => {
    const startedAt = performance.now()
    converse(newDialogue(), nasty, { catalogue: CATALOGUE, optedOut: false })
    expect(performance.now() - startedAt).toBeLessThan(200)
  })
})
