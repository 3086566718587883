import type { TaskSession } from '../task/context.js'
import type { TaskRecord } from '../task/task-record.js'
import type { Contribution } from './commit/set-builder.js'

/** A session as one attempt sees it. */
export interface OpenSession {
  readonly session: TaskSession
  /** What the attempt staged, to be committed with its result; and the reply, when the task answers a message. */
  contributions(output: unknown): Promise<readonly Contribution[]>
}

/** How tasks that belong to a session get at it. The coordinator knows no more of sessions than this. */
export interface SessionSupport {
  open(task: TaskRecord): Promise<OpenSession>
  /** Lets go of sessions last used longer ago than this. */
  purge(idleMs: number): Promise<void>
}
