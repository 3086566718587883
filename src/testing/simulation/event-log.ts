import { createHash } from 'node:crypto'
import type { StoredRecord } from '../../storage/storage.js'
import type { TaskRecord } from '../../task/task-record.js'

/** What one write of an applied set did to its record. `undefined`: the record was absent. */
export interface Change {
  readonly kind: string
  readonly id: string
  readonly before: StoredRecord | undefined
  readonly after: StoredRecord | undefined
}

/** Everything that can happen in a run. `node` is a process, by its name of this start: `n1.2` is the second of n1. */
export type RunEvent =
  /** A write set was applied: the truth, in the order of the storage. */
  | { readonly type: 'commit'; readonly node: string; readonly notAfter: number; readonly changes: readonly Change[] }
  | ({ readonly type: 'handler:start' } & HandlerRun)
  /** The signal of a running handler aborted. */
  | ({ readonly type: 'handler:abort'; readonly reason: string } & HandlerRun)
  /** `counted`: it staged one more for its session's counter. */
  | ({ readonly type: 'handler:return'; readonly counted: boolean } & HandlerRun)
  | ({ readonly type: 'handler:throw'; readonly error: string } & HandlerRun)
  /** A submit was called. */
  | { readonly type: 'client:submit'; readonly node: string; readonly ref: number }
  /** A submit was promised: from here on the task must not be lost. `ref` is the number of the task in the workload. */
  | { readonly type: 'client:accepted'; readonly node: string; readonly ref: number; readonly taskId: string }
  | { readonly type: 'client:refused'; readonly node: string; readonly ref: number; readonly code: string }
  /** What `result()` told the submitter. */
  | {
      readonly type: 'client:result'
      readonly node: string
      readonly ref: number
      readonly taskId: string
      readonly outcome: string
      readonly output?: unknown
    }
  /** `result()` rejected with something else than how the task ended. */
  | {
      readonly type: 'client:unanswered'
      readonly node: string
      readonly ref: number
      readonly taskId: string
      readonly code: string
    }
  /** What became of a message that was sent in. */
  | {
      readonly type: 'client:answered'
      readonly node: string
      readonly from: string
      readonly messageId: string
      readonly outcome: string
      readonly sessionId?: string
      readonly taskId?: string
    }
  | { readonly type: 'client:cancel'; readonly node: string; readonly taskId: string }
  | { readonly type: 'client:cancelled'; readonly node: string; readonly taskId: string; readonly outcome: string }
  | { readonly type: 'node:start'; readonly node: string }
  | { readonly type: 'node:crash'; readonly node: string }
  | { readonly type: 'node:stopping'; readonly node: string }
  /** A clean shutdown was over; what it left behind. */
  | {
      readonly type: 'node:stopped'
      readonly node: string
      readonly stuck: number
      readonly timers: number
      readonly calls: number
      readonly subscriptions: number
    }
  /** A fault began or ended, in words. */
  | { readonly type: 'fault'; readonly node: string; readonly text: string }
  /** The faults are over: from here on everything must come to an end. */
  | { readonly type: 'quiet' }
  /** An event that a coordinator emitted. */
  | { readonly type: 'emitted'; readonly node: string; readonly name: string; readonly taskId?: string }
  /** A statement about a pending task, checked against the records of the moment. */
  | { readonly type: 'explained'; readonly node: string; readonly taskId: string; readonly reason: PendingReason }
  /** Something that must never happen in any run, such as an unhandled rejection. */
  | { readonly type: 'broken'; readonly text: string }

/** How the agent ids of runs by agents that poll begin. */
export const POLLER = 'poll:'

/** One run of a handler. `run` is unique in the simulation. */
export interface HandlerRun {
  readonly node: string
  readonly agentId: string
  readonly taskId: string
  readonly attempt: number
  readonly run: number
}

/** Why a task is pending, as far as the records can contradict it. */
export interface PendingReason {
  readonly kind: string
  /** Storage time that the statement is about. */
  readonly asOf?: number | undefined
  readonly taskId?: string | undefined
  readonly until?: number | undefined
}

/** An event with its place in the run. */
export type LoggedEvent = RunEvent & {
  /** Counts from 0, over everything that happens. */
  readonly order: number
  /** Milliseconds of virtual time since the start of the run. */
  readonly atMs: number
}

/** One list of everything that happened, in order, with a hash: two runs of one seed must give the same. */
export class EventLog {
  readonly events: LoggedEvent[] = []
  readonly #nowMs: () => number
  readonly #hash = createHash('sha1')

  /** @param nowMs - virtual milliseconds since the start of the run. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  add(event: RunEvent): void {
    const logged: LoggedEvent = { ...event, order: this.events.length, atMs: this.#nowMs() }
    this.events.push(logged)
    this.#hash.update(formatEvent(logged))
  }

  /** Of all events so far, as 40 hexadecimal digits. */
  digest(): string {
    return this.#hash.copy().digest('hex')
  }
}

/** One line about an event. */
export function formatEvent(event: LoggedEvent): string {
  const { order, atMs, type, ...rest } = event
  const head = `${String(order).padStart(5)} ${atMs.toFixed(1).padStart(9)} ${type}`
  if (event.type === 'commit') return `${head} ${event.node}: ${event.changes.map(formatChange).join('; ')}\n`
  return `${head} ${JSON.stringify(rest)}\n`
}

function formatChange({ kind, id, before, after }: Change): string {
  const name = `${kind} ${id}`
  if (after === undefined) return `${name} deleted`
  if (kind !== 'task') return `${name} ${before === undefined ? 'new ' : ''}${JSON.stringify(after.value)}`
  const task = after.value as TaskRecord
  const attempt = task.attempts.at(-1)
  const claim = attempt === undefined ? '' : `#${attempt.number} ${attempt.token} ${attempt.outcome ?? 'open'}`
  const was = (before?.value as TaskRecord | undefined)?.state ?? 'absent'
  const turn = task.turnKey === undefined ? '' : `${task.turnKey}:${task.seq} `
  return `${name} ${was} -> ${task.state} ${turn}holder ${task.holder} ${claim} @${after.version}`
}
