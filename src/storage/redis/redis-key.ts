import { decodeCursor } from '../index-range.js'
import type { IndexDefinition, IndexKey, IndexQuery, IndexRange } from '../storage.js'
import { compareText } from '../text-order.js'

/**
 * Index keys as texts whose bytes sort like the keys: the members of a sorted set in which all scores are equal. Every
 * part ends with NUL, so that a shorter text goes before a longer one that begins with it; numbers are the 16 hex digits
 * of their big-endian double, moved so that they sort. Behind the last part stands the record's id, unless it was the
 * last part.
 */

/** Sorts after every text that a key with the same beginning has instead of its NUL. */
const AFTER = '\u0001'

/** Takes NUL away, and U+0001 but as the sign of what stood there; the order of texts stays what it was. */
export function escapeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these two are what has to be found.
  return /[\u0000\u0001]/.test(text) ? text.replaceAll('\u0001', '\u0001\u0003').replaceAll('\0', '\u0001\u0002') : text
}

/** Undoes {@link escapeText}. */
export function unescapeText(text: string): string {
  return text.includes('\u0001') ? text.replaceAll('\u0001\u0002', '\0').replaceAll('\u0001\u0003', '\u0001') : text
}

const double = new DataView(new ArrayBuffer(8))

/** 16 hex digits that sort like the number. */
export function encodeNumber(value: number): string {
  // -0 and 0 are one number.
  double.setFloat64(0, value + 0)
  let high = double.getUint32(0)
  let low = double.getUint32(4)
  if (high >>> 31 === 0) {
    high = (high | 0x8000_0000) >>> 0
  } else {
    high = ~high >>> 0
    low = ~low >>> 0
  }
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')
}

/** Undoes {@link encodeNumber}. */
export function decodeNumber(text: string): number {
  const high = Number.parseInt(text.slice(0, 8), 16)
  const low = Number.parseInt(text.slice(8), 16)
  const isNegative = high >>> 31 === 0
  double.setUint32(0, isNegative ? ~high : high & 0x7fff_ffff)
  double.setUint32(4, isNegative ? ~low : low)
  return double.getFloat64(0)
}

/** What every member of a key that starts with these parts begins with, and no other. */
export function encodeParts(key: IndexKey): string {
  let text = ''
  for (const part of key) text += `${typeof part === 'number' ? encodeNumber(part) : escapeText(part)}\0`
  return text
}

/** The member of a record under its whole key. Leads back to the id: see `member_id` in the scripts. */
export function encodeMember(key: IndexKey, id: string): string {
  return encodeParts(key) + (key[key.length - 1] === id ? '' : `=${escapeText(id)}`)
}

/** The key in a member. */
export function decodeMember(index: IndexDefinition, member: string): IndexKey {
  const parts = member.split('\0')
  return index.fields.map(({ type }, i) => {
    const part = parts[i] as string
    return type === 'number' ? decodeNumber(part) : unescapeText(part)
  })
}

/** Bounds as ZRANGEBYLEX takes them. */
export interface LexSpan {
  readonly min: string
  readonly max: string
}

/** Sorts after everything that begins with these parts, and before all that sorts after that. */
function pastOf(key: IndexKey): string {
  return encodeParts(key).slice(0, -1) + AFTER
}

/**
 * The bounds of a range, or `undefined` when nothing can be in it. A cursor takes the place of the bound that the walk
 * started from.
 * @throws OPTIONS_INVALID when the cursor is not one of this index.
 */
export function lexSpanOf(index: IndexDefinition, range: IndexRange, query?: IndexQuery): LexSpan | undefined {
  const cursor = query?.cursor === undefined ? undefined : decodeCursor(index, query.cursor)
  const down = query?.order === 'desc'
  const prefix = range.prefix ?? []
  const after = down ? range.after : (cursor ?? range.after)
  const upTo = down && cursor !== undefined ? undefined : range.upTo
  // No bounds on a side: the empty text below, nothing above. A bound without parts is one that all keys start with.
  if (after?.length === 0) return undefined
  const lowers = [encodeParts(prefix), ...(after === undefined ? [] : [pastOf(after)])]
  const uppers = [
    ...(prefix.length > 0 ? [pastOf(prefix)] : []),
    ...(upTo !== undefined && upTo.length > 0 ? [pastOf(upTo)] : []),
    ...(down && cursor !== undefined ? [encodeParts(cursor)] : []),
  ]
  const lower = lowers.reduce((a, b) => (compareText(a, b) < 0 ? b : a))
  if (uppers.length === 0) return { min: lower === '' ? '-' : `[${lower}`, max: '+' }
  const upper = uppers.reduce((a, b) => (compareText(a, b) > 0 ? b : a))
  if (compareText(lower, upper) >= 0) return undefined
  return { min: lower === '' ? '-' : `[${lower}`, max: `(${upper}` }
}
