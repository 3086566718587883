import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../../src/domain/catalogue.js'
import type { QuoteRequest } from '../../src/domain/dialogue-state.js'
import { makeQuote, quoteText, sheetDescription } from '../../src/domain/quote.js'
import { argCodeOf, quoteIdOf } from '../../src/domain/quote-id.js'

const request: QuoteRequest = {
  customer: { firstName: 'Ana', lastName: 'Gómez', phone: '+59894123456' },
  spec: { product: 'isodec', thicknessMm: 100, lengthMm: 12_500, widthMm: 8_000, finishes: ['Gotero'], freight: false },
}
const occasion = { seed: 'task-1', at: new Date('2026-11-22T09:05:07Z'), origin: 'CH', previousQuotes: 0 } as const

describe('a quote', () => {
  it('is the same when it is made again, and another with another seed', () => {
    const quote = makeQuote(request, occasion, CATALOGUE)
    expect(makeQuote(request, occasion, CATALOGUE)).toEqual(quote)
    const other = makeQuote(request, { ...occasion, seed: 'task-2' }, CATALOGUE)
    expect(other.id).not.toBe(quote.id)
    expect(other.arg).not.toBe(quote.arg)
    expect(quote.id).toMatch(/^COT-20261122-060507-[0-9A-HJKMNP-TV-Z]{8}$/)
    expect(quote.arg).toBe(`CH22063456-${quote.id.slice(-8)}`)
  })

  it('has an id of its own among thousands of one second', () => {
    const ids = Array.from({ length: 10_000 }, (_, n) => quoteIdOf(`task-${n}`, occasion.at))
    const phone = request.customer.phone
    expect(new Set(ids).size).toBe(ids.length)
    expect(new Set(ids.map((id) => argCodeOf({ id, origin: 'WA', phone, at: occasion.at }))).size).toBe(ids.length)
  })

  it('reads like this', () => {
    const quote = makeQuote(request, occasion, CATALOGUE)
    expect(quoteText(quote, CATALOGUE).split('\n')).toEqual([
      `✅ Cotización ${quote.id}`,
      'Isodec · 100 mm · Blanco · EPS · 12,5 m × 8 m (100 m²)',
      'Precio por m²: $ 141,75',
      'Subtotal: $ 14.175,00',
      'Descuento 5 %: -$ 708,75',
      'IVA 22 %: $ 2.962,58',
      'Total: $ 16.428,83 (pesos uruguayos, IVA incluido)',
      'Incluye material, Gotero en 1 lado y anclajes. No incluye traslado.',
      'Válida hasta el 07/12/2026.',
    ])
  })

  it('goes into the sheet like this', () => {
    expect(sheetDescription(request.spec, CATALOGUE)).toBe(
      'ISODEC / 100mm / 100 m² / color blanco / relleno EPS / terminación gotero en 1 lado / sin flete',
    )
    expect(
      sheetDescription({ product: 'lana_roca', thicknessMm: 50, lengthMm: 3_000, widthMm: 1_500 }, CATALOGUE),
    ).toBe('LANA ROCA / 50mm / 4,5 m² / color blanco')
  })
})
