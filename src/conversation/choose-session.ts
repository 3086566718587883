import type { NodeContext } from '../coordinator/node-context.js'
import { turnIdOf } from '../coordinator/turns.js'
import type { SessionRecord } from '../storage/records.js'
import type { CheckedMessage } from './messages.js'
import type { Place } from './store-message.js'

/** The id of a participant's record. */
export function participantIdOf(message: {
  readonly tenant: string
  readonly channel: string
  readonly from: string
}): string {
  return [message.tenant, message.channel, message.from].map(encodeURIComponent).join('/')
}

/** The session id in a record's id. */
export function sessionIdIn(recordId: string): string {
  return decodeURIComponent(recordId.slice(recordId.indexOf('/') + 1))
}

/** The id of a session's record: a session id that callers make up is their tenant's own. */
export function sessionRecordId(tenant: string, sessionId: string): string {
  return [tenant, sessionId].map(encodeURIComponent).join('/')
}

/**
 * The session that a message belongs to: the one named, if it is this participant's and not over; else, if an id was
 * given, a new one; else the participant's open one. Sessions are found through one record per participant, never by a query.
 */
export async function chooseSession(node: NodeContext, message: CheckedMessage, idleMs: number): Promise<Place> {
  const participantId = participantIdOf(message)
  const waitMs = node.settings.storageWaitMs
  const participant = await node.read('participant', participantId, waitMs)
  const asked = message.sessionId ?? participant?.value.sessionId
  if (asked !== undefined) {
    const session = await node.read('session', sessionRecordId(message.tenant, asked), waitMs)
    const isTheirs = session?.value.participant === participantId
    if (isTheirs && !(await isOverdue(node, session.value, asked, idleMs))) {
      return { sessionId: asked, participantId, isNew: false, participant: undefined }
    }
  }
  return { sessionId: node.newId(), participantId, isNew: true, participant }
}

/** Without a message for so long; but never while it has an unfinished task. */
async function isOverdue(
  node: NodeContext,
  session: SessionRecord,
  sessionId: string,
  idleMs: number,
): Promise<boolean> {
  if (node.time.now() - session.lastMessageAt <= idleMs) return false
  return !(await hasUnfinishedTask(node, session.tenant, sessionId, node.settings.storageWaitMs))
}

/** Whether any task of a session is unfinished, a delayed one included. */
export async function hasUnfinishedTask(
  node: NodeContext,
  tenant: string,
  sessionId: string,
  waitMs?: number,
): Promise<boolean> {
  const turnKey = turnIdOf(tenant, 'session', sessionId)
  const [turn, delayed] = await Promise.all([
    node.read('turn', turnKey, waitMs),
    node.query('task', 'delayed', { prefix: [turnKey], limit: 1 }, waitMs),
  ])
  return delayed.length > 0 || (turn !== undefined && turn.value.head !== turn.value.nextSeq)
}
