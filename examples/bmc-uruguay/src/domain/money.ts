/** An amount of money in whole cents. Never a float: 0.1 + 0.2 is not a price. */
export type Cents = number

/**
 * An exact fraction of cents, for the steps between a price per square metre and a total. Rounding happens once, at
 * the end, so the order of the factors can't change a quote.
 */
export interface Fraction {
  readonly over: bigint
  readonly under: bigint
}

/** A whole number as a fraction. */
export function whole(value: number): Fraction {
  return { over: BigInt(value), under: 1n }
}

/** Multiplies by `over / under`, both whole numbers. */
export function times(amount: Fraction, over: number, under: number): Fraction {
  return { over: amount.over * BigInt(over), under: amount.under * BigInt(under) }
}

/** The nearest whole cent; halves go up, as on a Uruguayan invoice. For amounts from 0. */
export function roundHalfUp(amount: Fraction): Cents {
  return Number((amount.over * 2n + amount.under) / (amount.under * 2n))
}

/** `1.234,56`: two decimals, a comma before them, a dot between thousands. */
export function formatAmount(cents: Cents): string {
  const sign = cents < 0 ? '-' : ''
  const digits = String(Math.abs(cents)).padStart(3, '0')
  const pesos = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, '.')
  return `${sign}${pesos},${digits.slice(-2)}`
}

/** `$ 1.234,56`: Uruguayan pesos. */
export function formatPesos(cents: Cents): string {
  return `$ ${formatAmount(cents)}`
}
