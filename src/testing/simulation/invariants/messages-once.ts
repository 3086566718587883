import type { MessageRecord, ParticipantRecord, SessionRecord } from '../../../storage/records.js'
import type { TaskRecord } from '../../../task/task-record.js'
import { isTerminal } from '../../../task/task-status.js'
import type { CheckerFactory } from '../checker.js'
import type { Change } from '../event-log.js'
import { taskChanges, type World } from '../world.js'

/**
 * Conversations, as parts of invariants 1, 2 and 4: a message is stored once, answered by one task, in one session.
 *
 * - a message's record is made once, in a set that also writes its session's record, and that makes its task or changes
 *   the one that it joins;
 * - a task takes messages in only before its first attempt; every message is in the input of its task, once;
 * - a participant has one session while that is not over, and a session is not deleted under an unfinished task;
 * - everybody who sent a message was told of the task that its record names;
 * - a session's counter is one higher with each accepted attempt that staged so, and not otherwise.
 */
export const messagesOnce: CheckerFactory = (report) => {
  const messages = new Map<string, MessageRecord>()
  const inputs = new Map<string, readonly string[]>()
  const counted = new Set<number>()
  const counts = new Map<string, number>()

  const checkMessage = (change: Change, changes: readonly Change[]) => {
    const message = change.after?.value as MessageRecord | undefined
    if (message === undefined) return
    if (messages.has(change.id)) report(`message ${change.id} was stored twice`, change.id)
    messages.set(change.id, message)
    if (!changes.some((other) => other.kind === 'session')) {
      report(`message ${change.id} was stored without its session`, change.id)
    }
    if (!changes.some((other) => other.kind === 'task' && other.id === message.taskId)) {
      report(`message ${change.id} was stored without its task ${message.taskId}`, change.id, message.taskId)
    }
  }

  const checkInput = (id: string, before: TaskRecord | undefined, after: TaskRecord) => {
    const ids = mergedIds(after.input)
    if (ids === undefined) return
    inputs.set(id, ids)
    if (new Set(ids).size < ids.length) report(`task ${id} answers a message twice: ${ids}`, id)
    if (before === undefined || mergedIds(before.input)?.length === ids.length) return
    if (before.attempts.length > 0 || isTerminal(before.state)) report(`task ${id} took a message in too late`, id)
  }

  const checkSession = ({ id, before, after }: Change, world: World) => {
    const session = (after ?? before)?.value as SessionRecord
    if (after === undefined) {
      const turn = `${encodeURIComponent(session.tenant)}/session/${id.slice(id.indexOf('/') + 1)}`
      for (const taskId of world.inTurn.get(turn) ?? []) report(`session ${id} was deleted under ${taskId}`, id, taskId)
      counts.delete(id)
      return
    }
    const said = session.messages.filter((message) => message.role === 'user').map((message) => message.messageId)
    if (new Set(said).size < said.length) report(`session ${id} has a message twice`, id)
  }

  const checkCount = (task: TaskRecord, world: World) => {
    const run = runOf(task.output)
    if (task.sessionId === undefined || run === undefined || !counted.has(run)) return
    const id = `${encodeURIComponent(task.tenant)}/${encodeURIComponent(task.sessionId)}`
    const expected = (counts.get(id) ?? 0) + 1
    counts.set(id, expected)
    const count = world.sessions.get(id)?.context.count?.value
    if (count !== expected)
      report(`session ${id} counts ${String(count)} with ${task.id}, not ${expected}`, id, task.id)
  }

  const checkParticipant = ({ id, before, after }: Change, world: World) => {
    const was = (before?.value as ParticipantRecord | undefined)?.sessionId
    const is = (after?.value as ParticipantRecord | undefined)?.sessionId
    if (was === undefined || is === undefined || was === is) return
    const tenant = id.slice(0, id.indexOf('/'))
    if (world.sessions.has(`${tenant}/${encodeURIComponent(was)}`)) report(`${id} was given a second session`, id)
  }

  return {
    name: '1 messages once',
    onEvent(event, world) {
      if (event.type === 'handler:return' && event.counted) counted.add(event.run)
      if (event.type === 'client:answered' && event.taskId !== undefined) {
        const stored = messages.get(`default/default/${event.from}/${event.messageId}`)
        if (stored?.taskId !== event.taskId) {
          report(`who sent ${event.messageId} was told of ${event.taskId}, not ${stored?.taskId}`, event.taskId)
        }
      }
      if (event.type !== 'commit') return
      for (const change of event.changes) {
        if (change.kind === 'message') checkMessage(change, event.changes)
        if (change.kind === 'session') checkSession(change, world)
        if (change.kind === 'participant') checkParticipant(change, world)
      }
      for (const { id, before, after } of taskChanges(event)) {
        if (after === undefined) continue
        checkInput(id, before, after)
        if (after.state === 'completed' && before?.state !== 'completed') checkCount(after, world)
      }
    },
    onEnd() {
      for (const [id, { taskId }] of messages) {
        const messageId = decodeURIComponent(id.slice(id.lastIndexOf('/') + 1))
        const answering = [...inputs].filter(([, ids]) => ids.includes(messageId)).map(([task]) => task)
        if (answering.length !== 1 || answering[0] !== taskId) {
          report(
            `message ${id} belongs to ${taskId} and is answered by ${answering.join(', ') || 'nobody'}`,
            id,
            taskId,
          )
        }
      }
    },
  }
}

/** The messages that a task answers; nothing for other tasks. */
function mergedIds(input: unknown): string[] | undefined {
  if (typeof input !== 'object' || input === null || !('merged' in input) || !Array.isArray(input.merged))
    return undefined
  return input.merged.map((message: { readonly messageId: string }) => message.messageId)
}

function runOf(output: unknown): number | undefined {
  return typeof output === 'object' && output !== null && 'run' in output && typeof output.run === 'number'
    ? output.run
    : undefined
}
