import type { ComparedCandidate, RoutingDecision } from './decision.js'
import type { RefusalReason } from './instance-load.js'

const REASONS: Record<RefusalReason, string> = {
  no_capability: 'without the capability',
  wrong_type: 'of other types',
  full: 'full',
  paused: 'paused',
  draining: 'draining',
  suspect: 'suspect',
  offline: 'offline',
  error: 'in error',
  excluded: 'failed it before',
  breaker_open: 'with an open breaker',
  rate_limited: 'rate limited',
}

/** Scores closer than this are shown as a tie. */
const TIE = 1e-12

/** A decision as text: one sentence, the candidates in columns, and who was out of the question. */
export function decisionText(decision: RoutingDecision): string {
  const { taskId, taskType, agent, strategy } = decision
  const task = taskType === '*' ? `Task ${taskId}` : `Task ${taskId} (${taskType})`
  const head = agent === undefined ? `${task}: no agent now (${strategy})` : `${task} -> ${agent} (${strategy})`
  const lines = [head, sentence(decision), ...notes(decision)]
  if (decision.candidates.length > 0) lines.push('', ...table(decision))
  const others = decision.able - decision.candidates.length
  if (others > 0) lines.push('', `Able too, not shown: ${others}`)
  const refusals = decision.refusals.map(({ reason, count }) => `${count} ${REASONS[reason]}`)
  if (refusals.length > 0) lines.push('', `Out of the question: ${refusals.join(', ')}`)
  return lines.join('\n')
}

/** Why the winner won. */
function sentence({ agent, candidates, able, strategy }: RoutingDecision): string {
  const [winner, second] = candidates
  if (agent === undefined || winner === undefined)
    return able === 0 ? 'Nobody could take it.' : `${strategy} chose none of the ${able} who could take it.`
  if (able === 1) return `${agent} was the only one who could take it.`
  if (winner.score === undefined || second?.score === undefined)
    return winner.score === undefined && strategy === 'round_robin'
      ? `It was the turn of ${agent}, one of ${able} who could take it.`
      : `${strategy} chose ${agent} among ${able} who could take it.`
  const gap = second.score - winner.score
  if (Math.abs(gap) < TIE)
    return `${agent} shares the lowest score, ${number(winner.score)}, with ${second.agent} and waited longest for work.`
  const reason = decisive(winner, second)
  const because = reason === undefined ? '' : `, mostly for ${words(reason)}`
  return `${agent} has the lowest score, ${number(winner.score)}; ${second.agent} comes next with ${number(second.score)}${because}.`
}

function notes({ fallbackFor, strategy, exclusionsLifted }: RoutingDecision): string[] {
  const lines: string[] = []
  if (fallbackFor !== undefined) lines.push(`The strategy ${fallbackFor} is broken; ${strategy} took its place.`)
  if (exclusionsLifted) lines.push('Everybody left had failed this task before, and was allowed again.')
  return lines
}

/** The term that speaks most for the winner. */
function decisive(winner: ComparedCandidate, second: ComparedCandidate): string | undefined {
  let most = 0
  let name: string | undefined
  for (const [term, value] of Object.entries(second.terms ?? {})) {
    const difference = value - (winner.terms?.[term] ?? 0)
    if (difference <= most) continue
    most = difference
    name = term
  }
  return name
}

function table({ agent, candidates }: RoutingDecision): string[] {
  const termNames = [...new Set(candidates.flatMap((candidate) => Object.keys(candidate.terms ?? {})))]
  const scored = candidates.some((candidate) => candidate.score !== undefined)
  const timed = candidates.some((candidate) => candidate.latencyMs !== undefined)
  const sameAgent = new Set(candidates.map((candidate) => candidate.agent)).size < candidates.length
  const rows = candidates.map((candidate, index) => [
    index === 0 && agent !== undefined ? '>' : ' ',
    sameAgent ? candidate.instance : candidate.agent,
    ...(scored ? [number(candidate.score), ...termNames.map((name) => number(candidate.terms?.[name]))] : []),
    `${candidate.inFlight}/${candidate.capacity}`,
    `${Math.round(candidate.successRate * 100)} %`,
    ...(timed ? [candidate.latencyMs === undefined ? '-' : `${number(candidate.latencyMs)} ms`] : []),
  ])
  const head = [
    ' ',
    sameAgent ? 'instance' : 'agent',
    ...(scored ? ['score', ...termNames.map(words)] : []),
    'slots',
    'success',
    ...(timed ? ['latency'] : []),
  ]
  return aligned([head, ...rows])
}

/** Pads every column to its widest cell: the first two to the left, numbers to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

/** `extraCapabilities` as `extra capabilities`. */
function words(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`)
}

function number(value: number | undefined): string {
  if (value === undefined) return '-'
  return Math.abs(value) >= 100 ? String(Math.round(value)) : value.toFixed(3)
}
