import type { SessionMessage } from './context.js'
import type { TaskDefinition } from './definition.js'
import type { WhenBusy } from './submit-options.js'
import type { Task } from './task.js'

/** A message as `processMessage` takes it. */
export interface IncomingMessage {
  readonly text: string
  /** Who says it: unique within the channel. */
  readonly from: string
  /** Where it came from. Default `default`. */
  readonly channel?: string | undefined
  /** The conversation to go on with, if it is this participant's. Default: the participant's open one. */
  readonly sessionId?: string | undefined
  /** The sender's id of it, unique per (tenant, channel, from): sent twice, it is answered once. */
  readonly messageId?: string | undefined
  /** Default `default`. */
  readonly tenant?: string | undefined
}

/** One of the messages that a task answers. */
export interface MergedMessage {
  readonly text: string
  readonly messageId: string
}

/** What the task that answers messages gets as its input. */
export interface MessageInput {
  /** The message; of several that were merged, their texts joined by newlines. */
  readonly text: string
  readonly from: string
  readonly channel: string
  readonly sessionId: string
  /** Of the first message; made here if the sender gave none. */
  readonly messageId: string
  /** Every message that it stands for, in order; one unless `whenBusy` is `merge`. */
  readonly merged: MergedMessage[]
}

/** What `processMessage` gives. */
export interface MessageReply<out TReply = unknown> {
  readonly sessionId: string
  /** The output of the task that answered. */
  readonly reply: TReply
  readonly task: Task
}

/** How much of a conversation a handler sees. */
export interface HistoryOptions {
  /** At most so many messages, the newest. From 1. Default 50. */
  readonly maxMessages?: number | undefined
  /**
   * Makes a summary of the messages that no longer fit, given the summary so far; handlers find it in
   * `ctx.session.summary`. Default: they are left out. One that fails, gives no string or takes longer than
   * `summariseTimeoutMs` is logged; the messages are then left out and the summary so far stays.
   */
  readonly summarise?:
    | ((dropped: readonly SessionMessage[], summary: string | undefined) => string | Promise<string>)
    | undefined
  /** How long a reply waits for its summary, in ms. The session stays busy meanwhile. From 1. Default 30,000. */
  readonly summariseTimeoutMs?: number | undefined
}

/** How messages are answered. */
export interface MessagesOptions<out TReply = unknown> {
  /** The task that answers a message: its input must accept a {@link MessageInput}, its output is the reply. */
  readonly task: TaskDefinition<MessageInput, TReply>
  /**
   * When the session is still busy with an earlier message: `enqueue` (default), `reject` (SESSION_BUSY), `interrupt`
   * (cancels the earlier ones), or `merge` (joins the one that waits and was never attempted).
   */
  readonly whenBusy?: WhenBusy | 'merge' | undefined
  /** With `merge`: how long a message waits for others to join it, in milliseconds from the first. Default 300. */
  readonly mergeMs?: number | undefined
  /** A session without a message for so long is over, in milliseconds. Default 24 hours. */
  readonly sessionIdleMs?: number | undefined
  readonly history?: HistoryOptions | undefined
}
