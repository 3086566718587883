import type { CoordinatorOptions } from '../coordinator/options/coordinator-options.js'
import type { MessagesOptions } from '../task/message.js'

/**
 * Options of `createOrchestrator` and `new Orchestrator`. Each may be left out or undefined, which is the same. They are
 * checked at the start, all at once; an unknown name is an error.
 */
export interface OrchestratorOptions<out TReply = unknown> extends CoordinatorOptions {
  /** How messages are answered. Default: `processMessage` throws MESSAGES_NOT_CONFIGURED. */
  readonly messages?: MessagesOptions<TReply> | undefined
}
