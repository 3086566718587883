import { columns, durationText, timeText } from '../internal/columns.js'
import type { ComparedCandidate, Refusal, RoutingDecision } from './decision.js'
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
  ejected: 'ejected',
  rate_limited: 'rate limited',
  over_budget: 'over budget',
}

/** Scores closer than this are a tie. */
const TIE = 1e-12

/** A term is worth a word from this part of the widest gap between the winner and the next. */
const TELLING = 0.1

/** A decision as text: who got the task, why in one sentence, the candidates in columns, and who could not take it. */
export function decisionText(decision: RoutingDecision): string {
  const lines = [head(decision), sentence(decision), ...notes(decision)]
  if (decision.candidates.length > 0) lines.push('', ...table(decision))
  const others = decision.able - decision.candidates.length
  if (others > 0) lines.push(`   and ${others} more who could take it`)
  const refusals = decision.refusals.map(refusalText)
  if (refusals.length > 0) lines.push('', `Out of the question: ${refusals.join(', ')}`)
  return lines.join('\n')
}

function refusalText({ reason, count, until }: Refusal): string {
  return `${count} ${REASONS[reason]}${until === undefined ? '' : ` until ${timeText(until)}`}`
}

function head({ taskId, taskType, attempt, agent, strategy }: RoutingDecision): string {
  const task = taskType === '*' ? `Task ${taskId}` : `Task ${taskId} (${taskType})`
  const again = attempt === 1 ? '' : `, attempt ${attempt}`
  return agent === undefined
    ? `${task}${again}: no agent now (${strategy})`
    : `${task}${again} -> ${agent} (${strategy})`
}

/** Why the winner won. */
function sentence(decision: RoutingDecision): string {
  const { agent, candidates, able, strategy } = decision
  const [winner, second] = candidates
  if (agent === undefined || winner === undefined)
    return able === 0 ? 'Nobody could take it.' : `${strategy} chose none of the ${able} who could take it.`
  const name = nameIn(decision)
  if (able === 1) return `${name(winner)} was the only one who could take it.`
  if (winner.score === undefined || second?.score === undefined)
    return `${unscored(strategy, name(winner), winner.terms)}, one of ${able} who could take it.`
  if (second.score - winner.score < TIE) {
    const best = winner.score
    const ties = candidates.filter(({ score }) => score !== undefined && score - best < TIE).length - 1
    const rivals = ties === 1 ? name(second) : `${ties} others`
    return `${name(winner)} won: it scored the same as ${rivals} and had waited longest for work.`
  }
  const { pro, con } = reasons(winner, second)
  const because = pro.length === 0 ? '' : `: ${pro.join(', ')}`
  const although = con.length === 0 ? '' : `, in spite of ${con.join(', ')}`
  return `${name(winner)} won over ${name(second)}${because}${although}.`
}

/** What strategies go by that don't weigh candidates against each other. */
function unscored(strategy: string, winner: string, terms: ComparedCandidate['terms']): string {
  switch (strategy) {
    case 'round_robin':
    case 'weighted_round_robin':
      return `It was the turn of ${winner}`
    case 'random':
      return `The lot fell on ${winner}`
    case 'consistent_hash':
      return `The task's key leads to ${winner}`
    default:
      return terms?.pin === undefined ? `${strategy} chose ${winner}` : `${winner} had the session or key before`
  }
}

function notes({ fallbackFor, strategy, exclusionsLifted, inPanic }: RoutingDecision): string[] {
  const lines: string[] = []
  if (fallbackFor !== undefined) lines.push(`The strategy ${fallbackFor} is broken; ${strategy} took its place.`)
  if (exclusionsLifted) lines.push('Everybody left had failed this task before, and was allowed again.')
  if (inPanic) lines.push('So few agents are healthy that those ejected were asked, too (panic).')
  return lines
}

