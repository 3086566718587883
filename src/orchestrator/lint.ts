import { didYouMean } from '../internal/did-you-mean.js'
import type { AgentDefinition } from '../task/agent.js'
import type { AnyTaskDefinition } from '../task/definition.js'
import { DEFAULT_RETRY } from '../task/retry-policy.js'
import { STRATEGY_NAMES } from '../task/strategy-name.js'

/** What kind of thing looks wrong. Stable names. */
export type LintCode =
  | 'capability_unknown'
  | 'capabilities_split'
  | 'type_unhandled'
  | 'handler_unable'
  | 'duplicate_agent'
  | 'duplicate_type'
  | 'fallback_unknown'
  | 'fallback_unable'
  | 'strategy_unknown'
  | 'stall_after_timeout'
  | 'backoff_flat'

/** Something that looks wrong: an `error` can't work, a `warning` may be meant. */
export interface LintFinding {
  readonly code: LintCode
  readonly severity: 'error' | 'warning'
  readonly message: string
  readonly agent?: string
  readonly task?: string
}

/** What lint may know besides. */
export interface LintSettings {
  /** Strategies that can be named besides the built-in ones. */
  readonly strategies?: readonly string[] | undefined
  /** The application's `taskTimeoutMs`. */
  readonly taskTimeoutMs?: number | undefined
}

/**
 * What looks wrong with agents and definitions taken together: requirements that nobody meets, types that nobody
 * handles, names used twice, options that contradict each other. Says nothing of agents on other nodes, which may well
 * have what is missing here: that is why these are findings, not errors.
 */
export function lint(
  agents: readonly AgentDefinition[],
  definitions: readonly AnyTaskDefinition[],
  settings: LintSettings = {},
): LintFinding[] {
  const team = new Team(agents)
  const handled = agents.flatMap((agent) => definitionsOf(agent))
  const all = [...new Set([...definitions, ...handled])]
  return [
    ...duplicates(agents, all),
    ...all.flatMap((definition) => [
      ...requirements(definition, team),
      ...fallbacks(definition, team),
      ...options(definition, settings),
    ]),
    ...agents.flatMap((agent) => unable(agent)),
  ]
}

/** The agents, asked as lint asks. */
class Team {
  readonly byId = new Map<string, AgentDefinition>()
  readonly capabilities = new Set<string>()
  readonly types = new Set<string>()

  constructor(readonly agents: readonly AgentDefinition[]) {
    for (const agent of agents) {
      this.byId.set(agent.id, agent)
      for (const capability of agent.options.capabilities ?? []) this.capabilities.add(capability)
      for (const type of typesOf(agent)) this.types.add(type)
    }
  }
}

function definitionsOf({ options }: AgentDefinition): AnyTaskDefinition[] {
  const handled = (options.handlers ?? []).map((handler) => handler.definition)
  return [...handled, ...(options.accepts ?? []).filter((accepted) => typeof accepted !== 'string')]
}

function typesOf({ options }: AgentDefinition): string[] {
  const handled = (options.handlers ?? []).map((handler) => handler.definition.type)
  return [
    ...handled,
    ...(options.accepts ?? []).map((accepted) => (typeof accepted === 'string' ? accepted : accepted.type)),
  ]
}

function isAble(agent: AgentDefinition, definition: AnyTaskDefinition): boolean {
  return missing(agent, definition).length === 0 && handles(agent, definition)
}

function handles(agent: AgentDefinition, { type }: AnyTaskDefinition): boolean {
  return agent.options.handler !== undefined || typesOf(agent).includes(type)
}

function missing({ options }: AgentDefinition, { options: { requires } }: AnyTaskDefinition): string[] {
  return (requires ?? []).filter((capability) => !(options.capabilities ?? []).includes(capability))
}

function duplicates(agents: readonly AgentDefinition[], definitions: readonly AnyTaskDefinition[]): LintFinding[] {
  const agentFindings = repeated(agents.map((agent) => agent.id)).map((agent): LintFinding => {
    return { code: 'duplicate_agent', severity: 'error', message: `Two agents have the id "${agent}".`, agent }
  })
  const taskFindings = repeated(definitions.map((definition) => definition.type)).map((task): LintFinding => {
    const message = `The task type "${task}" is defined twice, by different definitions: share one.`
    return { code: 'duplicate_type', severity: 'error', message, task }
  })
  return [...agentFindings, ...taskFindings]
}

