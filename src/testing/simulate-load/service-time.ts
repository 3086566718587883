import type { Random } from '../../internal/random.js'
import type { OptionCheck } from '../../task/option-check.js'

/**
 * How long a task takes on an agent of speed 1, in milliseconds; a number is always the same. By kind:
 *
 * - `exponential`: many short ones, few long ones; p99 is 4.6 times the mean.
 * - `lognormal`: `sigma` is the standard deviation of the logarithm; about 1 for calls of language models.
 * - `pareto`: a heavy tail. `shape` above 1; from 2 down the variance is infinite.
 * - `bimodal`: `slowShare` of the tasks take `slowMs`, the others `fastMs`.
 *
 * All of them are drawn by inverting the distribution function, but `lognormal` by the method of Box and Muller (1958).
 */
export type ServiceTime =
  | number
  | { readonly kind: 'constant'; readonly ms: number }
  | { readonly kind: 'exponential'; readonly meanMs: number }
  | { readonly kind: 'lognormal'; readonly meanMs: number; readonly sigma: number }
  | { readonly kind: 'pareto'; readonly meanMs: number; readonly shape: number }
  | { readonly kind: 'bimodal'; readonly fastMs: number; readonly slowMs: number; readonly slowShare: number }

/** The mean in milliseconds. */
export function meanOf(time: ServiceTime): number {
  if (typeof time === 'number') return time
  if (time.kind === 'constant') return time.ms
  if (time.kind === 'bimodal') return time.slowShare * time.slowMs + (1 - time.slowShare) * time.fastMs
  return time.meanMs
}

/** Draws one duration. Every kind draws two numbers, so that runs that differ in the kind meet the same luck elsewhere. */
export function drawServiceTime(time: ServiceTime, random: Random): number {
  const first = 1 - random.next()
  const second = random.next()
  if (typeof time === 'number') return time
  switch (time.kind) {
    case 'constant':
      return time.ms
    case 'exponential':
      return -time.meanMs * Math.log(first)
    case 'lognormal': {
      const normal = Math.sqrt(-2 * Math.log(first)) * Math.cos(2 * Math.PI * second)
      return time.meanMs * Math.exp(time.sigma * normal - time.sigma ** 2 / 2)
    }
    case 'pareto':
      return (time.meanMs * (time.shape - 1)) / time.shape / first ** (1 / time.shape)
    case 'bimodal':
      return first <= time.slowShare ? time.slowMs : time.fastMs
  }
}

const NUMBERS: Readonly<Record<string, readonly string[]>> = {
  constant: ['ms'],
  exponential: ['meanMs'],
  lognormal: ['meanMs', 'sigma'],
  pareto: ['meanMs', 'shape'],
  bimodal: ['fastMs', 'slowMs', 'slowShare'],
}

/** Finds what is wrong with a service time. */
export function checkServiceTime(check: OptionCheck, path: readonly (string | number)[], time: unknown): void {
  if (time === undefined) return
  if (typeof time === 'number') positive(check, path, time)
  else if (check.object(path, time)) checkKind(check, path, time)
}

function checkKind(
  check: OptionCheck,
  path: readonly (string | number)[],
  time: Readonly<Record<string, unknown>>,
): void {
  const { kind } = time
  check.oneOf([...path, 'kind'], kind ?? null, Object.keys(NUMBERS))
  const names = NUMBERS[String(kind)]
  if (names === undefined) return
  check.keys(path, time, new Set(['kind', ...names]))
  for (const name of names) positive(check, [...path, name], time[name])
  if (kind === 'pareto' && Number(time.shape) <= 1)
    check.add([...path, 'shape'], 'must be above 1, or there is no mean')
  if (kind === 'bimodal' && Number(time.slowShare) >= 1) check.add([...path, 'slowShare'], 'must be below 1')
}

function positive(check: OptionCheck, path: readonly (string | number)[], value: unknown): void {
  if (!(typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY))
    check.add(path, 'must be a finite number above 0')
}
