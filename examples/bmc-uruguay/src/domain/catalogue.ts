/** What can be put along the edge of a panel. */
export type Finish = 'Gotero' | 'Hormigón' | 'Aluminio'

/** One product line. Prices in whole pesos per square metre, before IVA. */
export interface Product {
  readonly code: string
  readonly name: string
  /** One sentence for people who ask what it is. */
  readonly description: string
  readonly facts: readonly string[]
  /** Thickness in millimetres to price. The only source of prices: thickness is never a factor as well. */
  readonly pricePerM2: ReadonlyMap<number, number>
  /** Names to a surcharge in percent. The first is the default. */
  readonly colours: ReadonlyMap<string, number>
  readonly finishes: readonly Finish[]
  /** Cores to a surcharge in percent. The first is the default; empty when there is nothing to choose. */
  readonly fillings: ReadonlyMap<string, number>
}

/** Everything that a price depends on besides what the customer says: data, so that another business needs no code. */
export interface Catalogue {
  readonly products: readonly Product[]
  /** Surcharge in percent for each side with this finish. */
  readonly finishPercent: Readonly<Record<Finish, number>>
  /** Taken off, in percent of the price, when the customer fixes the panels himself. */
  readonly withoutAnchorsPercent: number
  /** Taken off, in percent of the price, when the customer fetches the panels himself. */
  readonly withoutFreightPercent: number
  /** Off the subtotal in percent. Added up when both apply. */
  readonly discounts: {
    readonly volume: { readonly fromM2: number; readonly percent: number }
    readonly frequent: { readonly fromQuotes: number; readonly percent: number }
  }
  /** Surcharge in percent by zone; empty when the zone doesn't count. */
  readonly zonePercent: ReadonlyMap<string, number>
  readonly ivaPercent: number
  /** How many days a quote holds. */
  readonly validDays: number
}

const isodec: Product = {
  code: 'isodec',
  name: 'Isodec',
  description: 'Panel autoportante con núcleo de EPS y chapa en ambas caras, para techos y paredes.',
  facts: ['conductividad 0,035 W/mK', 'densidad 15–20 kg/m³', 'absorción de agua menor a 1 %', 'fuego clase B2'],
  pricePerM2: new Map([
    [50, 120],
    [75, 135],
    [100, 150],
    [125, 165],
    [150, 180],
  ]),
  colours: new Map([
    ['Blanco', 0],
    ['Gris', 5],
    ['Personalizado', 15],
  ]),
  finishes: ['Gotero', 'Hormigón', 'Aluminio'],
  fillings: new Map([
    ['EPS', 0],
    ['Poliuretano', 15],
    ['Lana de roca', 20],
  ]),
}

const poliestireno: Product = {
  code: 'poliestireno',
  name: 'Poliestireno Expandido',
  description: 'Placas de EPS livianas y económicas para aislar techos, paredes y pisos.',
  facts: ['liviano y fácil de cortar', 'no absorbe humedad'],
  pricePerM2: new Map([
    [25, 80],
    [50, 100],
    [75, 120],
    [100, 140],
  ]),
  colours: new Map([
    ['Blanco', 0],
    ['Gris', 0],
  ]),
  finishes: ['Gotero'],
  fillings: new Map(),
}

const lanaDeRoca: Product = {
  code: 'lana_roca',
  name: 'Lana de Roca',
  description: 'Aislante mineral incombustible, térmico y acústico.',
  facts: ['no combustible', 'aísla también del ruido'],
  pricePerM2: new Map([
    [50, 110],
    [75, 130],
    [100, 150],
  ]),
  colours: new Map([
    ['Blanco', 0],
    ['Gris', 0],
  ]),
  // The price matrix lists no Gotero here, but the sales team quotes it; the team wins.
  finishes: ['Gotero', 'Hormigón', 'Aluminio'],
  fillings: new Map(),
}

/** The price list of the example, in pesos before IVA. */
export const CATALOGUE: Catalogue = {
  products: [isodec, poliestireno, lanaDeRoca],
  finishPercent: { Gotero: 5, Hormigón: 10, Aluminio: 15 },
  withoutAnchorsPercent: 5,
  withoutFreightPercent: 10,
  discounts: { volume: { fromM2: 100, percent: 5 }, frequent: { fromQuotes: 3, percent: 3 } },
  zonePercent: new Map(),
  ivaPercent: 22,
  validDays: 15,
}

/** Surcharges by zone, for a business that wants them: `{ ...CATALOGUE, zonePercent: ZONE_PERCENT }`. */
export const ZONE_PERCENT: ReadonlyMap<string, number> = new Map([
  ['Montevideo', 0],
  ['Interior', 10],
  ['Punta del Este', 15],
])

/** The product with this code, if there is one. */
export function productOf(catalogue: Catalogue, code: string | undefined): Product | undefined {
  return catalogue.products.find((product) => product.code === code)
}
