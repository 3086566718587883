import { resultOf } from '../coordinator/callers/task-handle.js'
import { changeTask } from '../coordinator/change-task.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { Entry, NodeContext } from '../coordinator/node-context.js'
import type { Submission } from '../coordinator/submit.js'
import { turnIdOf } from '../coordinator/turns.js'
import { BatutaError } from '../errors/base-error.js'
import type { AnyTaskDefinition } from '../task/definition.js'
import { copyJson } from '../task/json-value.js'
import type { IncomingMessage, MessageInput, MessageReply } from '../task/message.js'
import { checkInput } from '../task/schema-check.js'
import type { WhenBusy } from '../task/submit-options.js'

import { taskOf } from '../task/task.js'
import type { TaskRecord } from '../task/task-record.js'
import { isTerminal } from '../task/task-status.js'
import { checkMessage } from './check-message.js'
import { chooseSession } from './choose-session.js'
import { AnsweredBefore, isMoved, type Place, storeMessage } from './store-message.js'

/** How messages are answered, every setting decided. */
export interface MessageRules {
  readonly task: AnyTaskDefinition
  readonly whenBusy: WhenBusy | 'merge'
  readonly mergeMs: number
  readonly sessionIdleMs: number
}

/** A message whose defaults are filled in. */
export interface CheckedMessage {
  readonly text: string
  readonly from: string
  readonly channel: string
  readonly tenant: string
  readonly sessionId: string | undefined
  readonly messageId: string
  /** Whether the sender gave the id, so that the message may come again under it. */
  readonly isRepeatable: boolean
}

/** Takes messages in: finds the session, stores the message with the task that answers it, waits for the reply. */
export class Messages {
  constructor(
    private readonly coordinator: Coordinator,
    private readonly rules: MessageRules,
  ) {}

  /** @throws OPTIONS_INVALID, SESSION_BUSY, and what `submit` and `result()` throw. */
  async process(incoming: IncomingMessage): Promise<MessageReply> {
    this.coordinator.tasks.checkRunning()
    const message = checkMessage(incoming, this.#node.newId)
    const entry = await this.#store(message)
    const sessionId = entry.value.sessionId ?? ''
    const record = await this.coordinator.tasks.ended(entry)
    const { events } = this.#node
    if (record.state !== 'completed') {
      const error = record.error ?? { name: 'Error', message: record.cancelReason ?? 'cancelled' }
      events.emit('message:failed', { sessionId, taskId: entry.id, error })
    }
    const reply = resultOf(record, this.rules.task)
    events.emit('message:replied', { sessionId, taskId: entry.id, reply })
    return { sessionId, reply, task: taskOf(record) }
  }

  get #node(): NodeContext {
    return this.coordinator.node
  }

  /** Until the session that was chosen is still the right one when the message is written. */
  async #store(message: CheckedMessage): Promise<Entry> {
    for (;;) {
      const place = await chooseSession(this.#node, message, this.rules.sessionIdleMs)
      try {
        const joined = this.rules.whenBusy === 'merge' ? await this.#join(message, place) : undefined
        return joined ?? (await this.#submit(message, place))
      } catch (error) {
        if (error instanceof AnsweredBefore) return this.#answered(error.taskId)
        if (!isMoved(error)) throw error
      }
    }
  }

  async #submit(message: CheckedMessage, place: Place): Promise<Entry> {
    const { whenBusy, mergeMs, task } = this.rules
    const { sessionId } = place
    const input: MessageInput = {
      text: message.text,
      from: message.from,
      channel: message.channel,
      sessionId,
      messageId: message.messageId,
      merged: [{ text: message.text, messageId: message.messageId }],
    }
    const options = { sessionId, tenant: message.tenant }
    const { submission } = this.coordinator.parts.requests.typed(task, input, options, 'submit')
    const merges = whenBusy === 'merge'
    const stored = storeMessage(this.#node, message, place)
    const complete: Submission = {
      ...submission,
      spec: {
        ...submission.spec,
        answers: true,
        merge: merges,
        runAt: merges && mergeMs > 0 ? this.#node.time.now() + mergeMs : submission.spec.runAt,
      },
      whenBusy: merges ? 'enqueue' : whenBusy,
      contributions: [stored.contribution],
      answeredBy: stored.answeredBy,
    }
    const { entry, isNew } = await this.coordinator.tasks.submitted(complete)
    if (isNew) this.#received(message, sessionId, entry.id)
    return entry
  }

  /** Adds the message to the session's one message task that was never attempted, if there is one. */
  async #join(message: CheckedMessage, place: Place): Promise<Entry | undefined> {
    const turnKey = turnIdOf(message.tenant, 'session', place.sessionId)
    const waiting = await this.#node.query('task', 'turn', { prefix: [turnKey], order: 'desc', limit: 1_000 })
    // The last one: an earlier one may have had no room for what came after it.
    const open = waiting.find((entry) => isJoinable(entry.value))
    if (open === undefined) return undefined
    const { contribution } = storeMessage(this.#node, message, place, open.id)
    const result = await changeTask(this.#node, this.coordinator.parts.flow.onChange, open, (task) => {
      // Our own join, found again after its answer went missing.
      if (!isJoinable(task) || inputOf(task).merged.some((one) => one.messageId === message.messageId)) return undefined
      const input = merged(inputOf(task), message)
      return this.#fits(input) ? { after: { ...task, input }, contributions: [contribution] } : undefined
    })
    const stands = result.change === undefined ? result.stands : result.change.after
    if (stands === undefined || !inputOf(stands.value).merged.some((one) => one.messageId === message.messageId))
      return undefined
    this.#node.events.emit('message:merged', {
      sessionId: place.sessionId,
      taskId: open.id,
      messageId: message.messageId,
    })
    return stands
  }

  /** Whether several messages may be answered as one: what could not be submitted must not come about by joining. */
  #fits(input: MessageInput): boolean {
    try {
      checkInput(this.rules.task, input)
      copyJson(input, { maxBytes: this.#node.settings.maxPayloadBytes, what: 'input' })
      return true
    } catch {
      return false
    }
  }

  #received(message: CheckedMessage, sessionId: string, taskId: string): void {
    const { from, channel, messageId } = message
    this.#node.events.emit('message:received', { sessionId, taskId, from, channel, messageId })
  }

  async #answered(taskId: string): Promise<Entry> {
    const entry = await this.#node.read('task', taskId)
    if (entry !== undefined) return entry
    throw new BatutaError('TASK_NOT_FOUND', 'The message was answered before, by a task that has been purged.', {
      data: { taskId },
    })
  }
}

function isJoinable(task: TaskRecord): boolean {
  return task.answers === true && task.attempts.length === 0 && !isTerminal(task.state)
}

function inputOf(task: TaskRecord): MessageInput {
  return task.input as MessageInput
}

function merged(input: MessageInput, message: CheckedMessage): MessageInput {
  const { text, messageId } = message
  return { ...input, text: `${input.text}\n${text}`, merged: [...input.merged, { text, messageId }] }
}
