import { BatutaError, isBatutaError } from '../errors/base-error.js'
import { pathText } from './issue-text.js'

/** The default limit of an input, an output or any other value that is stored: 1 MiB of JSON. */
export const DEFAULT_MAX_PAYLOAD_BYTES = 1_048_576

/** Deeper values are refused: parsers and drivers recurse, and overflow their stacks somewhere beyond this. */
const MAX_DEPTH = 1_000

/** A copy, and what it weighs. */
export interface JsonCopy {
  readonly value: unknown
  /** The length of its JSON in UTF-8. */
  readonly bytes: number
}

/**
 * Copies a value at the border and refuses what JSON would change: `undefined` inside, Date, Map, class instances,
 * functions, symbols, bigint, NaN, holes, cycles, `__proto__`. `undefined` as a whole means "none" and passes; -0
 * becomes 0. One pass: later changes by the caller don't reach us, and all storages give back the same.
 * @throws PAYLOAD_NOT_JSON naming the path; PAYLOAD_TOO_LARGE.
 */
export function copyJson(value: unknown, options: { readonly maxBytes: number; readonly what?: string }): JsonCopy {
  if (value === undefined) return { value, bytes: 0 }
  const walk: Walk = { bytes: 0, maxBytes: options.maxBytes, what: options.what ?? 'value', path: [], parents: [] }
  try {
    return { value: copyValue(value, walk), bytes: walk.bytes }
  } catch (error) {
    if (isBatutaError(error)) throw error
    return refuse(walk, 'something that throws when it is read', error)
  }
}

/** What one pass carries along. */
interface Walk {
  bytes: number
  readonly maxBytes: number
  readonly what: string
  /** The objects around the value, outermost first. */
  readonly parents: object[]
  /** The key taken in each of `parents`. Longer than they are after going deep: what is beyond is stale. */
  readonly path: (string | number)[]
}

/**
 * A copy of a value that is JSON already, for whoever is not to change ours: handlers, callers, listeners.
 * Cheaper than {@link copyJson}, since nothing has to be checked.
 */
export function cloneJson<T>(value: T): T
export function cloneJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => cloneJson(item))
  const source = value as Readonly<Record<string, unknown>>
  const copy: Record<string, unknown> = {}
  for (const key of Object.keys(source)) copy[key] = cloneJson(source[key])
  return copy
}

