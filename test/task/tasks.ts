import { newTask, type TaskSpec } from '../../src/task/new-task.js'
import { DEFAULT_BOOSTS } from '../../src/task/priority.js'
import { DEFAULT_RETRY } from '../../src/task/retry-policy.js'
import type { ClaimFacts, SettleRules } from '../../src/task/task-life-cycle.js'
import type { TaskRecord } from '../../src/task/task-record.js'

/** When the tasks of these tests are made. */
export const NOW = 1_000_000

/** A task as it is first stored. */
export function aTask(spec: Partial<TaskSpec> = {}): TaskRecord {
  return newTask(
    { type: 'quote', requires: [], tenant: 'default', priority: 'normal', input: { n: 1 }, ...spec },
    'task-1',
    NOW,
    DEFAULT_BOOSTS,
  )
}

/** What a claim writes. */
export function aClaim(facts: Partial<ClaimFacts> = {}): ClaimFacts {
  return { agentId: 'ana', instanceId: 'ana@1', ownerId: 'owner-1', token: 'token-1', now: NOW + 10, ...facts }
}

/** What an outcome is judged by: the defaults, a draw in the middle. */
export function rules(own: Partial<SettleRules> = {}): SettleRules {
  return {
    now: NOW + 100,
    settleToken: 'settle-1',
    retry: DEFAULT_RETRY,
    draw: 0.5,
    boosts: DEFAULT_BOOSTS,
    maxLost: 3,
    hasFallback: false,
    ...own,
  }
}

/** An error as it is stored. */
export const BOOM = { name: 'Error', message: 'boom' }
