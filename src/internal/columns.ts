/** Rows padded so that their columns line up: the first `left` columns to the left, the others (numbers) to the right. */
export function columns(rows: readonly (readonly string[])[], left: number): string[] {
  const widths: number[] = []
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  return rows.map((row) =>
    row
      .map((cell, i) => (i < left ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
      .join('  ')
      .trimEnd(),
  )
}

/** A duration as people say it: `4.2 ms`, `120 ms`, `1.3 s`, `5 min`. */
export function durationText(ms: number): string {
  if (ms < 999.5) return `${ms < 10 ? Number(ms.toFixed(1)) : Math.round(ms)} ms`
  const [size, unit] = ms < 120_000 ? [1_000, 's'] : ms < 7_200_000 ? [60_000, 'min'] : [3_600_000, 'h']
  return `${Number((ms / size).toFixed(1))} ${unit}`
}

/** A time of day as people say it, in UTC: `12:00:03`. */
export function timeText(at: Date): string {
  return at.toISOString().slice(11, 19)
}
