import type { Scanner } from './scanner.js'
import { almostEqual } from './text.js'

/** How customers call what is in the catalogue: code to pattern, on folded text. */
const NAMES: readonly (readonly [code: string, pattern: RegExp])[] = [
  ['isodec', /\biso[ -]?(?:dec|deck|dac|dak|dek)s?\b/],
  ['lana_roca', /\blana[ _-](?:de[ _-])?(?:roca|mineral)\b|\brock ?wool\b|\blana\b/],
  ['poliestireno', /\bpoliestireno(?: expandido)?\b|\beps\b|\bespuma ?plast\b/],
]

/** Words long enough that one typing mistake leaves no doubt. */
const TYPO_PRONE = [
  ['isodec', 'isodec'],
  ['poliestireno', 'poliestireno'],
] as const

/** Products of the trade that this price list doesn't have: better named than ignored. */
const ELSEWHERE = /\biso[ -]?(?:roof|panel|wall)(?:es|s)?\b|\bchapas?\b|\bcalameria\b/
/** "producto XYZ": a name we have never heard. */
const NAMED =
  /\bproductos? (?!que\b|para\b|de\b|del\b|con\b|y\b|o\b|tien\w*|ofrec\w*|hay\b|vend\w*|mas\b|es\b|son\b|me\b|en\b)([a-z0-9][a-z0-9-]+)/

const CORE = String.raw`(eps|poliestireno|poliuretano|pur|lana(?: de)? roca|lana mineral)\b`
const FILLING = new RegExp(String.raw`\b(?:relleno|nucleo)s?(?: de| en|:)? ${CORE}`)
const FILLING_OF_ISODEC = new RegExp(String.raw`\bcon (?:relleno de |nucleo de )?${CORE}`)

/** What a text says about products: codes of the catalogue, or the name as written when we don't have it. */
export interface ProductWords {
  /** Each product named, once. More than one means that the customer compares or has not decided. */
  readonly products: readonly string[]
  readonly filling?: string
}

/** Takes product names and fillings out of a folded text. */
export function readProduct(scanner: Scanner): ProductWords {
  const namesIsodec = NAMES.some(([code, pattern]) => code === 'isodec' && pattern.test(scanner.rest))
  const filling = scanner.take(FILLING) ?? (namesIsodec ? scanner.take(FILLING_OF_ISODEC) : undefined)
  const products = NAMES.filter(([, pattern]) => scanner.takeAll(pattern).length > 0).map(([code]) => code)
  if (products.length === 0) products.push(...misspelt(scanner))
  if (products.length === 0) {
    const elsewhere = scanner.take(ELSEWHERE)?.[0] ?? scanner.take(NAMED)?.[1]
    if (elsewhere !== undefined) products.push(elsewhere)
  }
  return { products, ...(filling?.[1] === undefined ? {} : { filling: fillingOf(filling[1]) }) }
}

function misspelt(scanner: Scanner): string[] {
  for (const word of scanner.rest.match(/[a-z]{5,}/g) ?? []) {
    const guess = TYPO_PRONE.find(([name]) => almostEqual(word, name))
    if (guess === undefined) continue
    scanner.take(new RegExp(`\\b${word}\\b`))
    return [guess[1]]
  }
  return []
}

function fillingOf(word: string): string {
  if (word.startsWith('lana')) return 'Lana de roca'
  return word === 'poliuretano' || word === 'pur' ? 'Poliuretano' : 'EPS'
}
