import { AGENTS, type Standing } from './contest.js'

const BAR = 10
const BLOCKS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']
const NAME = 13

/** A bar of eighths of a character: as long as `part`, 0 to 1, of `width`. */
export function bar(part: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, part)) * width * 8)
  return ('█'.repeat(eighths >> 3) + (BLOCKS[eighths & 7] ?? '')).padEnd(width)
}

/** One row per strategy: where the attempts went, and how long tasks took. */
export function board(standings: readonly Standing[]): string[] {
  const slowest = Math.max(1, ...standings.map(({ p95 }) => p95))
  const head = [
    'attempts to'.padEnd(NAME),
    ...AGENTS.map((id) => id.padEnd(BAR + 5)),
    'p50'.padStart(8),
    'p95'.padStart(8),
    ' '.repeat(BAR),
    'done',
  ]
  const rows = standings.map(({ strategy, attempts, done, p50, p95 }) => {
    const total = Math.max(
      1,
      attempts.reduce((sum, count) => sum + count, 0),
    )
    const shares = attempts.map((count) => `${bar(count / total, BAR)}${percent(count / total)} `)
    return [strategy.padEnd(NAME), ...shares, ms(p50), ms(p95), bar(p95 / slowest, BAR), String(done).padStart(4)]
  })
  return [head, ...rows].map((cells) => cells.join(' ').trimEnd())
}

function percent(part: number): string {
  return `${Math.round(100 * part)} %`.padStart(4)
}

function ms(value: number): string {
  return `${Math.round(value)} ms`.padStart(8)
}
