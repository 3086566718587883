import { type Catalogue, type Product, productOf } from './catalogue.js'
import { formatPesos } from './money.js'
import { enumerate, fold } from './text.js'

/** Questions that have one answer. On folded text; the first that fits answers. */
const FAQ: readonly (readonly [RegExp, string | ((catalogue: Catalogue) => string)])[] = [
  [
    /\bdescuentos?\b/,
    ({ discounts: { volume, frequent } }) =>
      `Aplicamos ${volume.percent} % de descuento a partir de ${volume.fromM2} m² y ${frequent.percent} % adicional ` +
      `a quienes ya cotizaron ${frequent.fromQuotes} veces o más.`,
  ],
  [
    /\b(?:cuotas?|tarjetas?|pago|pagar|financi\w+|transferencia)\b/,
    'Podés pagar en efectivo, por transferencia o con tarjeta; para obras grandes hay financiación bancaria.',
  ],
  [/\bgarantias?\b/, 'El producto tiene 10 años de garantía y la instalación, 2.'],
  [
    /\b(?:instal\w+|montaje|colocacion|colocan|colocar)\b/,
    'Podemos coordinar la instalación; se presupuesta aparte, según la obra.',
  ],
  [
    /\b(?:entregas?|entregan|demoran?|tarda\w*|plazos?|envios?|envian|fletes?)\b/,
    'Entregamos en todo el país: en Montevideo en 3 a 5 días hábiles y en el interior en 5 a 10.',
  ],
  [
    /\b(?:asesor\w*|vendedor\w*|humano|persona|soporte|atencion)\b/,
    'Le paso tu consulta a una persona de nuestro equipo para que te contacte.',
  ],
]

const OBJECTIONS: readonly (readonly [RegExp, string])[] = [
  [
    /\b(?:no estoy segur[oa]|dudando|dudas|no me convence)\b/,
    'Es una decisión importante. Contame qué te preocupa y lo vemos juntos, sin compromiso.',
  ],
  [
    /./,
    'Entiendo. Pensalo como una inversión: un buen aislamiento reduce el gasto en climatización durante toda la vida ' +
      'de la obra. Si querés, probamos con otro espesor u otro producto para ajustarnos a tu presupuesto.',
  ],
]

/** The answer to a common question, or nothing. */
export function faqAnswer(text: string, catalogue: Catalogue): string | undefined {
  const folded = fold(text)
  const answer = FAQ.find(([pattern]) => pattern.test(folded))?.[1]
  return typeof answer === 'function' ? answer(catalogue) : answer
}

/** What to say to "too expensive" and "not sure". */
export function objectionAnswer(text: string): string {
  const folded = fold(text)
  return OBJECTIONS.find(([pattern]) => pattern.test(folded))?.[1] ?? ''
}

/** What we know about these products: a sheet of one, a comparison of several, the list when none is named. */
export function productAnswer(catalogue: Catalogue, codes: readonly string[]): string {
  const products = codes.flatMap((code) => productOf(catalogue, code) ?? [])
  const [only] = products
  if (codes.length > 0 && products.length === 0)
    return `No tengo ese producto en lista. Trabajamos con ${namesOf(catalogue.products)}.`
  if (only === undefined) return `Trabajamos con:\n${catalogue.products.map(lineOf).join('\n')}\n¿Sobre cuál te cuento?`
  if (products.length > 1) return `${products.map(lineOf).join('\n')}\n¿Querés que cotice alguno?`
  return `${only.name}: ${only.description} Espesores: ${thicknessesOf(only)} mm. ${sentence(only.facts)}`
}

function lineOf(product: Product): string {
  const cheapest = Math.min(...product.pricePerM2.values())
  return `• ${product.name}: ${product.description} ${thicknessesOf(product)} mm, desde ${formatPesos(cheapest * 100)} el m² + IVA.`
}

function thicknessesOf(product: Product): string {
  return enumerate([...product.pricePerM2.keys()].map(String))
}

function namesOf(products: readonly Product[]): string {
  return enumerate(products.map(({ name }) => name))
}

function sentence(facts: readonly string[]): string {
  const text = enumerate(facts)
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
