/**
 * Moving averages of durations by task type, the one learnt last first: an instance knows few types, and a list of a few is
 * searched faster than any map. A value: what was learnt later stands before what it shares with it.
 */
export type Latencies = Latency | undefined

/** Made by a constructor, not a literal: see {@link RoutingDecision} about what V8 makes of those. */
class Latency {
  constructor(
    readonly type: string,
    readonly ms: number,
    readonly rest: Latencies,
  ) {}
}

/** Latencies as plain JSON, `[type, ms, type, ms ...]`. */
export type LatencyList = readonly (string | number)[]

/** Task types whose latency one instance remembers; the one learnt longest ago is forgotten first. */
const MAX_TYPES = 64

/** Weight of the newest duration in the average. */
const ALPHA = 0.2

/** The latency of a type; `undefined` for one that is not known. */
export function latencyIn(latencies: Latencies, taskType: string): number | undefined {
  for (let at = latencies; at !== undefined; at = at.rest) if (at.type === taskType) return at.ms
  return undefined
}

/** The latencies after one more success. */
export function learnt(latencies: Latencies, taskType: string, durationMs: number): Latencies {
  const before = latencyIn(latencies, taskType)
  const ms = before === undefined ? durationMs : before + ALPHA * (durationMs - before)
  return new Latency(taskType, ms, without(latencies, taskType, MAX_TYPES - 1))
}

/** All but one type, and at most so many. */
function without(latencies: Latencies, taskType: string, limit: number): Latencies {
  if (latencies === undefined || limit === 0) return undefined
  if (latencies.type === taskType) return latencies.rest
  return new Latency(latencies.type, latencies.ms, without(latencies.rest, taskType, limit - 1))
}

/** As JSON. */
export function listOfLatencies(latencies: Latencies): LatencyList {
  const list: (string | number)[] = []
  for (let at = latencies; at !== undefined; at = at.rest) list.push(at.type, at.ms)
  return list
}

/** From JSON. */
export function latenciesFrom(list: LatencyList): Latencies {
  let latencies: Latencies
  for (let i = list.length - 2; i >= 0; i -= 2)
    latencies = new Latency(list[i] as string, list[i + 1] as number, latencies)
  return latencies
}
