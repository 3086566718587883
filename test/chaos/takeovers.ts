import { type ChaosLine, ofKind } from './chaos-log.js'

/** How long it took until what a killed process had run started elsewhere. */
export interface Takeover {
  /** From the kill to the first start of one of its tasks elsewhere, in milliseconds by this machine's clock. */
  readonly ms: number
  /** Whether a process that was there before the kill saw all of it, neither killed nor stopped meanwhile, and could write. */
  readonly isWatched: boolean
}

/** One for each process that was killed with handlers running. What was cancelled meanwhile starts nowhere. */
export function takeovers(lines: readonly ChaosLine[]): Takeover[] {
  const times: Takeover[] = []
  for (const killed of ofKind(lines, 'killed')) {
    const left = new Map<string, number>()
    for (const line of lines) {
      if (line.t === 'start' && line.life === killed.life) left.set(line.id, line.attempt)
      if (line.t === 'end' && line.life === killed.life) left.delete(line.id)
    }
    const again = lines.flatMap((line) =>
      line.t === 'start' && line.life !== killed.life && left.get(line.id) === line.attempt - 1 ? [line.at] : [],
    )
    // What it lost before, by a stop, started elsewhere before.
    const first = Math.min(...again.filter((at) => at > killed.at))
    if (first === Number.POSITIVE_INFINITY) continue
    times.push({ ms: first - killed.at, isWatched: isWatched(lines, killed.at, first) })
  }
  return times
}

/** Whether one process was up through all of this time, and could write. */
function isWatched(lines: readonly ChaosLine[], from: number, until: number): boolean {
  const wasUp = new Set(ofKind(lines, 'owner').flatMap(({ life, at }) => (at <= from ? [life] : [])))
  for (const { life, at } of ofKind(lines, 'killed')) if (at < until) wasUp.delete(life)
  const stops = ofKind(lines, 'stopped').filter((stop) => stop.from < until && stop.until > from)
  for (const { life } of stops) wasUp.delete(life)
  return wasUp.size > 0 && !stops.some(({ keepsFile }) => keepsFile)
}
