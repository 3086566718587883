import { SetBuilder } from '../coordinator/commit/set-builder.js'
import type { Entry, NodeContext } from '../coordinator/node-context.js'
import { hasUnfinishedTask, sessionIdIn } from './choose-session.js'

const BATCH = 100
/** Batches per round: enough to keep up with what a node talks. */
const MAX_BATCHES = 40

/**
 * Lets go of sessions that nobody has used for long and that have no unfinished task: the session, the records of its
 * messages, and the participant's record if it still points there.
 * @param idleMs - since its last message, in milliseconds.
 */
export async function purgeSessions(node: NodeContext, idleMs: number): Promise<void> {
  const before = node.time.now() - idleMs
  // Past those that still have a task: they may be many, and the oldest.
  let after: readonly (string | number)[] | undefined
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    const idle = await node.query('session', 'sessions', { after, upTo: [before], limit: BATCH })
    await Promise.all(idle.map((session) => purgeIfOver(node, session)))
    const last = idle.at(-1)
    if (last === undefined || idle.length < BATCH) return
    after = [last.value.lastMessageAt, last.id]
  }
}

async function purgeIfOver(node: NodeContext, session: Entry<'session'>): Promise<void> {
  const sessionId = sessionIdIn(session.id)
  if (!(await hasUnfinishedTask(node, session.value.tenant, sessionId))) await purgeSession(node, session, sessionId)
}

async function purgeSession(node: NodeContext, session: Entry<'session'>, sessionId: string): Promise<void> {
  const { participant, messageIds } = session.value
  const set = new SetBuilder(node)
  // Every message writes its session's record, so a message that comes in between refuses this.
  set.remove('session', session.id, session.version)
  if (participant !== undefined) {
    const pointer = await node.read('participant', participant)
    if (pointer?.value.sessionId === sessionId) set.remove('participant', pointer.id, pointer.version)
    const ids = messageIds.map((messageId) => `${participant}/${encodeURIComponent(messageId)}`)
    for (const message of await node.readMany('message', ids)) {
      if (message !== undefined) set.remove('message', message.id, message.version)
    }
  }
  await node.committer.commit(set.build(node.latest()))
}
