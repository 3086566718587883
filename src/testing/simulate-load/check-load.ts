import { OptionCheck } from '../../task/option-check.js'
import type { SimulatedAgent, SimulatedTaskType, SimulatedWorkload, SimulateLoadOptions } from './load-options.js'
import { checkServiceTime } from './service-time.js'

const KEYS = new Set(['agents', 'workload', 'strategy', 'seed', 'nodes', 'churn', 'drainMs', 'coordinator'])
const WORKLOAD_KEYS = new Set([
  'load',
  'perSecond',
  'arrivals',
  'durationMs',
  'tasks',
  'warmupMs',
  'service',
  'types',
  'task',
])
const TYPE_KEYS = new Set(['type', 'share', 'service', 'definition'])
const FAILURE_KEYS = new Set(['rate', 'type', 'how', 'afterMs', 'fromMs', 'untilMs'])

/** @throws OPTIONS_INVALID with everything that is wrong. What agents and definitions take besides, they check themselves. */
export function checkLoadOptions(options: SimulateLoadOptions): void {
  const check = new OptionCheck()
  if (check.object([], options)) {
    check.keys([], options, KEYS)
    const { agents, seed, nodes, churn } = options
    if (!Array.isArray(agents) || agents.length === 0) check.add(['agents'], 'must be a list of at least one agent')
    else for (const [i, agent] of agents.entries()) checkAgent(check, i, agent, typesOf(options.workload))
    check.number(['seed'], seed, { min: Number.MIN_SAFE_INTEGER, whole: true })
    check.number(['nodes'], nodes, { min: 1, max: 16, whole: true })
    check.number(['drainMs'], options.drainMs, { min: 0 })
    if (churn !== undefined && check.object(['churn'], churn)) {
      check.number(['churn', 'everyMs'], churn.everyMs ?? null, { min: 1 })
      check.number(['churn', 'awayMs'], churn.awayMs ?? null, { min: 1 })
    }
    if (options.strategy !== undefined && typeof options.strategy !== 'string') check.fn(['strategy'], options.strategy)
    if (options.workload !== undefined) checkWorkload(check, options.workload)
  }
  check.done('simulateLoad')
}

/** The task types of a workload; it may be anything. */
function typesOf(workload: SimulatedWorkload | undefined): readonly string[] {
  const types: unknown = workload?.types
  return Array.isArray(types) ? types.map((type: SimulatedTaskType) => type?.type ?? 'work') : ['work']
}

function checkAgent(check: OptionCheck, index: number, agent: SimulatedAgent, types: readonly string[]): void {
  const at = ['agents', index]
  if (!check.object(at, agent)) return
  above0(check, [...at, 'speed'], agent.speed)
  if (Array.isArray(agent.types))
    for (const [i, type] of agent.types.entries()) check.oneOf([...at, 'types', i], type ?? null, types)
  else check.ids([...at, 'types'], agent.types)
  for (const name of ['joinsAtMs', 'leavesAtMs'] as const) check.number([...at, name], agent[name], { min: 0 })
  const { slow, fails } = agent
  if (slow !== undefined && check.object([...at, 'slow'], slow))
    above0(check, [...at, 'slow', 'factor'], slow.factor ?? null)
  if (fails === undefined || !check.object([...at, 'fails'], fails)) return
  check.keys([...at, 'fails'], fails, FAILURE_KEYS)
  above0(check, [...at, 'fails', 'rate'], fails.rate, 1)
  check.oneOf([...at, 'fails', 'type'], fails.type, types)
  check.oneOf([...at, 'fails', 'how'], fails.how, ['throw', 'wrong_shape', 'hang'])
  check.number([...at, 'fails', 'afterMs'], fails.afterMs, { min: 0 })
}

function checkWorkload(check: OptionCheck, workload: SimulatedWorkload): void {
  const at = ['workload']
  if (!check.object(at, workload)) return
  check.keys(at, workload, WORKLOAD_KEYS)
  const { load, perSecond, durationMs, tasks, arrivals, types } = workload
  above0(check, [...at, 'load'], load)
  above0(check, [...at, 'perSecond'], perSecond)
  above0(check, [...at, 'durationMs'], durationMs)
  check.number([...at, 'tasks'], tasks, { min: 1, whole: true })
  check.number([...at, 'warmupMs'], workload.warmupMs, { min: 0 })
  if (load !== undefined && perSecond !== undefined) check.add([...at, 'perSecond'], 'and load exclude each other')
  if (tasks !== undefined && durationMs !== undefined) check.add([...at, 'tasks'], 'and durationMs exclude each other')
  if (typeof arrivals !== 'object') check.oneOf([...at, 'arrivals'], arrivals, ['poisson', 'constant'])
  else if (check.object([...at, 'arrivals'], arrivals))
    check.number([...at, 'arrivals', 'burst'], arrivals.burst ?? null, { min: 1, whole: true })
  checkServiceTime(check, [...at, 'service'], workload.service)
  check.fn([...at, 'task'], workload.task)
  if (types === undefined) return
  if (!Array.isArray(types) || types.length === 0) check.add([...at, 'types'], 'must be a list of at least one type')
  else for (const [i, type] of types.entries()) checkType(check, [...at, 'types', i], type)
}

function checkType(check: OptionCheck, here: readonly (string | number)[], type: SimulatedTaskType): void {
  if (!check.object(here, type)) return
  check.keys(here, type, TYPE_KEYS)
  check.id([...here, 'type'], type.type)
  above0(check, [...here, 'share'], type.share)
  checkServiceTime(check, [...here, 'service'], type.service)
}

function above0(check: OptionCheck, path: readonly (string | number)[], value: unknown, max = Number.MAX_VALUE): void {
  if (value === undefined || (typeof value === 'number' && value > 0 && value <= max)) return
  check.add(path, max === 1 ? 'must be above 0 and at most 1' : 'must be a finite number above 0')
}