/** What spoke for the winner and what against it, beside the next one: the most telling first. */
function reasons(winner: ComparedCandidate, second: ComparedCandidate): { pro: string[]; con: string[] } {
  const gaps = Object.entries(second.terms ?? {}).map(([term, value]) => ({
    term,
    gap: value - (winner.terms?.[term] ?? 0),
  }))
  gaps.sort((a, b) => Math.abs(b.gap) - Math.abs(a.gap))
  const least = TELLING * Math.abs(gaps[0]?.gap ?? 0)
  const telling = gaps.filter(({ gap }) => Math.abs(gap) > TIE && Math.abs(gap) >= least)
  const said = (sign: number) =>
    telling.filter(({ gap }) => gap * sign > 0).map(({ term }) => against(term, winner, second))
  return { pro: said(1), con: said(-1) }
}

/** How two candidates differ in a term, in the numbers that it was made of where those are known. */
function against(term: string, winner: ComparedCandidate, second: ComparedCandidate): string {
  const same = winner.inFlight === second.inFlight && winner.capacity === second.capacity
  if (term === 'load' && !same)
    return `${winner.inFlight} of ${winner.capacity} slots taken against ${second.inFlight} of ${second.capacity}`
  if (term === 'failures') return `${percent(winner.successRate)} success against ${percent(second.successRate)}`
  if (term === 'latency' && winner.latencyMs !== undefined && second.latencyMs !== undefined)
    return `${durationText(winner.latencyMs)} against ${durationText(second.latencyMs)}`
  if (term === 'wait') return `a wait of ${duration(winner, term)} against ${duration(second, term)}`
  if (term === 'cost') return `a cost of ${plain(winner.cost ?? 0)} against ${plain(second.cost ?? 0)}`
  return `${words(term)} ${number(winner.terms?.[term])} against ${number(second.terms?.[term])}`
}

function duration({ terms }: ComparedCandidate, term: string): string {
  return durationText(terms?.[term] ?? 0)
}

/** Several instances of one agent are told apart by their instance ids. */
function nameIn({ candidates }: RoutingDecision): (candidate: ComparedCandidate) => string {
  const sameAgent = new Set(candidates.map(({ agent }) => agent)).size < candidates.length
  return (candidate) => (sameAgent ? candidate.instance : candidate.agent)
}

/** A column of the table: absent when no candidate has anything to say in it. */
type Column = readonly [head: string, cell: (candidate: ComparedCandidate) => string | undefined]

function table(decision: RoutingDecision): string[] {
  const { agent, candidates } = decision
  const terms = [...new Set(candidates.flatMap((candidate) => Object.keys(candidate.terms ?? {})))]
  const all: Column[] = [
    ['score', ({ score }) => (score === undefined ? undefined : number(score))],
    ...terms.map((term): Column => [words(term), (candidate) => number(candidate.terms?.[term])]),
    ['slots', ({ inFlight, capacity }) => `${inFlight}/${capacity}`],
    ['success', ({ successRate }) => percent(successRate)],
    ['latency', ({ latencyMs }) => (latencyMs === undefined ? undefined : durationText(latencyMs))],
    // A term of this name says it already.
    ...(terms.includes('cost')
      ? []
      : [['cost', ({ cost }) => (cost === undefined ? undefined : plain(cost))] as Column]),
    ['weight', ({ weight }) => (weight === undefined ? undefined : plain(weight))],
  ]
  const used = all.filter(([, cell]) => candidates.some((candidate) => cell(candidate) !== undefined))
  const name = nameIn(decision)
  const rows = candidates.map((candidate, index) => [
    index === 0 && agent !== undefined ? '>' : ' ',
    name(candidate),
    ...used.map(([, cell]) => cell(candidate) ?? '-'),
  ])
  const title = candidates.some((candidate) => name(candidate) !== candidate.agent) ? 'instance' : 'agent'
  return columns([[' ', title, ...used.map(([head]) => head)], ...rows], 2)
}

/** `extraCapabilities` as `extra capabilities`. */
function words(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`)
}

function number(value: number | undefined): string {
  if (value === undefined) return '-'
  if (Math.abs(value) >= 1e6) return value.toExponential(0)
  return Math.abs(value) >= 100 ? String(Math.round(value)) : value.toFixed(3)
}

/** A number that somebody wrote, as they wrote it. */
function plain(value: number): string {
  return String(Number(value.toPrecision(3)))
}

function percent(rate: number): string {
  return `${Math.round(rate * 100)} %`
}
