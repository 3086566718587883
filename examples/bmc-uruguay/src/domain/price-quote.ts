import { type Catalogue, productOf } from './catalogue.js'
import { type Cents, roundHalfUp, times, whole } from './money.js'
import { type Problem, problemsOf, type Specification } from './specification.js'

/** What a quote costs. All amounts in cents of a peso. */
export interface Price {
  /** Before discounts, rounded for display; totals are computed from the exact value. */
  readonly perM2: Cents
  readonly areaM2: number
  readonly subtotal: Cents
  /** What was taken off the subtotal, and why. */
  readonly discount: Cents
  readonly discountPercent: number
  /** Before IVA. */
  readonly net: Cents
  readonly iva: Cents
  readonly total: Cents
}

/** A specification that can't be priced. A quote is right or it is an error; it is never zero. */
export class QuoteError extends Error {
  override readonly name = 'QuoteError'
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ message }) => message).join(' '))
    this.problems = problems
  }
}

/**
 * Prices a specification:
 * `net = table × colour × filling × (1 + Σ finishes) × anchors × freight × zone × area × (1 − discounts)`, then IVA.
 *
 * @param previousQuotes - how many quotes this customer had before this one.
 * @throws QuoteError listing everything that is wrong with the specification.
 */
export function priceQuote(spec: Specification, catalogue: Catalogue, previousQuotes = 0): Price {
  const problems = problemsOf(spec, catalogue)
  const product = productOf(catalogue, spec.product)
  const pesosPerM2 = product?.pricePerM2.get(spec.thicknessMm)
  if (problems.length > 0 || product === undefined || pesosPerM2 === undefined) throw new QuoteError(problems)

  const finishPercent = (spec.finishes ?? []).reduce((sum, finish) => sum + catalogue.finishPercent[finish], 0)
  const factors = [
    100 + surcharge(product.colours, spec.colour),
    100 + surcharge(product.fillings, spec.filling),
    100 + finishPercent,
    100 - (spec.anchors === false ? catalogue.withoutAnchorsPercent : 0),
    100 - (spec.freight === false ? catalogue.withoutFreightPercent : 0),
    100 + surcharge(catalogue.zonePercent, spec.zone),
  ]
  const perM2 = factors.reduce((amount, factor) => times(amount, factor, 100), whole(pesosPerM2 * 100))
  const gross = times(times(perM2, spec.lengthMm, 1_000), spec.widthMm, 1_000)
  const discountPercent = discountOf(spec, catalogue, previousQuotes)

  const subtotal = roundHalfUp(gross)
  const net = roundHalfUp(times(gross, 100 - discountPercent, 100))
  const iva = roundHalfUp(times(whole(net), catalogue.ivaPercent, 100))
  return {
    perM2: roundHalfUp(perM2),
    areaM2: areaM2Of(spec),
    subtotal,
    discount: subtotal - net,
    discountPercent,
    net,
    iva,
    total: net + iva,
  }
}

/** Square metres. */
export function areaM2Of(spec: Pick<Specification, 'lengthMm' | 'widthMm'>): number {
  return (spec.lengthMm * spec.widthMm) / 1_000_000
}

function discountOf(spec: Specification, { discounts }: Catalogue, previousQuotes: number): number {
  const volume = areaM2Of(spec) >= discounts.volume.fromM2 ? discounts.volume.percent : 0
  const frequent = previousQuotes >= discounts.frequent.fromQuotes ? discounts.frequent.percent : 0
  return volume + frequent
}

/** The surcharge of an option in percent; what the customer leaves open costs nothing extra. */
function surcharge(options: ReadonlyMap<string, number>, chosen: string | undefined): number {
  return chosen === undefined ? 0 : (options.get(chosen) ?? 0)
}
