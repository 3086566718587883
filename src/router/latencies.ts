/**
 * Moving averages of durations by task type, as a flat list `[type, ms, type, ms ...]`: an instance knows few types, and
 * a list of a few is searched faster than any map.
 */
export type Latencies = readonly (string | number)[]

/** Task types whose latency one instance remembers; the one learnt first is forgotten first. */
const MAX_TYPES = 64

/** Weight of the newest duration in the average. */
const ALPHA = 0.2

/** The latency in a list; `undefined` for a type that is not in it. */
export function latencyIn(latencies: Latencies, taskType: string): number | undefined {
  for (let i = 0; i < latencies.length; i += 2) if (latencies[i] === taskType) return latencies[i + 1] as number
  return undefined
}

/** The list after one more success; a new one. */
export function learnt(latencies: Latencies, taskType: string, durationMs: number): Latencies {
  const before = latencyIn(latencies, taskType)
  return withLatency(latencies, taskType, before === undefined ? durationMs : before + ALPHA * (durationMs - before))
}

/** The list with this latency in it; a new one. */
export function withLatency(latencies: Latencies, taskType: string, latencyMs: number): Latencies {
  for (let i = 0; i < latencies.length; i += 2) {
    if (latencies[i] !== taskType) continue
    const copy = latencies.slice()
    copy[i + 1] = latencyMs
    return copy
  }
  const kept = latencies.length >= 2 * MAX_TYPES ? latencies.slice(2) : latencies
  return [...kept, taskType, latencyMs]
}
