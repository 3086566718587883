import { type Contribution, foundIn } from '../coordinator/commit/set-builder.js'
import type { Entry, NodeContext } from '../coordinator/node-context.js'
import { NEW_TASK } from '../coordinator/submit.js'
import type { Kind, SessionRecord, StoredMessage } from '../storage/records.js'
import { participantIdOf, sessionRecordId } from './choose-session.js'
import type { CheckedMessage } from './messages.js'
import { newSession } from './session-support.js'

/** Where a message goes. */
export interface Place {
  readonly sessionId: string
  readonly participantId: string
  readonly isNew: boolean
  /** The participant's record as read, when it is to point to a new session. */
  readonly participant: Entry<'participant'> | undefined
}

/** The session that was chosen is no longer the right one: choose again. */
class Moved extends Error {}

/** Whether an error says that a record moved while it was being changed. */
export function isMoved(error: unknown): boolean {
  return error instanceof Moved
}

/** The message came before, and joined this task. */
export class AnsweredBefore extends Error {
  constructor(readonly taskId: string) {
    super('The message was answered before.')
  }
}

/** The id of a message's record: unique per participant. */
export function messageRecordId(message: CheckedMessage): string {
  return `${participantIdOf(message)}/${encodeURIComponent(message.messageId)}`
}

/**
 * The writes that store a message: in its session (always, so that nothing can be decided about a session behind its
 * back), under its own id, and for a new session in the participant's record.
 *
 * @param joined - the task that it joins; absent when the set makes its task.
 */
export function storeMessage(
  node: NodeContext,
  message: CheckedMessage,
  place: Place,
  joined?: string,
): {
  readonly contribution: Contribution
  readonly answeredBy: (found: ReadonlyMap<string, Entry<Kind>>) => string | undefined
} {
  const recordId = messageRecordId(message)
  const sessionId = sessionRecordId(message.tenant, place.sessionId)
  const reads: { kind: Kind; id: string }[] = [
    { kind: 'session', id: sessionId },
    { kind: 'participant', id: place.participantId },
  ]
  if (message.isRepeatable) reads.push({ kind: 'message', id: recordId })
  const answeredBy = (found: ReadonlyMap<string, Entry<Kind>>) => foundIn(found, 'message', recordId)?.value.taskId
  const contribution: Contribution = {
    reads,
    apply(set, found) {
      const answered = answeredBy(found)
      if (answered !== undefined) throw new AnsweredBefore(answered)
      const was = foundIn(found, 'session', sessionId)
      const participant = foundIn(found, 'participant', place.participantId)
      if (place.isNew ? participant?.version !== place.participant?.version : was === undefined) throw new Moved()
      const taskId = joined ?? found.get(NEW_TASK)?.id ?? ''
      const now = node.time.now()
      const session = was?.value ?? { ...newSession(message.tenant, now), participant: place.participantId }
      set.put('session', sessionId, was, withMessage(session, message, taskId, now))
      if (place.isNew) {
        set.put('participant', place.participantId, participant, { ...participant?.value, sessionId: place.sessionId })
      }
      if (message.isRepeatable) set.put('message', recordId, undefined, { sessionId: place.sessionId, taskId })
    },
  }
  return { contribution, answeredBy }
}

function withMessage(session: SessionRecord, message: CheckedMessage, taskId: string, now: number): SessionRecord {
  const stored: StoredMessage = { role: 'user', text: message.text, at: now, messageId: message.messageId, taskId }
  return {
    ...session,
    lastMessageAt: now,
    messages: [...session.messages, stored],
    messageIds: message.isRepeatable ? [...session.messageIds, message.messageId] : session.messageIds,
  }
}
