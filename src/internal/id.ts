import type { Clock } from './clock.js'
import type { Random } from './random.js'

/** Crockford's base 32 in lower case: sorts like the number it stands for, and has no letters that look like digits. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz'
const TIME_DIGITS = 9
const COUNTER_DIGITS = 4
const COUNTER_LIMIT = 32 ** COUNTER_DIGITS

function encode(value: number, digits: number): string {
  let text = ''
  let rest = value
  for (let i = 0; i < digits; i++) {
    text = DIGITS.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}

/**
 * Makes ids of 23 characters that sort by the time they were made: 9 of milliseconds, 4 of a counter that keeps the
 * order within one millisecond, 10 (50 bits) that tell one maker from another. The last ten are drawn once a
 * millisecond, so that ids made together differ by their counter and making one costs little.
 */
export function createIdFactory(clock: Clock, random: Random): () => string {
  let lastMs = -1
  let counter = 0
  let prefix = ''
  let suffix = ''
  return () => {
    const nowMs = Math.max(clock.now(), lastMs)
    if (nowMs !== lastMs || counter === COUNTER_LIMIT) {
      // A clock that stands still for a million ids moves on by one millisecond, so that order holds.
      lastMs = nowMs === lastMs ? lastMs + 1 : nowMs
      counter = 0
      prefix = encode(Math.floor(lastMs), TIME_DIGITS)
      suffix = encode(Math.floor(random.next() * 2 ** 25), 5) + encode(Math.floor(random.next() * 2 ** 25), 5)
    }
    return prefix + encode(counter++, COUNTER_DIGITS) + suffix
  }
}
