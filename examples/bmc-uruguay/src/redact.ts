import type { Logger } from 'batuta'
import { maskPhone } from './domain/phone.js'

/** Fields whose text belongs to a customer. */
const PRIVATE: ReadonlySet<string> = new Set(['text', 'mensaje', 'body', 'input', 'output', 'firstName', 'lastName'])
/** Eight digits or more, in groups: a telephone number wherever it stands. */
const PHONE = /\+?\d(?:[\s().-]?\d){7,14}/g

/** A value for a log: telephone numbers masked, what customers wrote left out. Times and ids stay. */
export function redact(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(PHONE, (digits) => maskPhone(digits))
  if (value instanceof Date) return value
  if (value instanceof Error) return { name: value.name, message: redact(value.message) }
  if (Array.isArray(value)) return value.map(redact)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, PRIVATE.has(key) ? '[omitted]' : isId(key) ? each : redact(each)]),
  )
}

/** Ids hold digits too, and a log without them is of no use. */
function isId(key: string): boolean {
  return key === 'id' || key.endsWith('Id')
}

/** One JSON line per entry, redacted. @param write - default: standard error. */
export function jsonLogger(write: (line: string) => void = (line) => process.stderr.write(line)): Logger {
  const at = (level: string) => (fields: object, message?: string) =>
    write(`${JSON.stringify({ level, at: new Date(), message: redact(message), ...(redact(fields) as object) })}\n`)
  return { debug: () => undefined, info: at('info'), warn: at('warn'), error: at('error') }
}
