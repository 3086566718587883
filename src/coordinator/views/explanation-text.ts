import { columns, durationText, timeText } from '../../internal/columns.js'
import type { RoutingDecision } from '../../router/decision.js'
import type { TaskAttempt } from '../../task/task.js'
import type { PendingReason } from './explain-types.js'

/** What an explanation is made of. */
export interface ExplanationFacts {
  readonly taskId: string
  readonly taskType: string
  readonly status: string
  readonly asOf: Date
  readonly pending: readonly PendingReason[]
  readonly decisions: readonly RoutingDecision[]
  readonly attempts: readonly TaskAttempt[]
}

/** An explanation for a terminal. */
export function explanationText(facts: ExplanationFacts): string {
  const lines = [`Task ${facts.taskId} (${facts.taskType}) is ${facts.status}.`]
  for (const reason of facts.pending) lines.push(`  ${reasonText(reason)}`)
  for (const line of columns(facts.attempts.map(attemptCells), 4)) lines.push(`  ${line}`)
  for (const decision of facts.decisions) lines.push('', String(decision))
  return lines.join('\n')
}

/** Which attempt where, how it ended, after how long, and of what. */
function attemptCells({ number, agentId, outcome, startedAt, endedAt, error }: TaskAttempt): string[] {
  const took = endedAt === undefined ? '' : `after ${durationText(endedAt.getTime() - startedAt.getTime())}`
  return [`Attempt ${number} on ${agentId}`, outcome ?? 'running', took, error?.message ?? '']
}

const hint = (didYouMean: string | undefined) => (didYouMean === undefined ? '' : ` Did you mean "${didYouMean}"?`)

function limitedText(
  { agents, taskType, until }: Extract<PendingReason, { readonly kind: 'rate_limited' | 'over_budget' }>,
  how: string,
): string {
  const who =
    agents === undefined
      ? `Tasks of type "${taskType}" are`
      : agents === 1
        ? 'One agent that could take it is'
        : `${agents} agents that could take it are`
  return `${who} ${how}${until === undefined ? '' : ` until ${until.toISOString()}`}`
}
const capable = (agents: number) =>
  agents === 1 ? 'an agent that can take it' : `each of ${agents} agents that can take it`

/** Why a task has not started, in one sentence. */
export function reasonText(reason: PendingReason): string {
  switch (reason.kind) {
    case 'scheduled':
      return `It is scheduled for ${reason.until.toISOString()}.`
    case 'backing_off':
      return `Attempt ${reason.attempt} failed; the next one is due at ${reason.until.toISOString()}.`
    case 'retry_budget':
      return `It failed, and the retry budget is spent; the next attempt is due at about ${reason.until.toISOString()}.`
    case 'last_retry':
      return `Its last retry is kept back until ${reason.until.toISOString()}: all tasks of type "${reason.taskType}" fail at present.`
    case 'waiting':
      return reason.taskId === undefined
        ? 'It waits for its turn.'
        : `It waits for its turn, behind task ${reason.taskId}.`
    case 'no_capability':
      return `No agent known here has the capability "${reason.capability}".${hint(reason.didYouMean)}`
    case 'no_agent_has_all':
      return `No single agent known here has all of: ${reason.capabilities.join(', ')}.`
    case 'no_handler':
      return `No agent known here handles tasks of type "${reason.taskType}".${hint(reason.didYouMean)}`
    case 'no_agent':
      return `The fallback agent "${reason.agentId}" is not known here.${hint(reason.didYouMean)}`
    case 'all_busy':
      return reason.agents === 1
        ? 'The only agent that can take it is busy.'
        : `All ${reason.agents} agents that can take it are busy.`
    case 'all_away': {
      const statuses = Object.entries(reason.statuses).map(([status, count]) => `${count} ${status}`)
      return `Nobody who can take it is at work: ${statuses.join(', ')}.`
    }
    case 'breaker_open':
      return reason.until === undefined
        ? `Breaker half open: ${capable(reason.agents)} failed too often with this type; one task tries whether that is over.`
        : `Breaker open until ${timeText(reason.until)}: ${capable(reason.agents)} failed too often with this type.`
    case 'ejected':
      return `Ejected until ${timeText(reason.until)}: ${capable(reason.agents)} failed several times in a row, or was taken out by hand.`
    case 'rate_limited':
      return `${limitedText(reason, 'rate limited')}.`
    case 'over_budget':
      return `${limitedText(reason, 'held back by a budget that is used up')}.`
    case 'limit_reached':
      return `As many tasks of type "${reason.taskType}" run as may: ${reason.limit}.`
    case 'excluded':
      return 'It failed on those who are free; it waits for another agent that can take it.'
    case 'strategy_declined':
      return `The strategy "${reason.strategy}" wanted none of the candidates.`
    case 'node_not_claiming':
      return `This node claims nothing at present: ${reason.why}.`
    case 'queued':
      return 'It is next in line: somebody can take it.'
  }
}
