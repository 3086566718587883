/// <reference lib="esnext.disposable" />
/**
 * batuta runs a team of agents as one dependable system. Start with {@link createOrchestrator}.
 *
 * @packageDocumentation
 */

// Buses
export type { Bus, BusMessage } from './bus/bus.js'
export { BusHub } from './bus/in-process-bus.js'
export type { LaneFirst } from './bus/lane-first.js'
export type { AnyClaim, Claim, ClaimOptions, FailOptions } from './coordinator/agents/claim-types.js'
// Coordinator
export type {
  CoordinatorApi,
  DecisionsApi,
  EjectOptions,
  EventsApi,
  GraceOptions,
  PollingApi,
  ShutdownReport,
  SubmitApi,
  SubmitManyOptions,
} from './coordinator/callers/api-types.js'
export type { AnyOutput, RunResult, StreamPart, TaskHandle } from './coordinator/callers/handle-types.js'
export { Coordinator } from './coordinator/coordinator.js'
export type { MaxPending } from './coordinator/limits/queue-bounds.js'
export type { CoordinatorOptions, RetentionOptions } from './coordinator/options/coordinator-options.js'
export type { Explanation, PendingReason } from './coordinator/views/explain-types.js'
export type {
  ListFilter,
  ListPage,
  RedriveFilter,
  RedriveOptions,
  RedriveResult,
} from './coordinator/views/listing-types.js'
export type { Health, LaneStatus, OrchestratorStatus, OwnerStatus, RunState } from './coordinator/views/status-types.js'
// Engines
export type { Engine, EngineHost, TaskRef } from './engine/engine.js'
export { type InProcessEngineOptions, inProcessEngine } from './engine/in-process/in-process-engine.js'
// Errors
export { BatutaError, type BatutaErrorInit, isBatutaError } from './errors/base-error.js'
export type { ErrorCode, ErrorDataByCode, SchemaIssue, StoredError } from './errors/codes.js'
export { NonRetryableError, RetryAfterError } from './errors/retry-errors.js'
export type { Clock, Timer } from './internal/clock.js'
export type { Logger } from './internal/logger.js'
export type { Random } from './internal/random.js'
// Orchestrator
export { createOrchestrator } from './orchestrator/create-orchestrator.js'
export type { LintCode, LintFinding } from './orchestrator/lint.js'
export type { OrchestratorOptions } from './orchestrator/options.js'
export { Orchestrator } from './orchestrator/orchestrator.js'
export type { OrchestratorApi } from './orchestrator/orchestrator-api.js'
// Router
export type { AgentDescription, PlainTask } from './router/agent-description.js'
export type { Bar } from './router/bars.js'
export type { ComparedCandidate, Refusal, RoutingDecision } from './router/decision.js'
export type { DecisionFilter, DecisionLog } from './router/decision-log.js'
export type { Exclusions } from './router/exclusions.js'
export type { BreakerOptions, EjectionOptions, HealthOptions } from './router/health/health-options.js'
export type { RefusalReason, Standing } from './router/instance-load.js'
export type {
  DecisionRecording,
  RecordedDecision,
  RecordedInstance,
  RecordedNumbers,
  RecordedResult,
  RecordedStrategy,
} from './router/replay/recording.js'
export { type DecideOptions, Router, type RouterOptions } from './router/router.js'
export type {
  Candidate,
  CandidatePool,
  RoutableTask,
  RoutingContext,
  RoutingFeedback,
  RoutingStrategy,
  ScoreTerms,
} from './router/routing-strategy.js'
export type { NoOptions } from './router/strategies/around.js'
export { type BalancedWeights, balanced } from './router/strategies/balanced.js'
export { type CapabilityMatchOptions, capabilityMatch } from './router/strategies/capability-match.js'
export { type ConsistentHashOptions, consistentHash } from './router/strategies/consistent-hash.js'
export { type CostAwareOptions, costAware } from './router/strategies/cost-aware.js'
export { leastBusy } from './router/strategies/least-busy.js'
export { peakEwma } from './router/strategies/peak-ewma.js'
export { powerOfTwo } from './router/strategies/power-of-two.js'
export { type PriorityOptions, priority } from './router/strategies/priority.js'
export { random } from './router/strategies/random.js'
export { roundRobin } from './router/strategies/round-robin.js'
export { type StickyOptions, sticky } from './router/strategies/sticky.js'
export { type WeightedRoundRobinOptions, weightedRoundRobin } from './router/strategies/weighted-round-robin.js'
// Storages
export { type MemoryStorageOptions, memoryStorage } from './storage/memory/memory-storage.js'
export {
  COUNT_LIMIT,
  type IndexDefinition,
  type IndexKey,
  type IndexQuery,
  type IndexRange,
  type KeyPart,
  type QueryAnswer,
  type RecordKey,
  type RecordValue,
  type SetResult,
  type Storage,
  type StorageAnswer,
  type StorageChannel,
  type StorageSchema,
  type StoredRecord,
  type Write,
  type WriteSet,
} from './storage/storage.js'
// Tasks and agents
export type {
  AgentDefinition,
  AgentHealth,
  AgentOptions,
  AgentSnapshot,
  AgentStatus,
  BreakerSnapshot,
  LimitHold,
  LocalAgentOptions,
  PollingAgentOptions,
} from './task/agent.js'
export type {
  CatchAllHandler,
  SessionMessage,
  StagedSubmitOptions,
  TaskContext,
  TaskSession,
} from './task/context.js'
export { defineAgent } from './task/define-agent.js'
export { defineTask } from './task/define-task.js'
export type {
  AnyTaskDefinition,
  DefinitionOptions,
  FallbackContext,
  InferHandler,
  InferInput,
  InferOutput,
  InferPart,
  RetryOptions,
  TaskDefinition,
  TaskHandler,
  TaskOptions,
} from './task/definition.js'
export type {
  BatutaEvent,
  EventListener,
  EventName,
  EventOf,
  EventPattern,
  EventPayloads,
} from './task/events.js'
export type { Budget, Cost, LimitOptions, RateLimit } from './task/limits.js'
export type {
  HistoryOptions,
  IncomingMessage,
  MergedMessage,
  MessageInput,
  MessageReply,
  MessagesOptions,
} from './task/message.js'
export type { Priority, PriorityBoosts } from './task/priority.js'
export type { StandardIssue, StandardResult, StandardSchema, StandardSchemaProps } from './task/standard-schema.js'
export { staticSchema } from './task/static-schema.js'
export type { StrategyName } from './task/strategy-name.js'
export type { AdHocTask, SubmitOptions, WaitOptions, WhenBusy } from './task/submit-options.js'
export type { Task, TaskAttempt } from './task/task.js'
export { TaskCancelledError, TaskFailedError, WaitTimeoutError } from './task/task-errors.js'
export type { AttemptOutcome } from './task/task-record.js'
export type { TaskStatus } from './task/task-status.js'
