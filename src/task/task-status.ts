/** Where a task is in its life, as stored. */
export type TaskState = 'scheduled' | 'waiting' | 'ready' | 'running' | 'completed' | 'failed' | 'cancelled'

/** Where a task is in its life, as users see it: `pending` is scheduled, waiting or ready, and says why when asked. */
export type TaskStatus = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled'

/** All of them, in the order of a task's life. */
export const STATUSES: readonly TaskStatus[] = ['pending', 'running', 'completed', 'failed', 'cancelled']

/** The states that a task never leaves. */
export type TerminalState = 'completed' | 'failed' | 'cancelled'

/** What users see of a stored state. */
export function statusOf(state: TaskState): TaskStatus {
  return state === 'scheduled' || state === 'waiting' || state === 'ready' ? 'pending' : state
}

/** Whether nothing more will happen to a task in this state. */
export function isTerminal(state: TaskState): state is TerminalState {
  return state === 'completed' || state === 'failed' || state === 'cancelled'
}
