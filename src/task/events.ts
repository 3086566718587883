import type { StoredError } from '../errors/codes.js'
import type { AgentSnapshot, AgentStatus } from './agent.js'
import type { Task } from './task.js'

/** What each event carries besides `type` and `at`. Plain data: changing it changes nothing. */
export interface EventPayloads {
  /** A task was stored. */
  'task:submitted': { readonly task: Task }
  /** An attempt was claimed here and its handler is about to run. */
  'task:started': { readonly task: Task; readonly attempt: number; readonly agentId: string }
  /** A handler said how far it is. */
  'task:progress': {
    readonly taskId: string
    readonly attempt: number
    /** From 0 to 1. */
    readonly fraction?: number
    readonly note?: string
  }
  /** An attempt failed and another will follow, not before `runAt`. */
  'task:retrying': { readonly task: Task; readonly attempt: number; readonly error: StoredError; readonly runAt: Date }
  /** The retries are used up and a fallback agent, or the definition's fallback function, is next. */
  'task:fallback': { readonly task: Task; readonly error: StoredError; readonly agentId?: string }
  /** A result was accepted. */
  'task:completed': { readonly task: Task }
  /** Every attempt failed, or the task expired or was lost too often. */
  'task:failed': { readonly task: Task; readonly error: StoredError }
  /** A task was cancelled. */
  'task:cancelled': { readonly task: Task; readonly reason?: string }
  /** An attempt was given back without fault: a shutdown, or an owner that lost its right and proved alive. */
  'task:released': { readonly task: Task; readonly attempt: number; readonly reason: string }
  /** The owner of an attempt died, or its claim ran out; the task was taken back. */
  'task:lost': { readonly task: Task; readonly attempt: number; readonly ownerId: string }
  /** A handler returned or threw after its attempt had ended; nothing was changed by it. */
  'task:late-result': {
    readonly taskId: string
    readonly attempt: number
    readonly agentId: string
    readonly outcome: 'completed' | 'failed'
  }
  /** A handler ignores its signal: the attempt was settled, its slot stays taken until the function returns. */
  'task:stuck': { readonly taskId: string; readonly attempt: number; readonly agentId: string }
  /** A stuck handler has returned, and its slot is free. */
  'task:unstuck': {
    readonly taskId: string
    readonly attempt: number
    readonly agentId: string
    readonly stuckMs: number
  }
  /** A failed task was made anew. */
  'task:redriven': { readonly task: Task; readonly from: string }

  /** An agent can be given tasks here. */
  'agent:registered': { readonly agent: AgentSnapshot }
  /** An agent is gone from this node. */
  'agent:unregistered': { readonly agentId: string }
  /** How an agent is doing has changed. */
  'agent:status': { readonly agentId: string; readonly status: AgentStatus; readonly was: AgentStatus }
  /** An agent gets no new tasks and finishes those it has. */
  'agent:draining': { readonly agentId: string; readonly unfinished: number }
  /** A draining agent has finished. */
  'agent:drained': { readonly agentId: string }
  /** An agent's breaker for a task type opened after failures, is being tried again, or has closed. */
  'agent:breaker': {
    readonly agentId: string
    readonly taskType: string
    readonly state: 'open' | 'half_open' | 'closed'
    /** When it will be half open; only while it is open, as the two below. */
    readonly until?: Date
    /** Attempts that were counted when it opened, and how many of them had failed. */
    readonly calls?: number
    readonly failures?: number
  }
  /** An agent gets no tasks for a while: it failed several times in a row, or somebody wants it so. */
  'agent:ejected': {
    readonly agentId: string
    readonly by: 'failures' | 'operator'
    readonly until: Date
    readonly failuresInARow: number
    /** How often it was ejected for failures, those long past forgotten. */
    readonly ejections: number
  }
  /** An agent is ejected no longer; it gets its share of work little by little. */
  'agent:restored': { readonly agentId: string; readonly by: 'time' | 'operator' }

  /** A message was stored, and the task that answers it. */
  'message:received': {
    readonly sessionId: string
    readonly taskId: string
    readonly from: string
    readonly channel: string
    readonly messageId?: string
  }
  /** A message joined the unstarted task of an earlier one. */
  'message:merged': { readonly sessionId: string; readonly taskId: string; readonly messageId?: string }
  /** A message was answered. */
  'message:replied': { readonly sessionId: string; readonly taskId: string; readonly reply: unknown }
  /** A message's task failed or was cancelled. */
  'message:failed': { readonly sessionId: string; readonly taskId: string; readonly error: StoredError }

  /**
   * The storage can't be reached; operations wait for it. With `STORAGE_NEWER`: a newer version of the library has migrated it,
   * and this process can do nothing there any more.
   */
  'storage:unavailable': { readonly storage: string; readonly error: unknown }
  /** The storage answers again. */
  'storage:recovered': { readonly storage: string }
  /** Another owner was found dead and its tasks are being taken back. */
  'owner:lost': { readonly ownerId: string }
  /** This node was taken for dead while it stood still, and goes on under a new id. */
  'owner:renewed': { readonly ownerId: string; readonly was: string }
  /** A strategy broke, or answered with a promise, and the fallback strategy decides in its place. */
  'routing:fallback': { readonly strategy: string; readonly error: unknown }
  /** So few agents of a lane are healthy that those ejected are used too; or no longer so few. */
  'routing:panic': {
    readonly taskType: string
    readonly requires: readonly string[]
    readonly inPanic: boolean
    /** Agents at work there: neither paused, draining nor offline. */
    readonly agents: number
    readonly healthy: number
    readonly ejected: number
  }
  /** The engine reported trouble and goes on. */
  'engine:error': { readonly engine: string; readonly error: unknown }
  /** A listener threw or rejected. */
  'listener:error': { readonly event: string; readonly error: unknown }
}

/** The name of an event. */
export type EventName = keyof EventPayloads

/** One event, or any of several: told apart by `type`. `at` is when it was noticed here, by this machine's clock. */
export type BatutaEvent<N extends EventName = EventName> = {
  [K in N]: { readonly type: K; readonly at: Date } & EventPayloads[K]
}[N]

/** What can be listened to: one event, a family, or all. */
export type EventPattern = EventName | 'task:*' | 'agent:*' | 'message:*' | 'storage:*' | '*'

/** The events that a pattern stands for. */
export type EventOf<P extends EventPattern> = P extends EventName
  ? BatutaEvent<P>
  : P extends `${infer Family}:*`
    ? BatutaEvent<Extract<EventName, `${Family}:${string}`>>
    : BatutaEvent

/** Hears events. May be async; what it throws or rejects becomes `listener:error` and harms nobody else. */
export type EventListener<P extends EventPattern> = (event: EventOf<P>) => unknown
