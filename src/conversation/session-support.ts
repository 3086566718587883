import { type Contribution, foundIn } from '../coordinator/commit/set-builder.js'
import type { NodeContext } from '../coordinator/node-context.js'
import type { OpenSession, SessionSupport } from '../coordinator/task-extension.js'
import { within } from '../internal/within.js'
import type { SessionRecord, StoredMessage } from '../storage/records.js'
import type { TaskSession } from '../task/context.js'
import type { HistoryOptions } from '../task/message.js'
import type { TaskRecord } from '../task/task-record.js'
import { sessionRecordId } from './choose-session.js'
import { messageOf, overflow, replyText, type Summary, withReply } from './history.js'
import { SessionEdits } from './session-edits.js'
import { purgeSessions } from './session-purge.js'

/** How much history a session keeps, and what becomes of the rest. */
export interface HistorySettings {
  readonly maxMessages: number
  readonly summarise: HistoryOptions['summarise']
  readonly summariseTimeoutMs: number
  /** A session that is younger may still be gone on with, whatever the retention. */
  readonly idleMs: number
}

/** A session that nobody has written yet. */
export function newSession(tenant: string, now: number): SessionRecord {
  return { tenant, createdAt: now, lastMessageAt: now, messages: [], context: {}, messageIds: [] }
}

/** Gives tasks their sessions: read before the attempt, staged by the handler, committed with its result. */
export function sessionSupport(node: NodeContext, history: HistorySettings): SessionSupport {
  return {
    purge: (idleMs) => purgeSessions(node, Math.max(idleMs, history.idleMs)),
    async open(task: TaskRecord): Promise<OpenSession> {
      const sessionId = task.sessionId ?? ''
      const seen = (await node.read('session', sessionRecordId(task.tenant, sessionId)))?.value
      const edits = new SessionEdits(seen, node.settings.maxPayloadBytes)
      return {
        session: viewOf(sessionId, seen, edits, history.maxMessages),
        async contributions(output) {
          const summary = await summarised(node, history, seen, task)
          if (edits.isEmpty && task.answers !== true) return []
          return [contributionOf(node, task, edits, output, summary)]
        },
      }
    },
  }
}

function viewOf(id: string, seen: SessionRecord | undefined, edits: SessionEdits, maxMessages: number): TaskSession {
  return {
    id,
    messages: (seen?.messages ?? []).slice(-maxMessages).map(messageOf),
    ...(seen?.summary === undefined ? undefined : { summary: seen.summary }),
    get: <T>(key: string) => edits.get(key) as T | undefined,
    set: (key, value) => edits.set(key, value),
    delete: (key) => edits.delete(key),
    update: <T>(key: string, fn: (value: T | undefined) => T) => edits.update(key, fn as (value: unknown) => unknown),
  }
}

/** A summary that can't be made is no reason to lose a reply: the messages are then left out without one. */
async function summarised(
  node: NodeContext,
  history: HistorySettings,
  seen: SessionRecord | undefined,
  task: TaskRecord,
): Promise<Summary> {
  const dropped = task.answers === true && seen !== undefined ? overflow(seen.messages, history.maxMessages) : []
  if (dropped.length === 0 || history.summarise === undefined) return { dropped, text: seen?.summary }
  try {
    const { summarise, summariseTimeoutMs } = history
    const made = Promise.resolve(summarise(dropped.map(messageOf), seen?.summary))
    const text = await within(node.clock, summariseTimeoutMs, made)
    if (typeof text !== 'string') throw new TypeError(`summarise must give a string, not ${typeof text}.`)
    return { dropped, text }
  } catch (error) {
    node.log.warn({ taskId: task.id, error }, 'messages could not be summarised')
    return { dropped, text: seen?.summary }
  }
}

function contributionOf(
  node: NodeContext,
  task: TaskRecord,
  edits: SessionEdits,
  output: unknown,
  summary: Summary,
): Contribution {
  const sessionId = task.sessionId ?? ''
  const recordId = sessionRecordId(task.tenant, sessionId)
  return {
    reads: [{ kind: 'session', id: recordId }],
    apply(set, found) {
      const was = foundIn(found, 'session', recordId)
      const now = node.time.now()
      const session = was?.value ?? newSession(task.tenant, now)
      const reply: StoredMessage | undefined =
        task.answers === true ? { role: 'assistant', text: replyText(output), at: now, taskId: task.id } : undefined
      const { deleted: _deleted, ...rest } = session
      set.put('session', recordId, was, {
        ...rest,
        ...edits.applyTo(session, sessionId),
        ...withReply(session, reply, summary),
      })
    },
  }
}
