/** The surface as users see it, for type tests: what `batuta` exports, without running anything. */
import type { Orchestrator } from '../../src/index.js'

export {
  type AgentDefinition,
  type AnyTaskDefinition,
  createOrchestrator,
  defineAgent,
  defineTask,
  type InferHandler,
  type InferInput,
  type InferOutput,
  type InferPart,
  isBatutaError,
  type MessageInput,
  staticSchema,
  type TaskDefinition,
  TaskFailedError,
  type TaskHandler,
} from '../../src/index.js'

export declare const app: Orchestrator

/** Compiles only if both types are the same. */
export declare function same<A, B>(
  ...proof: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [expected: A, found: B]
): void
