import { BatutaError } from '../errors/base-error.js'
import type { AgentOptions } from './agent.js'
import { checkLimits } from './check-limits.js'
import { checkName, checkTaskDefinition, isTaskDefinition } from './check-task.js'
import { OptionCheck } from './option-check.js'

const KNOWN: ReadonlySet<string> = new Set([
  'name',
  'capabilities',
  'maxConcurrentTasks',
  'rateLimit',
  'budget',
  'cost',
  'metadata',
  'handlers',
  'handler',
  'accepts',
  'leaseMs',
])

/**
 * Checks what `defineAgent` or `app.agent` was given: synchronous, at registration.
 * @throws OPTIONS_INVALID with every bad option; DEFINITION_INVALID for a bad id, nothing to run, or two ways to run;
 * DUPLICATE_ID when two handlers are for one type.
 */
export function checkAgentOptions(id: string, options: AgentOptions): void {
  checkName('agent id', id)
  const check = new OptionCheck()
  if (check.object([], options)) checkEach(check, id, options)
  check.done(`agent "${id}"`)
  checkTypes(id, options)
}

function checkEach(check: OptionCheck, id: string, options: AgentOptions): void {
  check.keys([], options, KNOWN)
  check.id(['name'], options.name)
  check.ids(['capabilities'], options.capabilities)
  check.number(['maxConcurrentTasks'], options.maxConcurrentTasks, { min: 1, whole: true })
  checkLimits(check, options, 'agent')
  check.number(['cost'], options.cost, { min: 0 })
  check.number(['leaseMs'], options.leaseMs, { min: 1 })
  check.fn(['handler'], options.handler)
  if (options.metadata !== undefined) check.object(['metadata'], options.metadata)
  checkWays(check, id, options)
}

/** An agent runs handlers here, or polls: one of the two. */
function checkWays(check: OptionCheck, id: string, options: AgentOptions): void {
  const { accepts, handlers, handler } = options
  if (handlers !== undefined && !Array.isArray(handlers)) check.add(['handlers'], 'must be an array')
  if (accepts !== undefined && !Array.isArray(accepts)) check.add(['accepts'], 'must be an array')
  if (accepts === undefined && options.leaseMs !== undefined) {
    check.add(['leaseMs'], 'is only for agents that poll (with `accepts`)')
  }
  const runs = handler !== undefined || (handlers?.length ?? 0) > 0
  const polls = (accepts?.length ?? 0) > 0
  if (accepts !== undefined && (handler !== undefined || handlers !== undefined)) {
    throw invalid(id, 'has both handlers and `accepts`', 'Give handlers to run here, or `accepts` to poll, not both.')
  }
  if (!runs && !polls) {
    throw invalid(id, 'has nothing to run', 'Give it `handlers`, a catch-all `handler`, or `accepts` if it polls.')
  }
}

/** Each handler and accepted type is what it should be, and none comes twice. */
function checkTypes(id: string, options: AgentOptions): void {
  const seen = new Set<string>()
  const once = (type: string) => {
    if (seen.has(type)) {
      throw new BatutaError('DUPLICATE_ID', `Agent "${id}" has two handlers for task type "${type}".`, {
        data: { kind: 'handler', id: type },
        fix: 'Keep one of them.',
      })
    }
    seen.add(type)
  }
  for (const handler of options.handlers ?? []) {
    if (handler?.kind !== 'batuta.handler') {
      throw invalid(
        id,
        'has a handler that no definition made',
        'Use definition.handler(fn), or `handler` for a catch-all.',
      )
    }
    checkTaskDefinition(handler.definition)
    once(handler.definition.type)
  }
  for (const accepted of options.accepts ?? []) {
    if (isTaskDefinition(accepted)) checkTaskDefinition(accepted)
    else checkName('task type', accepted, ['*'])
    once(typeof accepted === 'string' ? accepted : accepted.type)
  }
}

function invalid(id: string, what: string, fix: string): BatutaError<'DEFINITION_INVALID'> {
  return new BatutaError('DEFINITION_INVALID', `Agent "${id}" ${what}.`, { data: { name: id }, fix })
}
