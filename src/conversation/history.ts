import type { SessionRecord, StoredMessage } from '../storage/records.js'
import type { SessionMessage } from '../task/context.js'

/** A message as handlers see it. */
export function messageOf(message: StoredMessage): SessionMessage {
  const { role, text, at, messageId } = message
  return { role, text, at: new Date(at), ...(messageId === undefined ? undefined : { messageId }) }
}

/** What a reply says, as text: itself, its `text`, or JSON. */
export function replyText(output: unknown): string {
  if (typeof output === 'string') return output
  const text = (output as { text?: unknown } | null | undefined)?.text
  return typeof text === 'string' ? text : (JSON.stringify(output) ?? '')
}

/** Messages that leave the history, and the summary that takes their place. */
export interface Summary {
  readonly dropped: readonly StoredMessage[]
  readonly text: string | undefined
}

/** The messages that no longer fit once the reply, and the message that will come after it, are added. */
export function overflow(messages: readonly StoredMessage[], maxMessages: number): readonly StoredMessage[] {
  return messages.slice(0, Math.max(0, messages.length + 2 - maxMessages))
}

/** The history with a reply in, and what no longer fits out. What came in meanwhile stays. */
export function withReply(
  session: SessionRecord,
  reply: StoredMessage | undefined,
  summary: Summary,
): Pick<SessionRecord, 'messages' | 'summary'> {
  const isSameStart = summary.dropped.every((message, i) => isSame(session.messages[i], message))
  const kept = isSameStart ? session.messages.slice(summary.dropped.length) : session.messages
  const text = isSameStart && summary.dropped.length > 0 ? summary.text : session.summary
  const messages = reply === undefined ? kept : [...kept, reply]
  return text === undefined ? { messages } : { messages, summary: text }
}

function isSame(a: StoredMessage | undefined, b: StoredMessage): boolean {
  return a !== undefined && a.at === b.at && a.role === b.role && a.text === b.text
}
