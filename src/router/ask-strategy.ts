import { BatutaError } from '../errors/base-error.js'
import type { Random } from '../internal/random.js'
import { isBuiltIn } from './built-in.js'
import { InstanceLoad } from './instance-load.js'
import type { LanePool } from './lane-pool.js'
import { PoolContext } from './routing-context.js'
import type { RoutableTask, RoutingContext, RoutingStrategy } from './routing-strategy.js'

/** What a strategy answered. */
export interface Answer {
  readonly strategy: RoutingStrategy
  readonly load: InstanceLoad | undefined
  readonly memo: unknown
  readonly askAgainMs: number | undefined
}

/**
 * Asks a strategy for its choice and checks it.
 * @throws STRATEGY_ASYNC for a promise, STRATEGY_BROKEN when it threw or chose somebody who is no candidate.
 */
export function askStrategy(
  strategy: RoutingStrategy,
  task: RoutableTask,
  pool: LanePool,
  random: Random,
  now: number,
): Answer {
  const context = contextFor(strategy, task, pool, random, now)
  pool.comparison.begin()
  let answer: unknown
  let memo: unknown
  let askAgainMs: number | undefined
  try {
    answer = strategy.select(context)
    memo = strategy.memo?.(context)
    if (answer === undefined) askAgainMs = strategy.askAgainMs?.(context)
  } catch (cause) {
    throw strategyBroken(strategy, 'threw; round_robin decided', cause)
  }
  if (answer === undefined) return { strategy, load: undefined, memo, askAgainMs }
  const load = answer instanceof InstanceLoad ? pool.take(answer) : pool.chosen(answer)
  if (load !== undefined) return { strategy, load, memo, askAgainMs }
  throw isThenable(answer)
    ? strategyAsync(strategy, answer)
    : strategyBroken(strategy, 'chose none of the candidates; round_robin decided')
}

/** What a strategy that is not ours sees is frozen: changing it throws, here and not somewhere later. */
function contextFor(
  strategy: RoutingStrategy,
  task: RoutableTask,
  pool: LanePool,
  random: Random,
  now: number,
): RoutingContext {
  if (isBuiltIn(strategy)) return new PoolContext(task, pool.ourView, random, now)
  const frozen = Object.freeze({
    ...task,
    requires: Object.freeze([...task.requires]),
    ...(task.metadata !== undefined && { metadata: Object.freeze({ ...task.metadata }) }),
  })
  return Object.freeze(new PoolContext(frozen, pool.view, Object.freeze({ next: () => random.next() }), now))
}

/** The error for a strategy that did what it must not. */
export function strategyBroken(strategy: RoutingStrategy, what: string, cause?: unknown): BatutaError {
  return new BatutaError('STRATEGY_BROKEN', `The strategy "${strategy.name}" ${what}.`, {
    data: { strategy: strategy.name },
    fix: 'Return one of context.candidates, or undefined for "none of them now"; change nothing that it shows; throw nothing.',
    cause,
  })
}

function strategyAsync(strategy: RoutingStrategy, answer: PromiseLike<unknown>): BatutaError {
  // Nobody will wait for this promise: without a listener its rejection would end the process.
  answer.then(undefined, () => undefined)
  return new BatutaError(
    'STRATEGY_ASYNC',
    `The strategy "${strategy.name}" answered with a promise; round_robin decided.`,
    {
      data: { strategy: strategy.name },
      fix: 'Decide synchronously; fetch what the decision needs beforehand.',
    },
  )
}

function isThenable(answer: unknown): answer is PromiseLike<unknown> {
  return typeof (answer as { then?: unknown } | null)?.then === 'function'
}
