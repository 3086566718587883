import { describe, expect, it } from 'vitest'
import { describesProduct, readSlots } from '../../src/domain/slots.js'

const spec = (text: string) => readSlots(text).spec

describe('measures', () => {
  it.each([
    ['10m x 5m, 100mm, blanco', { lengthMm: 10_000, widthMm: 5_000, thicknessMm: 100, colour: 'Blanco' }],
    ['10 metros por 5 metros', { lengthMm: 10_000, widthMm: 5_000 }],
    ['10x5', { lengthMm: 10_000, widthMm: 5_000 }],
    ['10 X 5 mts', { lengthMm: 10_000, widthMm: 5_000 }],
    ['12,5 x 3', { lengthMm: 12_500, widthMm: 3_000 }],
    ['12.5x3,25', { lengthMm: 12_500, widthMm: 3_250 }],
    ['0 metros x 0 metros', { lengthMm: 0, widthMm: 0 }],
    ['-10 x 5', { lengthMm: -10_000, widthMm: 5_000 }],
    ['largo 10 y ancho 5', { lengthMm: 10_000, widthMm: 5_000 }],
    ['10 metros de largo por 5 de ancho', { lengthMm: 10_000, widthMm: 5_000 }],
    ['galpón 9m x 7m x 5m', { lengthMm: 9_000, widthMm: 7_000 }],
    ['150mm', { thicknessMm: 150 }],
    ['50 mm', { thicknessMm: 50 }],
    ['80mm', { thicknessMm: 80 }],
    ['espesor 125', { thicknessMm: 125 }],
    ['100 milímetros', { thicknessMm: 100 }],
    ['de 10 cm', { thicknessMm: 100 }],
    ['7,5 cm de espesor', { thicknessMm: 75 }],
    ['10x5 de 100mm', { lengthMm: 10_000, widthMm: 5_000, thicknessMm: 100 }],
    ['100mm 10x5', { lengthMm: 10_000, widthMm: 5_000, thicknessMm: 100 }],
    ['hola', {}],
    ['50 m2', {}],
  ])('%s', (text, expected) => {
    expect(spec(text)).toEqual(expected)
  })

  it('a bare number is a thickness when that was asked', () => {
    expect(readSlots('100', { name: 'none', thickness: true }).spec).toEqual({ thicknessMm: 100 })
    expect(readSlots('el de 75', { name: 'none', thickness: true }).spec).toEqual({ thicknessMm: 75 })
    expect(readSlots('10 5', { name: 'none', thickness: true }).spec).toEqual({})
    expect(readSlots('100').spec).toEqual({})
  })
})

describe('products', () => {
  it.each([
    ['Isodec', 'isodec'],
    ['ISODAC', 'isodec'],
    ['isodak', 'isodec'],
    ['iso dec', 'isodec'],
    ['isdoec', 'isodec'],
    ['isodecc', 'isodec'],
    ['poliestireno expandido', 'poliestireno'],
    ['EPS', 'poliestireno'],
    ['poliestirreno', 'poliestireno'],
    ['lana de roca', 'lana_roca'],
    ['lana roca', 'lana_roca'],
    ['lana_roca', 'lana_roca'],
    ['rockwool', 'lana_roca'],
    ['lana mineral', 'lana_roca'],
    ['producto XYZ', 'xyz'],
    ['iso-roof', 'iso-roof'],
    ['isopanel', 'isopanel'],
  ])('%s', (text, product) => {
    expect(spec(`quiero ${text}`)).toEqual({ product })
  })

  it('two products are a comparison, not a choice', () => {
    const slots = readSlots('¿Qué diferencia hay entre Isodec y lana de roca?')
    expect(slots.products).toEqual(['isodec', 'lana_roca'])
    expect(slots.spec.product).toBeUndefined()
  })

  it('a filling is not another product', () => {
    expect(spec('isodec con lana de roca 100mm')).toEqual({
      product: 'isodec',
      filling: 'Lana de roca',
      thicknessMm: 100,
    })
    expect(spec('isodec relleno de poliuretano')).toEqual({ product: 'isodec', filling: 'Poliuretano' })
  })

  it.each(['el producto que tienen', 'qué productos tienen', 'un producto para techo'])('%s names none', (text) => {
    expect(spec(text)).toEqual({})
  })
})

