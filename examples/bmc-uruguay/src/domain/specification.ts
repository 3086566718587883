import { type Catalogue, type Finish, productOf } from './catalogue.js'
import { enumerate } from './text.js'

/** What the customer wants, as far as it is known. Lengths in whole millimetres, so that areas are exact. */
export interface Specification {
  readonly product: string
  readonly thicknessMm: number
  readonly lengthMm: number
  readonly widthMm: number
  /** Default: the product's first colour. */
  readonly colour?: string | undefined
  /** Default: the product's first filling. */
  readonly filling?: string | undefined
  /** One entry for each side that has a finish: at most four. Default none. */
  readonly finishes?: readonly Finish[] | undefined
  /** Whether anchors are included. Default yes. */
  readonly anchors?: boolean | undefined
  /** Whether freight is included. Default yes. */
  readonly freight?: boolean | undefined
  /** Where it goes. Counts for the price only in a catalogue with zones. */
  readonly zone?: string | undefined
}

/** A field whose value can't be quoted, and what to tell the customer. */
export interface Problem {
  readonly field: keyof Specification
  readonly message: string
}

/** Shortest and longest side, in millimetres. */
export const MIN_SIDE_MM = 100
export const MAX_SIDE_MM = 1_000_000

/**
 * What is wrong with a specification, which may be incomplete: what is missing is not a problem, what is there must
 * be possible. Empty when it is fine.
 */
export function problemsOf(spec: Partial<Specification>, catalogue: Catalogue): Problem[] {
  const problems: Problem[] = []
  const report = (field: keyof Specification, message: string) => problems.push({ field, message })

  for (const field of ['lengthMm', 'widthMm'] as const) {
    const side = spec[field]
    if (side !== undefined && !isSide(side))
      report(field, 'Las dimensiones tienen que estar entre 0,1 y 1.000 metros por lado.')
  }

  if (spec.product === undefined) return problems
  const product = productOf(catalogue, spec.product)
  if (product === undefined) {
    const names = catalogue.products.map(({ name }) => name)
    report('product', `No tengo ese producto en lista. Puedo cotizarte ${enumerate(names, 'o')}.`)
    return problems
  }

  const thicknesses = [...product.pricePerM2.keys()]
  if (spec.thicknessMm !== undefined && !thicknesses.includes(spec.thicknessMm)) {
    const options = enumerate(thicknesses.map(String), 'o')
    report('thicknessMm', `${product.name} no viene en ${spec.thicknessMm} mm; podés elegir ${options} mm.`)
  }
  if (spec.colour !== undefined && !product.colours.has(spec.colour))
    report('colour', `${product.name} no viene en color ${spec.colour}; hay ${optionsOf(product.colours)}.`)
  if (spec.filling !== undefined && !product.fillings.has(spec.filling))
    report('filling', `${product.name} no se ofrece con relleno de ${spec.filling}.`)
  const finishes = spec.finishes ?? []
  const other = finishes.find((finish) => !product.finishes.includes(finish))
  if (other !== undefined)
    report('finishes', `${product.name} no lleva terminación ${other}; hay ${enumerate(product.finishes)}.`)
  if (finishes.length > 4) report('finishes', 'Un panel tiene cuatro lados: no puede llevar más terminaciones.')
  if (spec.zone !== undefined && catalogue.zonePercent.size > 0 && !catalogue.zonePercent.has(spec.zone))
    report('zone', `Entregamos en ${optionsOf(catalogue.zonePercent)}.`)
  return problems
}

function isSide(mm: number): boolean {
  return Number.isInteger(mm) && mm >= MIN_SIDE_MM && mm <= MAX_SIDE_MM
}

function optionsOf(options: ReadonlyMap<string, unknown>): string {
  return enumerate([...options.keys()])
}
