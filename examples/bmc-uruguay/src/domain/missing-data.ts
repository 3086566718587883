import { type Catalogue, productOf } from './catalogue.js'
import type { Customer } from './slots.js'
import type { Specification } from './specification.js'
import { enumerate } from './text.js'

/** What is needed before anything can be quoted, by the names of the HTTP contract. */
export const REQUIRED_DATA = ['nombre', 'apellido', 'telefono', 'producto', 'espesor', 'largo', 'ancho'] as const

/** One thing that is needed. */
export type RequiredDatum = (typeof REQUIRED_DATA)[number]

/** What is still missing, in the order in which it is asked for. */
export function missingOf(customer: Customer, spec: Partial<Specification>): RequiredDatum[] {
  const known: Record<RequiredDatum, unknown> = {
    nombre: customer.firstName,
    apellido: customer.lastName,
    telefono: customer.phone,
    producto: spec.product,
    espesor: spec.thicknessMm,
    largo: spec.lengthMm,
    ancho: spec.widthMm,
  }
  return REQUIRED_DATA.filter((datum) => known[datum] === undefined)
}

/** Asks for what is missing, and for nothing else; what belongs together is asked for together. */
export function askFor(missing: readonly RequiredDatum[], spec: Partial<Specification>, catalogue: Catalogue): string {
  const items = itemsOf(new Set(missing), spec, catalogue)
  const [only] = items
  if (only === undefined) return ''
  if (items.length === 1) return `Para poder cotizar necesito ${only.what}. ${only.question}`
  const list = enumerate(items.map(({ what }) => what))
  return `Para poder cotizar necesito los siguientes datos: ${list}. ¿Podrías indicarme esa información?`
}

interface Item {
  readonly what: string
  readonly question: string
}

function itemsOf(missing: ReadonlySet<RequiredDatum>, spec: Partial<Specification>, catalogue: Catalogue): Item[] {
  const has = (...data: RequiredDatum[]) => data.every((datum) => missing.has(datum))
  const options: readonly (readonly [boolean, string, string])[] = [
    [has('nombre', 'apellido'), 'tu nombre completo', '¿Cómo te llamás?'],
    [has('nombre') && !has('apellido'), 'tu nombre', '¿Cómo te llamás?'],
    [has('apellido') && !has('nombre'), 'tu apellido', '¿Cuál es?'],
    [has('telefono'), 'tu teléfono', '¿A qué número te llamamos?'],
    [has('producto'), `el producto (${namesOf(catalogue)})`, '¿Cuál te interesa?'],
    [has('espesor'), `el espesor${thicknessesOf(spec, catalogue)}`, '¿Cuál preferís?'],
    [
      has('largo', 'ancho'),
      'las dimensiones (largo x ancho en metros, por ejemplo: 10m x 5m)',
      '¿Qué medidas tiene la superficie?',
    ],
    [has('largo') && !has('ancho'), 'el largo en metros', '¿Cuánto mide?'],
    [has('ancho') && !has('largo'), 'el ancho en metros', '¿Cuánto mide?'],
  ]
  return options.filter(([asked]) => asked).map(([, what, question]) => ({ what, question }))
}

function namesOf(catalogue: Catalogue): string {
  return enumerate(
    catalogue.products.map(({ name }) => name),
    'o',
  )
}

/** The thicknesses of the chosen product, and never those of another. */
function thicknessesOf(spec: Partial<Specification>, catalogue: Catalogue): string {
  const product = productOf(catalogue, spec.product)
  if (product === undefined) return ''
  return ` (${enumerate([...product.pricePerM2.keys()].map(String), 'o')} mm)`
}