function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, i) => names.indexOf(name) !== i))]
}

/** Whether anybody here can take tasks of a definition, and if not, what is in the way. */
function requirements(definition: AnyTaskDefinition, team: Team): LintFinding[] {
  const { type, options } = definition
  if (team.agents.some((agent) => isAble(agent, definition))) return []
  const finding = (code: LintCode, message: string): LintFinding => ({ code, severity: 'warning', message, task: type })
  const unknown = (options.requires ?? []).filter((capability) => !team.capabilities.has(capability))
  if (unknown.length > 0) {
    return unknown.map((capability) =>
      finding(
        'capability_unknown',
        `"${type}" requires "${capability}", which no agent here has.${didYouMean(capability, team.capabilities)}`,
      ),
    )
  }
  if (!team.agents.some((agent) => handles(agent, definition))) {
    return [finding('type_unhandled', `No agent here handles "${type}".${didYouMean(type, team.types)}`)]
  }
  const all = (options.requires ?? []).map((capability) => `"${capability}"`).join(', ')
  return [finding('capabilities_split', `No agent here handles "${type}" and has all that it requires (${all}).`)]
}

function fallbacks({ type, options }: AnyTaskDefinition, team: Team): LintFinding[] {
  const findings: LintFinding[] = []
  for (const id of options.defaults?.fallbackAgents ?? []) {
    const agent = team.byId.get(id)
    const base = { severity: 'warning', task: type, agent: id } as const
    if (agent === undefined) {
      const message = `"${type}" falls back on agent "${id}", which is not here.${didYouMean(id, team.byId.keys())}`
      findings.push({ code: 'fallback_unknown', message, ...base })
    } else if (agent.options.handler === undefined && !typesOf(agent).includes(type)) {
      const message = `"${type}" falls back on agent "${id}", which has no handler for it.`
      findings.push({ code: 'fallback_unable', message, ...base })
    }
  }
  return findings
}

function options({ type, options }: AnyTaskDefinition, settings: LintSettings): LintFinding[] {
  const findings: LintFinding[] = []
  const add = (code: LintCode, severity: LintFinding['severity'], message: string) =>
    findings.push({ code, severity, message: `"${type}": ${message}`, task: type })
  const known: string[] = [...STRATEGY_NAMES, ...(settings.strategies ?? [])]
  for (const strategy of new Set([options.strategy, options.defaults?.strategy])) {
    if (typeof strategy === 'string' && !known.includes(strategy)) {
      add('strategy_unknown', 'error', `there is no strategy "${strategy}".${didYouMean(strategy, known)}`)
    }
  }
  const timeoutMs = options.timeoutMs ?? options.defaults?.timeoutMs ?? settings.taskTimeoutMs ?? 60_000
  if (options.stallAfterMs !== undefined && options.stallAfterMs >= timeoutMs) {
    const message = `stallAfterMs (${options.stallAfterMs}) is not shorter than the timeout (${timeoutMs}) and never counts.`
    add('stall_after_timeout', 'warning', message)
  }
  if (options.retry !== undefined && options.retry !== false && options.retry.factor !== undefined) {
    const { minDelayMs = DEFAULT_RETRY.minDelayMs, maxDelayMs = DEFAULT_RETRY.maxDelayMs, factor } = options.retry
    if (factor > 1 && minDelayMs === maxDelayMs) {
      add('backoff_flat', 'warning', `retry.factor has no effect, since minDelayMs and maxDelayMs are equal.`)
    }
  }
  return findings
}

/** Handlers whose own agent lacks what their definition requires: they never run. */
function unable(agent: AgentDefinition): LintFinding[] {
  return definitionsOf(agent).flatMap((definition): LintFinding[] => {
    const lacks = missing(agent, definition)
    if (lacks.length === 0) return []
    const names = lacks.map((capability) => `"${capability}"`)
    const message = `Agent "${agent.id}" handles "${definition.type}" but lacks ${names.join(', ')}: it never gets such a task.`
    return [{ code: 'handler_unable', severity: 'error', message, agent: agent.id, task: definition.type }]
  })
}
