import type { StoredError } from './codes.js'

/** No stored message or stack is longer, in characters: one failing type must not fill the storage. */
const MAX_MESSAGE = 4_096
const MAX_STACK = 8_192
const MAX_NAME = 256
/** Causes of causes are written down this far. */
const MAX_CAUSES = 4

/**
 * What is stored of anything that was thrown: plain data of bounded size. The stack ends with the stacks of its causes.
 * A thrown value that is no error becomes HANDLER_THREW with its text. Never throws, whatever it is given.
 */
export function toStoredError(thrown: unknown): StoredError {
  if (!isErrorLike(thrown)) {
    const message = `The handler threw ${describe(thrown)}, which is not an Error.`
    return { name: 'Error', message: cut(message, MAX_MESSAGE), code: 'HANDLER_THREW' }
  }
  const code = read(thrown, 'code')
  const stack = stackOf(thrown)
  return {
    name: cut(textOf(read(thrown, 'name')) || 'Error', MAX_NAME),
    message: cut(textOf(read(thrown, 'message')), MAX_MESSAGE),
    ...(typeof code === 'string' || typeof code === 'number' ? { code: cut(String(code), MAX_NAME) } : {}),
    ...(stack === '' ? {} : { stack: cut(stack, MAX_STACK) }),
  }
}

/** An error of this realm or another, or something that looks like one. */
function isErrorLike(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  try {
    if (value instanceof Error) return true
  } catch {
    return false
  }
  return typeof read(value, 'message') === 'string' && typeof read(value, 'stack') === 'string'
}

function stackOf(error: object): string {
  const parts = [textOf(read(error, 'stack'))]
  let cause = read(error, 'cause')
  for (let depth = 0; depth < MAX_CAUSES && cause !== undefined; depth++) {
    if (!isErrorLike(cause)) {
      parts.push(`Caused by: ${describe(cause)}`)
      break
    }
    parts.push(`Caused by: ${textOf(read(cause, 'stack')) || textOf(read(cause, 'message'))}`)
    cause = read(cause, 'cause')
  }
  return parts.filter((part) => part !== '').join('\n')
}

/** A property of something that may be a proxy or have getters that throw. */
function read(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** A short text for a thrown value, made without running more of its code than must be. */
function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(cut(value, MAX_MESSAGE))
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  try {
    return cut(JSON.stringify(value) ?? 'an object', MAX_MESSAGE)
  } catch {
    return 'an object that JSON has no text for'
  }
}

/** The first `max` characters, without half a surrogate pair at the end. */
function cut(text: string, max: number): string {
  if (text.length <= max) return text
  const last = text.charCodeAt(max - 2)
  const end = last >= 0xd800 && last <= 0xdbff ? max - 2 : max - 1
  return `${text.slice(0, end)}…`
}
