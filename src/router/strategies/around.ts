import { BatutaError } from '../../errors/base-error.js'
import { OptionCheck } from '../../task/option-check.js'
import { builtIn, isBuiltIn } from '../built-in.js'
import { PoolContext } from '../routing-context.js'
import type { CandidatePool, RoutingContext, RoutingStrategy } from '../routing-strategy.js'

/**
 * The strategy that another one holds.
 * @throws OPTIONS_INVALID when it is no strategy.
 */
export function innerOf(holder: string, then: RoutingStrategy | undefined, usual: () => RoutingStrategy) {
  if (then === undefined) return usual()
  if (typeof then === 'object' && typeof then?.select === 'function' && typeof then.name === 'string') return then
  throw invalidOption(holder, 'then', 'must be a strategy, such as leastBusy()')
}

/** Options of a strategy that has none. */
export type NoOptions = Readonly<Record<string, never>>

/**
 * @param known - the options that there are.
 * @throws OPTIONS_INVALID for others, with the one that was probably meant, and for something else than an object.
 */
export function checkNames<T extends object>(strategy: string, options: T, ...known: (keyof T & string)[]): void {
  const check = new OptionCheck()
  if (check.object([], options)) check.keys([], options, new Set<string>(known))
  check.done(strategy)
}

/** The error for an option of a strategy that can't be meant. */
export function invalidOption(strategy: string, option: string, message: string): BatutaError {
  return new BatutaError('OPTIONS_INVALID', `${strategy}: "${option}" ${message}.`, {
    data: { issues: [{ path: [option], message }] },
    fix: 'Correct the option.',
  })
}

/** @throws OPTIONS_INVALID for a number that is not in [min, max]. */
export function checkNumber(strategy: string, option: string, value: unknown, min: number, max = Number.MAX_VALUE) {
  if (typeof value === 'number' && value >= min && value <= max) return
  const range = max === Number.MAX_VALUE ? `from ${min}` : `from ${min} to ${max}`
  throw invalidOption(strategy, option, `must be a number ${range}, not ${String(value)}`)
}

/** @throws OPTIONS_INVALID for something else than a function. */
export function checkFunction(strategy: string, option: string, value: unknown) {
  if (value !== undefined && typeof value !== 'function') throw invalidOption(strategy, option, 'must be a function')
}

/**
 * A strategy that holds another one and passes on to it whatever it does not do itself.
 * @param outer - what it does itself.
 * @param narrow - the part of the pool that the held one is asked about; all of it when absent.
 */
export function around(
  inner: RoutingStrategy,
  outer: Partial<RoutingStrategy> & { readonly name: string },
  narrow?: (context: RoutingContext) => CandidatePool,
): RoutingStrategy {
  /** What it was asked with last: what follows is about that. */
  let shown: RoutingContext | undefined
  const { memo, terms, askAgainMs, onResult, snapshot, restore } = inner
  const strategy: RoutingStrategy = {
    select(context) {
      const pool = narrow === undefined ? context.pool : narrow(context)
      shown = pool === context.pool ? context : PoolContext.narrowed(context, pool)
      return inner.select(shown)
    },
    ...(memo && { memo: (context) => memo.call(inner, shown ?? context) }),
    ...(terms && { terms: terms.bind(inner) }),
    ...(askAgainMs && { askAgainMs: (context) => askAgainMs.call(inner, shown ?? context) }),
    ...(onResult && { onResult: onResult.bind(inner) }),
    ...(snapshot && { snapshot: snapshot.bind(inner) }),
    ...(restore && { restore: restore.bind(inner) }),
    ...outer,
  }
  return isBuiltIn(inner) ? builtIn(strategy) : strategy
}
