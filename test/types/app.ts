/** The surface as users see it, for type tests: what `batuta` exports, without running anything. */
import type { OrchestratorOptions } from '../../src/orchestrator/options.js'
import type { OrchestratorApi } from '../../src/orchestrator/orchestrator-api.js'

export { isBatutaError } from '../../src/errors/base-error.js'
export { NonRetryableError, RetryAfterError } from '../../src/errors/retry-errors.js'
export type { AgentDefinition } from '../../src/task/agent.js'
export { defineAgent } from '../../src/task/define-agent.js'
export { defineTask } from '../../src/task/define-task.js'
export type {
  AnyTaskDefinition,
  InferHandler,
  InferInput,
  InferOutput,
  InferPart,
  TaskDefinition,
  TaskHandler,
} from '../../src/task/definition.js'
export type { MessageInput } from '../../src/task/message.js'
export { staticSchema } from '../../src/task/static-schema.js'
export { TaskFailedError } from '../../src/task/task-errors.js'

export declare function createOrchestrator<TReply = unknown>(
  options?: OrchestratorOptions<TReply>,
): Promise<OrchestratorApi<TReply>>
export declare const app: OrchestratorApi

/** Compiles only if both types are the same. */
export declare function same<A, B>(
  ...proof: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [expected: A, found: B]
): void
