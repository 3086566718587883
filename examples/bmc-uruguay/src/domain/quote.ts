import { type Catalogue, productOf } from './catalogue.js'
import type { QuoteRequest } from './dialogue-state.js'
import { longDate, plusHours } from './local-time.js'
import { formatPesos } from './money.js'
import { areaM2Of, type Price, priceQuote } from './price-quote.js'
import { argCodeOf, type Origin, quoteIdOf } from './quote-id.js'
import type { Specification } from './specification.js'
import { enumerate } from './text.js'

/** A quote as the customer got it: never changed afterwards. */
export interface Quote extends QuoteRequest {
  readonly id: string
  /** The sales team's code, one to one with the id. */
  readonly arg: string
  readonly origin: Origin
  readonly price: Price
  /** ISO 8601. */
  readonly quotedAt: string
}

/** What makes one quote this quote and no other. */
export interface QuoteOccasion {
  /** Names the quote: the same each time that making it is tried. */
  readonly seed: string
  readonly at: Date
  readonly origin: Origin
  readonly previousQuotes: number
}

/**
 * Makes a quote. Pure, so that trying again gives the same quote with the same id.
 * @throws QuoteError when the specification can't be priced.
 */
export function makeQuote(request: QuoteRequest, occasion: QuoteOccasion, catalogue: Catalogue): Quote {
  const { seed, at, origin, previousQuotes } = occasion
  const id = quoteIdOf(seed, at)
  return {
    ...request,
    id,
    arg: argCodeOf({ id, origin, phone: request.customer.phone, at }),
    origin,
    price: priceQuote(request.spec, catalogue, previousQuotes),
    quotedAt: at.toISOString(),
  }
}

/** What the customer reads: everything that he pays for, and everything that was assumed. */
export function quoteText({ id, spec, price, quotedAt }: Quote, catalogue: Catalogue): string {
  const discount = price.discount === 0 ? [] : [`Descuento ${price.discountPercent} %: -${formatPesos(price.discount)}`]
  return [
    `✅ Cotización ${id}`,
    describe(spec, catalogue),
    `Precio por m²: ${formatPesos(price.perM2)}`,
    `Subtotal: ${formatPesos(price.subtotal)}`,
    ...discount,
    `IVA ${catalogue.ivaPercent} %: ${formatPesos(price.iva)}`,
    `Total: ${formatPesos(price.total)} (pesos uruguayos, IVA incluido)`,
    includedText(spec),
    `Válida hasta el ${longDate(plusHours(new Date(quotedAt), catalogue.validDays * 24))}.`,
  ].join('\n')
}

/** `ISODEC / 100mm / 50 m² / color blanco`: how the sales team writes it in the sheet. */
export function sheetDescription(spec: Specification, catalogue: Catalogue): string {
  const { colour, filling } = choices(spec, catalogue)
  return [
    spec.product.replace('_', ' ').toUpperCase(),
    `${spec.thicknessMm}mm`,
    `${formatNumber(areaM2Of(spec))} m²`,
    ...(colour === undefined ? [] : [`color ${colour.toLowerCase()}`]),
    ...(filling === undefined ? [] : [`relleno ${filling}`]),
    ...finishTexts(spec).map((finish) => `terminación ${finish.toLowerCase()}`),
    ...(spec.anchors === false ? ['sin anclajes'] : []),
    ...(spec.freight === false ? ['sin flete'] : []),
  ].join(' / ')
}

function describe(spec: Specification, catalogue: Catalogue): string {
  const { name, colour, filling } = choices(spec, catalogue)
  const size = `${metres(spec.lengthMm)} m × ${metres(spec.widthMm)} m (${formatNumber(areaM2Of(spec))} m²)`
  return [name, `${spec.thicknessMm} mm`, colour, filling, size].filter((part) => part !== undefined).join(' · ')
}

/** What was chosen or, where the customer left it open, the product's default. */
function choices(spec: Specification, catalogue: Catalogue): { name: string; colour?: string; filling?: string } {
  const product = productOf(catalogue, spec.product)
  const colour = spec.colour ?? product?.colours.keys().next().value
  const filling = spec.filling ?? product?.fillings.keys().next().value
  return {
    name: product?.name ?? spec.product,
    ...(colour === undefined ? {} : { colour }),
    ...(filling === undefined ? {} : { filling }),
  }
}

function includedText(spec: Specification): string {
  const services = [
    ['anclajes', spec.anchors !== false],
    ['traslado', spec.freight !== false],
  ] as const
  const included = ['material', ...finishTexts(spec), ...services.filter(([, yes]) => yes).map(([name]) => name)]
  const left = services.filter(([, yes]) => !yes).map(([name]) => name)
  const finishes = (spec.finishes ?? []).length === 0 ? ['terminaciones'] : []
  const excluded = [...finishes, ...left]
  return `Incluye ${enumerate(included)}.${excluded.length === 0 ? '' : ` No incluye ${enumerate(excluded)}.`}`
}

/** "Gotero en 4 lados", one for each sort of finish. */
function finishTexts(spec: Specification): string[] {
  const finishes = spec.finishes ?? []
  return [...new Set(finishes)].map((finish) => {
    const sides = finishes.filter((other) => other === finish).length
    return `${finish} en ${sides} ${sides === 1 ? 'lado' : 'lados'}`
  })
}

function metres(mm: number): string {
  return formatNumber(mm / 1_000)
}

/** A number with a decimal comma and no superfluous zeros. */
function formatNumber(value: number): string {
  return String(value).replace('.', ',')
}
