/** A message that we write unasked. */
export interface OutgoingMessage {
  /** E.164. */
  readonly to: string
  readonly text: string
  /** The same when sending is tried again: a provider that takes such a key sends once. */
  readonly idempotencyKey: string
}

/** What delivers messages: WhatsApp, a webhook, a terminal. */
export interface Channel {
  /** @throws when it could not be delivered; then it is tried again. */
  send(message: OutgoingMessage, signal: AbortSignal): Promise<void>
}

/** Gives each message to a function, once per idempotency key, as a real provider would. */
export function localChannel(deliver: (message: OutgoingMessage) => void): Channel {
  const delivered = new Set<string>()
  return {
    async send(message) {
      if (delivered.has(message.idempotencyKey)) return
      deliver(message)
      delivered.add(message.idempotencyKey)
    },
  }
}