function copyValue(value: unknown, walk: Walk): unknown {
  switch (typeof value) {
    case 'string':
      count(walk, jsonLength(value))
      return value
    case 'number':
      if (!Number.isFinite(value)) return refuse(walk, String(value))
      count(walk, value >= 0 && value < 10 && Number.isInteger(value) ? 1 : String(value).length)
      return value === 0 ? 0 : value
    case 'boolean':
      count(walk, value ? 4 : 5)
      return value
    case 'object':
      if (value === null) {
        count(walk, 4)
        return null
      }
      return Array.isArray(value) ? copyArray(value, walk) : copyRecord(value, walk)
    default:
      return refuse(walk, typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`)
  }
}

function copyArray(value: readonly unknown[], walk: Walk): unknown[] {
  // The prototype of arrays is an array itself, in every realm; that of a subclass is not.
  if (!Array.isArray(Object.getPrototypeOf(value))) return refuse(walk, nameOf(value))
  const { length } = value
  const extra = extraKey(value)
  if (extra !== undefined) return refuse(walk, `an array with a property ${JSON.stringify(extra)}`)
  const depth = enter(value, walk)
  count(walk, length === 0 ? 2 : length + 1)
  const copy: unknown[] = []
  for (let i = 0; i < length; i++) {
    walk.path[depth] = i
    const item = value[i]
    if (item === undefined && !Object.hasOwn(value, i)) return refuse(walk, 'a hole in an array')
    copy.push(copyValue(item, walk))
  }
  walk.parents.pop()
  return copy
}

/** Arrays up to this length are searched for properties besides their items (as those of a regular expression's match). */
const SEARCHED_LENGTH = 1_000
const INDEX = /^\d+$/

/** The name of a property that JSON would drop from an array. Listing the keys of a long array costs more than copying it. */
function extraKey(value: readonly unknown[]): string | undefined {
  if (value.length > SEARCHED_LENGTH) return undefined
  const keys = Object.keys(value)
  // Items come first, so the last key tells whether there is anything else.
  const last = keys.at(-1)
  return last === undefined || INDEX.test(last) ? undefined : keys.find((key) => !INDEX.test(key))
}

function copyRecord(value: object, walk: Walk): object {
  const prototype: unknown = Object.getPrototypeOf(value)
  // Object.prototype of another realm is no more ours than its prototype is: null.
  if (prototype !== Object.prototype && prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    return refuse(walk, nameOf(value))
  }
  if (Object.getOwnPropertySymbols(value).length > 0) return refuse(walk, 'an object with a symbol as a key')
  const source = value as Readonly<Record<string, unknown>>
  const depth = enter(value, walk)
  const keys = Object.keys(source)
  count(walk, keys.length === 0 ? 2 : keys.length + 1)
  const copy: Record<string, unknown> = {}
  for (const key of keys) {
    walk.path[depth] = key
    if (key === '__proto__') return refuse(walk, 'a key named __proto__')
    count(walk, jsonLength(key) + 1)
    copy[key] = copyValue(source[key], walk)
  }
  walk.parents.pop()
  return copy
}

/** Goes into an object; answers its place in `path`. */
function enter(value: object, walk: Walk): number {
  const { parents } = walk
  if (parents.includes(value)) return refuse(walk, 'a cycle')
  if (parents.length >= MAX_DEPTH) return refuse(walk, `nesting deeper than ${MAX_DEPTH}`)
  return parents.push(value) - 1
}

function count(walk: Walk, bytes: number): void {
  walk.bytes += bytes
  if (walk.bytes <= walk.maxBytes) return
  const { what, maxBytes } = walk
  throw new BatutaError('PAYLOAD_TOO_LARGE', `The ${what} is larger than ${maxBytes} bytes of JSON.`, {
    data: { bytes: walk.bytes, maxBytes },
    fix: 'Store it elsewhere and pass a reference, or raise maxPayloadBytes.',
  })
}

function refuse(walk: Walk, found: string, cause?: unknown): never {
  const path = pathText(walk.path.slice(0, walk.parents.length))
  const where = path === '' ? `The ${walk.what} is` : `The ${walk.what} has, at ${path},`
  throw new BatutaError('PAYLOAD_NOT_JSON', `${where} ${found}, which JSON would change or drop.`, {
    data: { path, found },
    fix:
      found === 'undefined' ? 'Leave the property out, or use null.' : 'Convert it to plain JSON before you pass it.',
    cause,
  })
}

function nameOf(value: object): string {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name
  if (typeof name !== 'string' || name === '') return 'an instance of a class'
  return `${/^[AEIOU]/i.test(name) ? 'an' : 'a'} ${name}`
}

const BACKSPACE = 8
const CARRIAGE_RETURN = 13
const VERTICAL_TAB = 11
const QUOTE = 34
const BACKSLASH = 92
/** Quote, backslash, or whatever is outside these two ranges: control characters and surrogates. */
const ESCAPED_OR_SURROGATE = /["\\]|[^ -\ud7ff\ue000-\uffff]/

/** The length of a text as a JSON string in UTF-8, quotes included. Lone surrogates are escaped, as JSON.stringify does. */
function jsonLength(text: string): number {
  const { length } = text
  if (length > 64 && !ESCAPED_OR_SURROGATE.test(text)) return Buffer.byteLength(text) + 2
  let bytes = 2
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 32) bytes += unit >= BACKSPACE && unit <= CARRIAGE_RETURN && unit !== VERTICAL_TAB ? 2 : 6
    else if (unit < 0x80) bytes += unit === QUOTE || unit === BACKSLASH ? 2 : 1
    else if (unit < 0x800) bytes += 2
    else if (unit < 0xd800 || unit > 0xdfff) bytes += 3
    else if (unit < 0xdc00 && isLowSurrogate(text.charCodeAt(i + 1))) {
      bytes += 4
      i++
    } else bytes += 6
  }
  return bytes
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}

/**
 * SHA-256, in hex, of a value's canonical JSON: keys sorted, so that the order in which they were written doesn't
 * count. For values that {@link copyJson} gave; `undefined` has a hash of its own.
 */
export function inputHash(value: unknown): string {
  // Got here and not imported: loading it would be a tenth of the time that importing batuta takes.
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(canonicalJson(value)).digest('hex')
}

function canonicalJson(value: unknown): string {
  if (value === undefined) return ''
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const record = value as Readonly<Record<string, unknown>>
  const keys = Object.keys(record).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(record[key])}`).join(',')}}`
}
