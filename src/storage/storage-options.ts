import { BatutaError } from '../errors/base-error.js'
import { suggest } from '../internal/did-you-mean.js'
import { checkOptions, type OptionRule, type OptionRules, shown } from '../task/option-check.js'

/** What there is to say about the options of a storage. */
export interface StorageOptionRules<T> {
  /** The function that takes them. */
  readonly of: string
  /** What it may be given. */
  readonly example: string
  /** What other libraries call an option of ours. */
  readonly otherNames: ReadonlyMap<string, keyof T & string>
  readonly rules: OptionRules<T>
}

/**
 * Checks each option of a storage by itself. What may hold a password is not shown.
 * @throws OPTIONS_INVALID
 */
export function checkStorageOptions<T extends object>(about: StorageOptionRules<T>, options: T): void {
  const { of, example, otherNames, rules } = about
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw refused(of, [], `must be given an object, such as ${example}, not ${withoutSecret(options)}.`)
  }
  const known = Object.keys(rules)
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown !== undefined) {
    const meant = otherNames.get(unknown) ?? suggest(unknown, known)
    const question = meant === undefined ? '' : `Did you mean "${meant}"? `
    const message = `There is no option "${unknown}".`
    throw refused(of, [unknown], message, `${question}The options are ${known.join(', ')}.`)
  }
  checkOptions(of, options, rules)
}

/** @throws OPTIONS_INVALID unless it is so. */
export function assertOption(of: string, valid: boolean, path: string, message: string): void {
  if (!valid) throw refused(of, [path], message)
}

/** The error for options that can't be meant. */
export function refused(of: string, path: readonly string[], message: string, fix?: string): BatutaError {
  return new BatutaError('OPTIONS_INVALID', `${of}: ${message}`, { data: { issues: [{ message, path }] }, fix })
}

/** True or false. */
export const flagRule: OptionRule = (check, path, value) => check.boolean(path, value)
/** A time in milliseconds. */
export const waitRule: OptionRule = (check, path, value) => check.number(path, value, { min: 1, whole: true })
/** A function. */
export const functionRule: OptionRule = (check, path, value) => check.fn(path, value)

/** A text of this form. It is not shown: an address may hold a password. */
export function textRule(form: RegExp, message: string): OptionRule {
  return (check, path, value) => {
    if (typeof value !== 'string') check.add(path, `must be a string, not ${shown(value)}`)
    else if (!form.test(value)) check.add(path, message)
  }
}

/** An object that has these methods. */
export function objectRule(what: string, ...methods: readonly string[]): OptionRule {
  return (check, path, value) => {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    const fits = isObject && methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
    if (!fits) check.add(path, `must be ${what}, not ${withoutSecret(value)}`)
  }
}

/** A value as an error message shows it where an address may have been given: not more than its scheme. */
function withoutSecret(value: unknown): string {
  if (typeof value !== 'string') return shown(value)
  const scheme = /^[a-z][a-z\d+]{0,20}:\/\//i.exec(value)?.[0]
  return scheme === undefined ? 'a string' : `"${scheme}…"`
}
