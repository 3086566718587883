import type { IncomingMessage } from '../task/message.js'
import { isWellFormed, OptionCheck } from '../task/option-check.js'
import { DEFAULT_TENANT } from '../task/task.js'
import type { CheckedMessage } from './messages.js'

const KEYS = new Set(['text', 'from', 'channel', 'sessionId', 'messageId', 'tenant'])
const MAX_ID = 512

/** Checks a message and fills in what it leaves out. @throws OPTIONS_INVALID naming every bad field. */
export function checkMessage(message: IncomingMessage, newId: () => string): CheckedMessage {
  const check = new OptionCheck()
  if (typeof message !== 'object' || message === null) check.add([], 'must be an object with text and from')
  else {
    for (const key of Object.keys(message)) if (!KEYS.has(key)) check.add([key], 'is not known')
    if (typeof message.text !== 'string') check.add(['text'], 'must be a string')
    for (const key of ['from', 'channel', 'sessionId', 'messageId', 'tenant'] as const) {
      const value: unknown = message[key]
      if (value === undefined && key !== 'from') continue
      if (typeof value !== 'string' || value === '' || value.length > MAX_ID) {
        check.add([key], `must be a string of 1 to ${MAX_ID} characters`)
      } else if (!isWellFormed(value)) check.add([key], 'must not contain half a surrogate pair')
    }
  }
  check.done('the message')
  const { text, from, channel = 'default', sessionId, messageId, tenant = DEFAULT_TENANT } = message
  return {
    text,
    from,
    channel,
    tenant,
    sessionId,
    messageId: messageId ?? newId(),
    isRepeatable: messageId !== undefined,
  }
}
