/** Helpers of the benchmarks: alternating rounds, percentiles, and the report that `run.ts` collects. */

/** One line of the table. */
export interface BenchRow {
  /** What was measured, with its size. */
  readonly what: string
  readonly batuta: string
  /** The other side in the same run, or what the number is compared with. */
  readonly against: string
  /** batuta's time (or size) divided by the other's: below 1 is better. */
  readonly ratio?: number
  /** The budget of docs/architecture.md section 8, or empty. */
  readonly budget: string
}

/** One side of a comparison: does the whole work once. What it needs beforehand is prepared outside the time. */
export interface Side {
  readonly name: string
  /** Prepares a round and answers with the work to be timed, and how to tidy up. */
  prepare(): Promise<{ work: () => Promise<void>; close: () => Promise<void> }>
}

/**
 * Times every side in turn, `rounds` times, after one round that does not count. Alternating, because a machine that gets
 * slower or faster meanwhile must not favour one side.
 * @returns the median milliseconds of each side, by name.
 */
export async function alternate(sides: readonly Side[], rounds: number): Promise<ReadonlyMap<string, number>> {
  const times = new Map<string, number[]>(sides.map((side) => [side.name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const side of sides) {
      const { work, close } = await side.prepare()
      collectGarbage()
      const started = performance.now()
      await work()
      const tookMs = performance.now() - started
      await close()
      if (round > 0) times.get(side.name)?.push(tookMs)
    }
  }
  return new Map([...times].map(([name, values]) => [name, percentile(values, 0.5)]))
}

/** The value below which this share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Collects garbage where Node was started with `--expose-gc`. */
export function collectGarbage(): void {
  const { gc } = globalThis as { gc?: () => void }
  gc?.()
}

/** Hands the rows to `run.ts`, or prints them when the benchmark was started alone. */
export function report(rows: readonly BenchRow[]): void {
  if (process.send !== undefined) process.send(rows)
  else console.log(tableOf(rows))
}

/** The rows as a Markdown table. */
export function tableOf(rows: readonly BenchRow[]): string {
  const lines = rows.map(({ what, batuta, against, ratio, budget }) =>
    [what, batuta, against, ratio === undefined ? '' : ratio.toFixed(2), budget].join(' | '),
  )
  return [
    '| what | batuta | against | ratio | budget |',
    '|---|---|---|---|---|',
    ...lines.map((line) => `| ${line} |`),
  ].join('\n')
}

/** Tasks per second, for people. */
export function rate(count: number, tookMs: number): string {
  return `${Math.round((count / tookMs) * 1000).toLocaleString('en-US')}/s`
}

/** Microseconds or milliseconds, for people. */
export function duration(ms: number): string {
  return ms < 1 ? `${(ms * 1000).toFixed(0)} µs` : `${ms.toFixed(1)} ms`
}
