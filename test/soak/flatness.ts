/** Whether what is measured again and again stays as it is: a leak is a line that rises. */

type Point = readonly [atMs: number, value: number]

/** One look at everything that is measured. */
export interface Sample {
  /** Since the beginning. */
  readonly atMs: number
  readonly values: Readonly<Record<string, number>>
}

/** How much a measure may rise over the second half: this share of its mean, or so many units; whichever is more. */
export interface Bound {
  readonly share: number
  readonly units: number
  /** Or so many standard deviations of a count of what comes by chance: the square root of its mean. */
  readonly deviations?: number | undefined
}

/** What became of one measure. */
export interface Finding {
  readonly measure: string
  readonly first: number
  readonly last: number
  readonly mean: number
  /** By how much the line through the second half rises over it. */
  readonly rise: number
  readonly allowed: number
  readonly isFlat: boolean
}

/**
 * Judges the samples from `fromMs` on. The line is that of Theil and Sen, the median of the slopes between all pairs
 * that are a third of the time apart: a collection that came late or a vacuum that made room tilts it little.
 * @param boundOf - of a measure; `undefined` for one that is only shown.
 */
export function judgeFlatness(
  samples: readonly Sample[],
  fromMs: number,
  boundOf: (measure: string) => Bound | undefined,
): readonly Finding[] {
  const judged = samples.filter(({ atMs }) => atMs >= fromMs)
  const spanMs = (judged.at(-1)?.atMs ?? 0) - (judged[0]?.atMs ?? 0)
  if (judged.length < 5) throw new Error(`Only ${judged.length} samples to judge: let it run for longer.`)
  return Object.keys(judged.at(-1)?.values ?? {}).map((measure) => {
    const points = judged.map(({ atMs, values }): Point => [atMs, values[measure] ?? 0])
    const mean = points.reduce((sum, [, value]) => sum + value, 0) / points.length
    const rise = slopeOf(points, spanMs) * spanMs
    const bound = boundOf(measure)
    const allowed = bound === undefined ? Number.POSITIVE_INFINITY : allowedBy(bound, mean)
    const [first, last] = [samples[0]?.values[measure] ?? 0, points.at(-1)?.[1] ?? 0]
    return { measure, first, last, mean, rise, allowed, isFlat: rise <= allowed }
  })
}

function allowedBy({ share, units, deviations = 0 }: Bound, mean: number): number {
  return Math.max(units, share * mean, deviations * Math.sqrt(mean))
}

function slopeOf(points: readonly Point[], spanMs: number): number {
  const slopes = points.flatMap(([x, y]) =>
    points.filter(([toX]) => toX - x >= spanMs / 3).map(([toX, toY]) => (toY - y) / (toX - x)),
  )
  return slopes.sort((a, b) => a - b)[slopes.length >> 1] ?? 0
}