describe('options', () => {
  it.each([
    ['sin flete', { freight: false }],
    ['con flete', { freight: true }],
    ['no necesito el flete', { freight: false }],
    ['flete no', { freight: false }],
    ['sin flete ni anclajes', { freight: false, anchors: false }],
    ['sin anclajes', { anchors: false }],
    ['gris', { colour: 'Gris' }],
    ['paneles blancos', { colour: 'Blanco' }],
    ['color rojo', { colour: 'rojo' }],
    ['4 goteros', { finishes: ['Gotero', 'Gotero', 'Gotero', 'Gotero'] }],
    ['terminación gotero', { finishes: ['Gotero', 'Gotero', 'Gotero', 'Gotero'] }],
    ['gotero frontal', { finishes: ['Gotero'] }],
    ['dos goteros', { finishes: ['Gotero', 'Gotero'] }],
    ['terminación de hormigón', { finishes: ['Hormigón', 'Hormigón', 'Hormigón', 'Hormigón'] }],
    ['techo de hormigón', {}],
    ['sin terminaciones', { finishes: [] }],
    ['es para Punta del Este', { zone: 'Punta del Este' }],
    ['estoy en Rivera', { zone: 'Interior' }],
  ])('%s', (text, expected) => {
    expect(spec(text)).toEqual(expected)
  })

  it.each([
    [
      'Isodec 100mm / 8 p de 10 m / paneles blancos / completo + flete',
      { product: 'isodec', thicknessMm: 100, colour: 'Blanco', freight: true },
    ],
    [
      'Poliestireno 75mm / techo de 50 m2 / gris / sin flete',
      { product: 'poliestireno', thicknessMm: 75, colour: 'Gris', freight: false },
    ],
    ['Isodec 150mm 10x5 urgente', { product: 'isodec', thicknessMm: 150, lengthMm: 10_000, widthMm: 5_000 }],
    [
      'cotizar isodec 10x5 150mm gris con 4 goteros',
      {
        product: 'isodec',
        lengthMm: 10_000,
        widthMm: 5_000,
        thicknessMm: 150,
        colour: 'Gris',
        finishes: ['Gotero', 'Gotero', 'Gotero', 'Gotero'],
      },
    ],
  ])('all together: %s', (text, expected) => {
    expect(spec(text)).toEqual(expected)
  })

  it('a place alone describes no product', () => {
    expect(describesProduct(readSlots('soy de Montevideo'))).toBe(false)
    expect(describesProduct(readSlots('en gris'))).toBe(true)
  })
})

describe('customer', () => {
  const asked = { name: 'full', thickness: false } as const

  it.each([
    ['me llamo juan perez y quiero isodec', { firstName: 'Juan', lastName: 'Perez' }],
    ['Hola, soy María Fernández, quiero cotizar', { firstName: 'María', lastName: 'Fernández' }],
    ['mi nombre es Ana', { firstName: 'Ana' }],
    ['Mi nombre es Juan Pérez Gómez', { firstName: 'Juan', lastName: 'Pérez Gómez' }],
    ['soy Ana María López García', { firstName: 'Ana María', lastName: 'López García' }],
    ['me llamo Lucía de los Santos', { firstName: 'Lucía', lastName: 'de los Santos' }],
    ['soy Juan Pérez de Montevideo', { firstName: 'Juan', lastName: 'Pérez' }],
    ['soy de Montevideo', {}],
    ['soy arquitecto', {}],
    ['Juan Pérez', {}],
  ])('without being asked: %s', (text, expected) => {
    expect(readSlots(text).customer).toEqual(expected)
  })

  it.each([
    ['Juan Pérez', { firstName: 'Juan', lastName: 'Pérez' }],
    ['juan perez', { firstName: 'Juan', lastName: 'Perez' }],
    ["Sinéad O'Connor", { firstName: 'Sinéad', lastName: "O'Connor" }],
    ['Juan', { firstName: 'Juan' }],
    ['Juan Pérez, 10x5', { firstName: 'Juan', lastName: 'Pérez' }],
    ['10x5, Juan Pérez', { firstName: 'Juan', lastName: 'Pérez' }],
    ['muy caro', {}],
    ['no se', {}],
    ['quiero isodec', {}],
    ['gris', {}],
  ])('when asked: %s', (text, expected) => {
    expect(readSlots(text, asked).customer).toEqual(expected)
  })

  it('one word answers the question for one part', () => {
    expect(readSlots('Pérez', { name: 'last', thickness: false }).customer).toEqual({ lastName: 'Pérez' })
    expect(readSlots('Juan', { name: 'first', thickness: false }).customer).toEqual({ firstName: 'Juan' })
  })

  it.each([
    ['mi teléfono es 094 000 001', '+59894000001'],
    ['+59894000001', '+59894000001'],
    ['llamame al 2900-0001', '+59829000001'],
    ['10x5 100mm', undefined],
  ])('telephone: %s', (text, phone) => {
    expect(readSlots(text).customer.phone).toBe(phone)
  })
})
