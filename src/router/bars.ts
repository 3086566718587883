/** Why an instance that is at work is left out. Several causes may hold at once; each is lifted by whoever set it. */
export type Bar = 'breaker_open' | 'ejected' | 'rate_limited' | 'over_budget' | 'excluded'

/** Every cause. Of several that hold, the first one here is shown as the reason. */
const BARS: readonly Bar[] = ['breaker_open', 'ejected', 'rate_limited', 'over_budget', 'excluded']

/** A cause's bit in a set of causes. */
export const BIT: Readonly<Record<Bar, number>> = {
  breaker_open: 1,
  ejected: 2,
  rate_limited: 4,
  over_budget: 8,
  excluded: 16,
}

/** The cause that is shown of a set of causes; `undefined` for none. */
export function shownOf(bars: number): Bar | undefined {
  return bars === 0 ? undefined : BARS[31 - Math.clz32(bars & -bars)]
}

/** When causes end, as far as that is known: wall-clock milliseconds by cause. Made when first needed. */
export type BarEnds = Partial<Record<Bar, number>>

/** Notes when a cause ends, or that nobody knows. */
export function withEnd(ends: BarEnds | undefined, bar: Bar, until: number | undefined): BarEnds | undefined {
  if (ends === undefined && until === undefined) return undefined
  const noted = ends ?? {}
  if (until === undefined) delete noted[bar]
  else noted[bar] = until
  return noted
}
