import { columns, durationText } from '../../internal/columns.js'

/** The same number as it was and as it came out of the replay. */
export interface Compared<T = number> {
  readonly recorded: T
  readonly replayed: T
}

/** What came of replaying decisions. */
export interface ReplayReport {
  /** Who decided at the time; several names when tasks had their own strategies. */
  readonly by: string
  /** Who decided this time. */
  readonly strategy: string
  readonly decisions: number
  /** How many came out the same. */
  readonly same: number
  /** Those that did not: instance ids, absent for "none of them now". */
  readonly changed: readonly { readonly taskId: string; readonly from?: string; readonly to?: string }[]
  /** Each agent's part of the choices, from 0 to 1; the largest first. */
  readonly agents: readonly ({ readonly agent: string } & Compared)[]
  /** Decisions in which nobody was chosen. */
  readonly declined: Compared
  /** Mean of the latencies then estimated for those chosen, where there was an estimate. */
  readonly expectedLatencyMs: Compared<number | undefined>
  /** Failures to expect by the success rates, then, of those chosen. */
  readonly expectedFailures: Compared
  /** Sum of the costs of those chosen. */
  readonly cost: Compared
  /** What really happened, of the attempts whose end is in the recording. */
  readonly outcomes: { readonly known: number; readonly failed: number; readonly meanMs?: number }
  /** Decisions of which the recording holds a sample of the pool only. */
  readonly sampled: number
  /** Decisions in which the strategy broke and the fallback decided. */
  readonly broken: number
  /** Decisions in which somebody chosen had no latency estimate yet. */
  readonly unknownLatencies: number
  /** The strategy keeps a memory, and the recording has none for it. */
  readonly startedWithoutMemory: boolean
  /** What this replay can't know, in words. */
  readonly caveats: readonly string[]
  /** For a terminal. */
  toString(): string
}

/** Everything of a report but its words. */
export type ReplayFacts = Omit<ReplayReport, 'caveats' | 'toString'>

/** A report with its words. */
export function replayReport(facts: ReplayFacts): ReplayReport {
  const report = { ...facts, caveats: caveatsOf(facts) }
  return Object.defineProperty(report, 'toString', { value: () => reportText(report) })
}

function caveatsOf({
  decisions,
  changed,
  sampled,
  broken,
  unknownLatencies,
  startedWithoutMemory,
}: ReplayFacts): string[] {
  const caveats: string[] = []
  if (changed.length > 0)
    caveats.push(
      'Each decision met the pool as it was recorded. Had the work gone elsewhere, loads, success rates and latencies would have moved, and later decisions with them; nobody can say from a recording how long tasks would have waited or how they would have ended. simulateLoad can try it out.',
    )
  if (sampled > 0)
    caveats.push(
      `Of ${sampled} of ${decisions} decisions only a sample of the pool was recorded: somebody better may have been in the rest.`,
    )
  if (startedWithoutMemory)
    caveats.push('The strategy learns or remembers, and began with nothing: its first choices say little.')
  if (unknownLatencies > 0)
    caveats.push(
      `In ${unknownLatencies} of ${decisions} decisions somebody had no latency estimate yet and is left out of the expected latency.`,
    )
  if (broken > 0) caveats.push(`The strategy broke in ${broken} of ${decisions} decisions; round_robin decided those.`)
  return caveats
}

function reportText(report: ReplayReport): string {
  const { by, strategy, decisions, same, agents, declined, outcomes } = report
  const ms = (value: number | undefined) => (value === undefined ? '-' : durationText(value))
  const row = <T>(name: string, { recorded, replayed }: Compared<T>, text: (value: T) => string) => [
    name,
    text(recorded),
    text(replayed),
  ]
  const plain = (value: number) => String(Number(value.toPrecision(4)))
  const percent = (part: number) => `${(100 * part).toFixed(1)} %`
  const happened =
    outcomes.known === 0
      ? 'No attempt had ended when the recording was made.'
      : `What really happened: ${outcomes.known - outcomes.failed} succeeded${outcomes.meanMs === undefined ? '' : `, ${durationText(outcomes.meanMs)} on average`}; ${outcomes.failed} failed.`
  return [
    `${decisions} decisions of ${by}, decided again by ${strategy}`,
    `${same} came out the same (${decisions === 0 ? '-' : percent(same / decisions)}).`,
    '',
    ...columns(
      [
        ['agent', 'recorded', 'replayed'],
        ...agents.map(({ agent, ...shares }) => row(agent, shares, percent)),
        [''],
        row('expected latency', report.expectedLatencyMs, ms),
        row('expected failures', report.expectedFailures, plain),
        row('cost', report.cost, plain),
        ...(declined.recorded + declined.replayed > 0 ? [row('nobody chosen', declined, String)] : []),
      ],
      1,
    ),
    '',
    happened,
    ...report.caveats.map((caveat) => `- ${caveat}`),
  ].join('\n')
}
