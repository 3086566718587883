import { columns, durationText } from '../../internal/columns.js'
import type { DecisionRecording } from '../../router/replay/recording.js'

/** A distribution of durations, in milliseconds. All 0 when there are none. */
export interface Quantiles {
  readonly mean: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** What one agent did, over all nodes. */
export interface AgentLoad {
  readonly id: string
  /** Attempts that it got. */
  readonly attempts: number
  /** Its part of all attempts, from 0 to 1. */
  readonly share: number
  readonly completed: number
  /** Attempts whose handler failed. */
  readonly failed: number
  /** The part of its slots' time that was worked, from 0 to 1. */
  readonly busy: number
}

/** What came of a simulated load. The same options give the same report. */
export interface LoadReport {
  readonly strategy: string
  readonly seed: number
  readonly nodes: number
  /** Tasks that arrived and were counted: those after the warm-up. */
  readonly tasks: number
  readonly completed: number
  readonly failed: number
  /** Refused at submit, by error code. */
  readonly refused: Readonly<Record<string, number>>
  /** Not over when the simulation ended. */
  readonly unfinished: number
  /** Handlers that were started. */
  readonly attempts: number
  /** Arrivals per second that were asked for. */
  readonly offeredPerSecond: number
  /** Completed tasks per second of the time that was counted. */
  readonly throughputPerSecond: number
  /** Virtual milliseconds from the start to the end of the last task. */
  readonly virtualMs: number
  /** From the submit to the start of the first handler. */
  readonly waitMs: Quantiles
  /** From the submit to the result, retries included: of completed tasks. */
  readonly sojournMs: Quantiles
  /** In the order given. */
  readonly agents: readonly AgentLoad[]
  /** Decisions that the fallback strategy made, because the strategy broke. */
  readonly fallbacks: number
  /** What the router of each node recorded, when `coordinator: { recordDecisions }` asked for it. */
  readonly recordings: readonly DecisionRecording[]
  /** For a terminal. */
  toString(): string
}

/** Everything of a report but its text. */
export type LoadFacts = Omit<LoadReport, 'toString'>

/** A report with its text. */
export function loadReport(facts: LoadFacts): LoadReport {
  // Not enumerable: two reports are equal when their numbers are.
  return Object.defineProperty({ ...facts }, 'toString', { value: () => reportText(facts) })
}

/** The quantiles of durations; sorts them. The q-quantile of n values is the one of rank ceil(q n). */
export function quantilesOf(values: number[]): Quantiles {
  const { length } = values
  if (length === 0) return { mean: 0, p50: 0, p95: 0, p99: 0, max: 0 }
  values.sort((a, b) => a - b)
  const at = (q: number) => values[Math.ceil(q * length) - 1] as number
  const mean = values.reduce((sum, value) => sum + value, 0) / length
  return { mean, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}

function reportText(facts: LoadFacts): string {
  const { tasks, completed, failed, unfinished, attempts, agents, virtualMs, seed, nodes } = facts
  const refused = Object.values(facts.refused).reduce((sum, count) => sum + count, 0)
  const ends = [
    `${completed} completed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(refused > 0 ? [`${refused} refused`] : []),
    ...(unfinished > 0 ? [`${unfinished} unfinished`] : []),
  ]
  const quantiles = (name: string, { mean, p50, p95, p99, max }: Quantiles) => [
    name,
    ...[mean, p50, p95, p99, max].map(durationText),
  ]
  return [
    `${facts.strategy}: ${tasks} tasks in ${durationText(virtualMs)}${nodes > 1 ? ` on ${nodes} nodes` : ''} (seed ${seed})`,
    `${ends.join(', ')}; ${attempts} attempts; ${facts.throughputPerSecond.toFixed(1)} of ${facts.offeredPerSecond.toFixed(1)} tasks/s`,
    '',
    ...columns(
      [
        ['', 'mean', 'p50', 'p95', 'p99', 'max'],
        quantiles('wait', facts.waitMs),
        quantiles('sojourn', facts.sojournMs),
      ],
      1,
    ),
    '',
    ...columns(
      [
        ['agent', 'attempts', 'share', 'failed', 'busy'],
        ...agents.map(({ id, attempts: got, share, failed: bad, busy }) => [
          id,
          String(got),
          percent(share),
          String(bad),
          percent(busy),
        ]),
      ],
      1,
    ),
  ].join('\n')
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`
}
