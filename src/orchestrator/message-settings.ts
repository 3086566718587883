import type { AnyTaskDefinition } from '../task/definition.js'
import type { HistoryOptions, MessagesOptions } from '../task/message.js'

const DAY_MS = 86_400_000

/** How messages are answered, every setting decided. */
export interface MessageSettings {
  readonly task: AnyTaskDefinition
  readonly whenBusy: NonNullable<MessagesOptions['whenBusy']>
  readonly mergeMs: number
  readonly sessionIdleMs: number
  readonly maxMessages: number
  readonly summarise: HistoryOptions['summarise']
  readonly summariseTimeoutMs: number
}

/** The default of `messages.history.maxMessages`. */
export const DEFAULT_MAX_MESSAGES = 50

/** The default of `messages.history.summariseTimeoutMs`. */
export const DEFAULT_SUMMARISE_TIMEOUT_MS = 30_000

/** Puts the defaults in. */
export function messageSettings(messages: MessagesOptions): MessageSettings {
  return {
    task: messages.task,
    whenBusy: messages.whenBusy ?? 'enqueue',
    mergeMs: messages.mergeMs ?? 300,
    sessionIdleMs: messages.sessionIdleMs ?? DAY_MS,
    maxMessages: messages.history?.maxMessages ?? DEFAULT_MAX_MESSAGES,
    summarise: messages.history?.summarise,
    summariseTimeoutMs: messages.history?.summariseTimeoutMs ?? DEFAULT_SUMMARISE_TIMEOUT_MS,
  }
}
