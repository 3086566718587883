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
  readonly merged: readonly MergedMessage[]
}
