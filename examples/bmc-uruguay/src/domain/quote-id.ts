import { createHash } from 'node:crypto'
import { localTimeOf, pad } from './local-time.js'
import { phoneKey } from './phone.js'

/** Crockford's base 32 without the letters that are read as digits. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const SUFFIX_LENGTH = 8

/** Where a customer came from, as in the sheet: WhatsApp or the chat. */
export type Origin = 'WA' | 'CH'

/**
 * `COT-20261123-103000-7KQ2MXVT`: when, and eight letters (40 bits) drawn from `seed`. Two quotes of one second differ;
 * a quote that is made again with the same seed keeps its id.
 *
 * @param seed - names the quote, the same each time it is tried: the idempotency key of its task.
 */
export function quoteIdOf(seed: string, at: Date): string {
  const { year, month, day, hour, minute, second } = localTimeOf(at)
  return `COT-${year}${pad(month)}${pad(day)}-${pad(hour)}${pad(minute)}${pad(second)}-${suffixOf(seed)}`
}

/**
 * `CH23100001-7KQ2MXVT`: the sales team's code (origin, day, hour, last four digits of the phone) and the letters of
 * the quote, since the code alone repeats every month.
 */
export function argCodeOf(quote: { id: string; origin: Origin; phone: string; at: Date }): string {
  const { day, hour } = localTimeOf(quote.at)
  return `${quote.origin}${pad(day)}${pad(hour)}${phoneKey(quote.phone).slice(-4)}-${quote.id.slice(-SUFFIX_LENGTH)}`
}

function suffixOf(seed: string): string {
  const bytes = createHash('sha256').update(seed).digest()
  return Array.from({ length: SUFFIX_LENGTH }, (_, at) => ALPHABET[(bytes[at] ?? 0) & 31]).join('')
}
