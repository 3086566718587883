import type { KeyPart } from './storage.js'

/** A UTF-16 unit, moved so that units sort as the UTF-8 bytes of their text: surrogates after everything else. */
function rankOf(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

/** Orders texts by their UTF-8 bytes, as storages do; `<` on strings differs for characters beyond U+D7FF. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return rankOf(x) - rankOf(y)
  }
  return a.length - b.length
}

/** Orders two parts of the same field of an index. */
export function compareParts(a: KeyPart, b: KeyPart): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  return a === b ? 0 : a < b ? -1 : 1
}
