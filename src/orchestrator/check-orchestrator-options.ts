import { checkCoordinatorOptions, isKind, type MoreOptions } from '../coordinator/options/check-options.js'
import type { OrchestratorOptions } from './options.js'

/**
 * Checks everything that an orchestrator is given, in one pass. zod is loaded here and nowhere before.
 * @throws OPTIONS_INVALID with every bad option; DUPLICATE_ID; what agents and definitions throw for themselves.
 */
export async function checkOrchestratorOptions(raw: unknown): Promise<void> {
  const task = (raw as OrchestratorOptions | undefined)?.messages?.task
  await checkCoordinatorOptions(raw, { ...MESSAGES, definitions: task === undefined ? [] : [task] })
}

const MESSAGES: MoreOptions = {
  of: 'the orchestrator',
  definitions: [],
  shape(z, object) {
    const isFunction = (value: unknown) => typeof value === 'function'
    return {
      messages: object('messages', {
        task: z.custom<unknown>((value) => isKind(value, 'batuta.task'), 'must be made with defineTask()'),
        whenBusy: z.enum(['enqueue', 'reject', 'interrupt', 'merge']).optional(),
        mergeMs: z.number().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
        sessionIdleMs: z.number().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
        history: object('messages.history', {
          maxMessages: z.int().min(1).optional(),
          summarise: z.custom<unknown>(isFunction, 'must be a function').optional(),
          summariseTimeoutMs: z.number().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
        }),
      }),
    }
  },
}
