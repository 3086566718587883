import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CATALOGUE, type Catalogue, type Finish, type Product, ZONE_PERCENT } from '../../src/domain/catalogue.js'
import { formatAmount, formatPesos, roundHalfUp, times, whole } from '../../src/domain/money.js'
import { priceQuote, QuoteError } from '../../src/domain/price-quote.js'
import type { Specification } from '../../src/domain/specification.js'

function isodec(overrides: Partial<Specification> = {}): Specification {
  return { product: 'isodec', thicknessMm: 100, lengthMm: 10_000, widthMm: 5_000, ...overrides }
}

const four = (finish: Finish) => Array<Finish>(4).fill(finish)

function amounts(spec: Specification, previousQuotes = 0, catalogue: Catalogue = CATALOGUE) {
  const { perM2, areaM2, subtotal, discount, net, iva, total } = priceQuote(spec, catalogue, previousQuotes)
  return [formatAmount(perM2), areaM2, ...[subtotal, discount, net, iva, total].map(formatAmount)]
}

describe('price of a quote', () => {
  it.each<[string, Specification, number, (string | number)[]]>([
    // What, specification, earlier quotes: per m², area, subtotal, discount, net, IVA, total.
    ['Isodec 100 Blanco 10×5', isodec(), 0, ['150,00', 50, '7.500,00', '0,00', '7.500,00', '1.650,00', '9.150,00']],
    [
      'with 4 Gotero',
      isodec({ finishes: four('Gotero') }),
      0,
      ['180,00', 50, '9.000,00', '0,00', '9.000,00', '1.980,00', '10.980,00'],
    ],
    [
      'Isodec 100 Blanco 8×4',
      isodec({ lengthMm: 8_000, widthMm: 4_000 }),
      0,
      ['150,00', 32, '4.800,00', '0,00', '4.800,00', '1.056,00', '5.856,00'],
    ],
    [
      'Isodec 75 Blanco 6×3',
      isodec({ thicknessMm: 75, lengthMm: 6_000, widthMm: 3_000 }),
      0,
      ['135,00', 18, '2.430,00', '0,00', '2.430,00', '534,60', '2.964,60'],
    ],
    [
      'Isodec 100 Gris 12×6',
      isodec({ colour: 'Gris', lengthMm: 12_000, widthMm: 6_000 }),
      0,
      ['157,50', 72, '11.340,00', '0,00', '11.340,00', '2.494,80', '13.834,80'],
    ],
    [
      'volume discount from 100 m²',
      isodec({ lengthMm: 20_000, widthMm: 6_000 }),
      0,
      ['150,00', 120, '18.000,00', '900,00', '17.100,00', '3.762,00', '20.862,00'],
    ],
    ['frequent customer', isodec(), 3, ['150,00', 50, '7.500,00', '225,00', '7.275,00', '1.600,50', '8.875,50']],
    [
      'without freight',
      isodec({ freight: false }),
      0,
      ['135,00', 50, '6.750,00', '0,00', '6.750,00', '1.485,00', '8.235,00'],
    ],
    [
      'Poliestireno 75 8×4, 4 Gotero: the table, not a factor',
      { product: 'poliestireno', thicknessMm: 75, lengthMm: 8_000, widthMm: 4_000, finishes: four('Gotero') },
      0,
      ['144,00', 32, '4.608,00', '0,00', '4.608,00', '1.013,76', '5.621,76'],
    ],
    [
      'Lana de roca 50 10×5, 4 Gotero',
      { product: 'lana_roca', thicknessMm: 50, lengthMm: 10_000, widthMm: 5_000, finishes: four('Gotero') },
      0,
      ['132,00', 50, '6.600,00', '0,00', '6.600,00', '1.452,00', '8.052,00'],
    ],
    [
      'Isodec 150 Gris 10×5, 4 Gotero',
      isodec({ thicknessMm: 150, colour: 'Gris', finishes: four('Gotero') }),
      0,
      ['226,80', 50, '11.340,00', '0,00', '11.340,00', '2.494,80', '13.834,80'],
    ],
    [
      '4 Aluminio count 60 %',
      isodec({ finishes: four('Aluminio') }),
      0,
      ['240,00', 50, '12.000,00', '0,00', '12.000,00', '2.640,00', '14.640,00'],
    ],
    [
      'both discounts are added up',
      isodec({ lengthMm: 20_000, widthMm: 6_000 }),
      5,
      ['150,00', 120, '18.000,00', '1.440,00', '16.560,00', '3.643,20', '20.203,20'],
    ],
  ])('%s', (_, spec, previousQuotes, expected) => {
    expect(amounts(spec, previousQuotes)).toEqual(expected)
  })

  it('discounts start exactly at their limits', () => {
    expect(priceQuote(isodec({ lengthMm: 20_000 }), CATALOGUE).discountPercent).toBe(5)
    expect(priceQuote(isodec({ lengthMm: 19_999 }), CATALOGUE).discountPercent).toBe(0)
    expect(priceQuote(isodec(), CATALOGUE, 2).discountPercent).toBe(0)
  })

  it('counts the zone only in a catalogue that has zones', () => {
    const spec = isodec({ finishes: four('Gotero'), zone: 'Punta del Este' })
    expect(amounts(spec)[4]).toBe('9.000,00')
    const zoned = { ...CATALOGUE, zonePercent: ZONE_PERCENT }
    expect(amounts(spec, 0, zoned).slice(4)).toEqual(['10.350,00', '2.277,00', '12.627,00'])
    expect(() => priceQuote(isodec({ zone: 'Luna' }), zoned)).toThrow(
      'Entregamos en Montevideo, Interior y Punta del Este',
    )
  })

  it('works on any catalogue', () => {
    const [isodecProduct] = CATALOGUE.products as readonly [Product]
    const panel: Product = {
      ...isodecProduct,
      code: 'panel',
      pricePerM2: new Map([
        [50, 80],
        [150, 120],
      ]),
    }
    const catalogue = { ...CATALOGUE, products: [panel] }
    const size = { product: 'panel', lengthMm: 10_000, widthMm: 1_000 }
    const dear: Specification = { ...size, thicknessMm: 150, colour: 'Personalizado', finishes: ['Hormigón'] }
    const bare: Specification = { ...size, thicknessMm: 50, anchors: false, freight: false }
    expect(amounts(dear, 0, catalogue).slice(0, 3)).toEqual(['151,80', 10, '1.518,00'])
    expect(amounts(bare, 0, catalogue).slice(0, 3)).toEqual(['68,40', 10, '684,00'])
  })

  it('is refused, and never zero or negative', () => {
    const refused: [Specification, string][] = [
      [isodec({ thicknessMm: 200 }), 'podés elegir 50, 75, 100, 125 o 150 mm'],
      [isodec({ product: 'poliestireno', thicknessMm: 150 }), 'podés elegir 25, 50, 75 o 100 mm'],
      [isodec({ product: 'xyz' }), 'Isodec, Poliestireno Expandido o Lana de Roca'],
      [isodec({ lengthMm: -10_000 }), '0,1 y 1.000 metros'],
      [isodec({ widthMm: 0 }), '0,1 y 1.000 metros'],
      [isodec({ widthMm: Number.NaN }), '0,1 y 1.000 metros'],
      [isodec({ lengthMm: 1_000_001 }), '0,1 y 1.000 metros'],
      [isodec({ colour: 'rojo' }), 'hay Blanco, Gris y Personalizado'],
      [isodec({ product: 'poliestireno', finishes: ['Hormigón'] }), 'hay Gotero'],
      [isodec({ finishes: Array<Finish>(5).fill('Gotero') }), 'cuatro lados'],
      [isodec({ product: 'lana_roca', filling: 'EPS' }), 'relleno de EPS'],
    ]
    for (const [spec, message] of refused) expect(() => priceQuote(spec, CATALOGUE)).toThrow(message)
  })

  it('says everything that is wrong at once', () => {
    try {
      priceQuote(isodec({ thicknessMm: 80, colour: 'verde', lengthMm: 0 }), CATALOGUE)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(QuoteError)
      expect((error as QuoteError).problems.map(({ field }) => field)).toEqual(['lengthMm', 'thicknessMm', 'colour'])
    }
  })

  it('holds together for every specification that can be quoted', () => {
    const spec = fc.constantFrom(...CATALOGUE.products).chain((product) =>
      fc.record({
        product: fc.constant(product.code),
        thicknessMm: fc.constantFrom(...product.pricePerM2.keys()),
        lengthMm: fc.integer({ min: 100, max: 999_999 }),
        widthMm: fc.integer({ min: 100, max: 1_000_000 }),
        colour: fc.constantFrom(undefined, ...product.colours.keys()),
        finishes: fc.array(fc.constantFrom(...product.finishes), { maxLength: 4 }),
        anchors: fc.boolean(),
        freight: fc.boolean(),
      }),
    )
    fc.assert(
      fc.property(spec, fc.nat(5), (wanted, previous) => {
        const price = priceQuote(wanted, CATALOGUE, previous)
        expect(price.total).toBeGreaterThan(0)
        expect(price.net + price.iva).toBe(price.total)
        expect(price.subtotal - price.discount).toBe(price.net)
        for (const amount of Object.values(price).filter((value) => value !== price.areaM2))
          expect(Number.isSafeInteger(amount)).toBe(true)
        // Within half a cent of the exact tax.
        expect(Math.abs(price.iva - price.net * 0.22)).toBeLessThanOrEqual(0.5 + 1e-6 * price.net)
        const larger = { ...wanted, lengthMm: wanted.lengthMm + 1 }
        expect(priceQuote(larger, CATALOGUE, previous).subtotal).toBeGreaterThanOrEqual(price.subtotal)
      }),
    )
  })
})

describe('money', () => {
  it('rounds halves up', () => {
    expect([1, 2, 3, 4, 5].map((n) => roundHalfUp(times(whole(n), 1, 2)))).toEqual([1, 1, 2, 2, 3])
    expect(roundHalfUp(times(whole(149), 1, 100))).toBe(1)
  })

  it('is written the Uruguayan way', () => {
    expect([0, 5, 99, 123_456, 100_000_000].map(formatPesos)).toEqual([
      '$ 0,00',
      '$ 0,05',
      '$ 0,99',
      '$ 1.234,56',
      '$ 1.000.000,00',
    ])
    expect(formatAmount(-1_250)).toBe('-12,50')
  })
})
