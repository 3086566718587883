import type { Priority } from '../../task/priority.js'

/** What the nodes under test can do: the generator leaves out what they can't. */
export interface Features {
  /** `ctx.session` and `sessionId`. */
  readonly sessions: boolean
  /** Agents that fetch their work with `claimTasks`. */
  readonly polling: boolean
  /** Messages: `processMessage`. */
  readonly messages: boolean
  /** Saying why a task is pending. */
  readonly explain: boolean
}

/** A task type. */
export interface TypePlan {
  readonly type: string
  readonly requires: readonly string[]
  readonly timeoutMs: number
  readonly maxRetries: number
  /** `maxConcurrentTasks`. */
  readonly limit?: number
  /** `rateLimit`, over all nodes. */
  readonly rate?: { readonly limit: number; readonly perMs: number }
  /** Has a fallback function. */
  readonly fallback?: boolean
  /** Its input schema throws. */
  readonly broken?: boolean
}

/** An agent. Without types it takes any type whose requirements it meets. */
export interface AgentPlan {
  readonly id: string
  readonly capabilities: readonly string[]
  readonly slots: number
  readonly types: readonly string[]
  /** It fetches its work with `claimTasks`; its claims last so long, in milliseconds. */
  readonly leaseMs?: number
}

/** A task that an attempt stages. */
export interface ChildPlan {
  readonly type: string
  readonly input: ScriptInput
  readonly orderingKey?: string
  readonly delayMs?: number
}

/** What a handler does in one attempt. */
export interface AttemptScript {
  readonly workMs: number
  readonly end: 'return' | 'throw' | 'throw-final' | 'retry-after'
  /** When its signal aborts: stop at once, return a result all the same, or not take notice. */
  readonly onAbort: 'stop' | 'return' | 'ignore'
  readonly children?: readonly ChildPlan[]
  /** Adds one to the session's counter and sets a key to who did it. */
  readonly context?: boolean
}

/** The input of every task: what its handler does, by attempt; the last one repeats. */
export interface ScriptInput {
  readonly ref: number
  readonly attempts: readonly AttemptScript[]
}

/** One task and what its submitter does. Times are virtual milliseconds from the start. */
export interface TaskPlan {
  readonly ref: number
  readonly atMs: number
  /** The number of the node that it is submitted at, if that is up. */
  readonly node: number
  /** Absent: an ad hoc task for any agent with the requirements. */
  readonly type?: string
  readonly requires: readonly string[]
  readonly input: ScriptInput
  readonly options: TaskPlanOptions
  /** How long after its submit it is cancelled. */
  readonly cancelAfterMs?: number
  /** The same submit once more, at other nodes; only with an idempotency key. */
  readonly repeats: readonly { readonly node: number; readonly afterMs: number }[]
}

/** Options of a submit. */
export interface TaskPlanOptions {
  readonly priority?: Priority
  readonly delayMs?: number
  readonly idempotencyKey?: string
  readonly orderingKey?: string
  readonly whenBusy?: 'enqueue' | 'reject' | 'interrupt'
  readonly sessionId?: string
  readonly tenant?: string
  readonly timeoutMs?: number
  readonly expiresInMs?: number
  readonly fallbackAgents?: readonly string[]
}

/** A message and what its sender does. */
export interface MessagePlan {
  readonly messageId: string
  readonly from: string
  readonly atMs: number
  readonly node: number
  /** What the handler of the task that answers it does. */
  readonly script: ScriptInput
  /** The same message once more, at other nodes. */
  readonly repeats: readonly { readonly node: number; readonly afterMs: number }[]
}

/** Everything that a run is asked to do. */
export interface Workload {
  readonly messages: readonly MessagePlan[]
  /** What happens to messages while their session is busy. */
  readonly whenBusy: 'enqueue' | 'reject' | 'interrupt' | 'merge'
  readonly mergeMs: number
  readonly types: readonly TypePlan[]
  readonly agents: readonly AgentPlan[]
  readonly tasks: readonly TaskPlan[]
  /** Over this time tasks are submitted. */
  readonly activeMs: number
}

/**
 * What a run may have more of than usual. `messages`: little but messages that are merged, of two people who hardly stop.
 * `owners`: processes that stand still or are cut off for about as long as a lease, again and again.
 */
export type Focus = 'messages' | 'owners'

/** What to make a workload of; what is left out is drawn by seed. */
export interface WorkloadOptions {
  readonly seed: number
  readonly nodes: number
  readonly tasks?: number | undefined
  readonly activeMs?: number | undefined
  readonly focus?: Focus | undefined
  readonly features: Features
}

/** The type of the task that answers messages. */
export const ANSWER = 'answer'
