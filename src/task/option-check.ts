import { BatutaError } from '../errors/base-error.js'
import type { SchemaIssue } from '../errors/codes.js'
import { didYouMean } from '../internal/did-you-mean.js'
import { issueText } from './issue-text.js'

/** Ids and keys are at most this long, in characters. */
export const MAX_ID_LENGTH = 512

/** Whether a text is whole: one with half a surrogate pair has no UTF-8, so that no storage could keep it apart. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}

type Path = readonly (string | number)[]

/**
 * Collects what is wrong with an options object, so that one error tells everything. Written by hand: it runs
 * synchronously, for every submit, and before zod is loaded. An option that is undefined counts as absent.
 */
export class OptionCheck {
  readonly #issues: SchemaIssue[] = []

  add(path: Path, message: string): void {
    this.#issues.push({ path, message })
  }

  /** Whether it is an object; an array or null is not. */
  object(path: Path, value: unknown): value is Readonly<Record<string, unknown>> {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return true
    this.add(path, `must be an object, not ${shown(value)}`)
    return false
  }

  /** No keys but these. */
  keys(path: Path, value: object, known: ReadonlySet<string>): void {
    for (const key of Object.keys(value)) if (!known.has(key)) this.unknown(path, key, known)
  }

  /** Says that an option does not exist, and which was probably meant. */
  unknown(path: Path, key: string, known: Iterable<string>): void {
    this.add([...path, key], `is not an option.${didYouMean(key, known)}`)
  }

  number(
    path: Path,
    value: unknown,
    rule: { readonly min: number; readonly max?: number; readonly whole?: boolean },
  ): void {
    if (value === undefined) return
    const { min, max = Number.MAX_SAFE_INTEGER, whole = false } = rule
    const fits = typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value))
    if (fits) return
    const hasEnd = max < Number.MAX_SAFE_INTEGER || (typeof value === 'number' && value > max)
    const range = hasEnd ? `from ${min} to ${max}` : `from ${min}`
    this.add(path, `must be a ${whole ? 'whole ' : ''}number ${range}, not ${shown(value)}`)
  }

  /** A text that is not empty and not longer than {@link MAX_ID_LENGTH}. */
  id(path: Path, value: unknown): void {
    if (value === undefined) return
    if (typeof value !== 'string') this.add(path, `must be a string, not ${shown(value)}`)
    else if (value === '') this.add(path, 'must not be empty')
    else if (value.length > MAX_ID_LENGTH) this.add(path, `must not be longer than ${MAX_ID_LENGTH} characters`)
    else if (!isWellFormed(value)) this.add(path, 'must not contain half a surrogate pair')
  }

  /** A list of ids. */
  ids(path: Path, value: unknown): void {
    if (value === undefined) return
    if (!Array.isArray(value)) this.add(path, `must be an array of strings, not ${shown(value)}`)
    else for (const [i, item] of value.entries()) this.id([...path, i], item ?? null)
  }

  oneOf(path: Path, value: unknown, known: readonly string[]): void {
    if (value === undefined || (typeof value === 'string' && known.includes(value))) return
    const meant = typeof value === 'string' ? didYouMean(value, known) : ''
    this.add(path, `must be one of ${known.map((name) => `"${name}"`).join(', ')}, not ${shown(value)}.${meant}`)
  }

  boolean(path: Path, value: unknown): void {
    if (value !== undefined && typeof value !== 'boolean') this.add(path, `must be true or false, not ${shown(value)}`)
  }

  fn(path: Path, value: unknown): void {
    if (value !== undefined && typeof value !== 'function') this.add(path, `must be a function, not ${shown(value)}`)
  }

  /** @throws OPTIONS_INVALID with every issue, if there was one. */
  done(of: string): void {
    if (this.#issues.length === 0) return
    throw new BatutaError('OPTIONS_INVALID', `The options of ${of} are not valid: ${issueText(this.#issues)}`, {
      data: { issues: this.#issues },
    })
  }
}

/** Checks one option that is there; it adds what is wrong. */
export type OptionRule = (check: OptionCheck, path: Path, value: unknown) => void

/** A rule for each option that there is. */
export type OptionRules<T> = { readonly [K in keyof Required<T>]: OptionRule }

/** An id or a key, as {@link OptionCheck.id} has it. */
export const idRule: OptionRule = (check, path, value) => check.id(path, value)

/**
 * Checks an object of options that don't depend on each other.
 * @param of - whose options, for the message.
 * @throws OPTIONS_INVALID with everything that is wrong.
 */
export function checkOptions<T extends object>(of: string, options: T, rules: OptionRules<T>): void {
  const check = new OptionCheck()
  if (check.object([], options)) {
    check.keys([], options, new Set(Object.keys(rules)))
    for (const [name, rule] of Object.entries<OptionRule>(rules)) {
      const value: unknown = options[name]
      if (value !== undefined) rule(check, [name], value)
    }
  }
  check.done(of)
}

/** A value as an error message shows it. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 39)}…` : value)
  if (typeof value === 'number' || typeof value === 'boolean' || value == null) return String(value)
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
