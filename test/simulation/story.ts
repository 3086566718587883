import type { TaskRecord } from '../../src/task/task-record.js'
import { check, type RunFacts } from '../../src/testing/simulation/checker.js'
import { type Change, EventLog, type RunEvent } from '../../src/testing/simulation/event-log.js'
import { INVARIANTS } from '../../src/testing/simulation/invariants/index.js'

export const FACTS: RunFacts = {
  slots: new Map([['worker', 1]]),
  limits: new Map([['limited', 1]]),
  rates: new Map([['rated', { max: 2, perMs: 1_000 }]]),
  interrupting: new Set([8]),
  startMs: 1_000_000,
  leaseMs: 3_000,
  heartbeatMs: 1_000,
  pollMs: 1_000,
  nodes: 2,
  faultless: false,
  ended: true,
}

/** Writes a run by hand: each step is one commit or event. */
export class Story {
  readonly log: EventLog
  nowMs = 0
  readonly #values = new Map<string, { kind: string; id: string; version: string; value: object }>()
  #versions = 0

  constructor() {
    this.log = new EventLog(() => this.nowMs)
    this.event({ type: 'node:start', node: 'n0.1' })
    this.commit('n0.1', ['owner', 'o1', {}])
  }

  event(event: RunEvent): this {
    this.log.add(event)
    return this
  }

  later(ms: number): this {
    this.nowMs += ms
    return this
  }

  commit(node: string, ...writes: [kind: string, id: string, value: object | undefined][]): this {
    const changes = writes.map(([kind, id, value]): Change => {
      const before = this.#values.get(`${kind} ${id}`)
      const after = value === undefined ? undefined : { kind, id, version: `v${this.#versions++}`, value }
      if (after === undefined) this.#values.delete(`${kind} ${id}`)
      else this.#values.set(`${kind} ${id}`, after)
      return { kind, id, before, after }
    })
    return this.event({ type: 'commit', node, notAfter: this.nowMs + 60_000, changes })
  }

  /** Violations by the number of their invariant. */
  found(facts: Partial<RunFacts> = {}): string[] {
    const violations = check(this.log.events, { ...FACTS, ...facts }, INVARIANTS)
    return [...new Set(violations.map(({ invariant, text }) => `${invariant.split(' ')[0]}: ${text}`))]
  }
}

const BASE: TaskRecord = {
  id: 't1',
  type: 'plain',
  tenant: 'default',
  state: 'ready',
  lane: 'task:plain:',
  requires: [],
  priority: 'normal',
  createdAt: 0,
  dueAt: 0,
  rank: 0,
  attempts: [],
}
export const ready = (over: Partial<TaskRecord> = {}): TaskRecord => ({ ...BASE, ...over })
export const attempt = (number: number, over: object = {}) => ({
  number,
  agentId: 'worker',
  instanceId: 'o1/worker',
  ownerId: 'o1',
  token: `token ${number} ${Math.random()}`,
  startedAt: 0,
  ...over,
})
export const running = (over: Partial<TaskRecord> = {}): TaskRecord =>
  ready({ state: 'running', holder: 'o1', attempts: [attempt(1, { token: `token of ${over.id ?? 't1'}` })], ...over })
export const RUN = { node: 'n0.1', agentId: 'worker', taskId: 't1', attempt: 1, run: 7 }

/** The same task with its last attempt ended. */
export function ended(
  task: TaskRecord,
  state: TaskRecord['state'],
  outcome: string,
  over: Partial<TaskRecord> = {},
): TaskRecord {
  const { holder: _holder, permitId: _permit, ...rest } = task
  const attempts = task.attempts.map((each, i) =>
    i === task.attempts.length - 1 ? { ...each, outcome: outcome as 'completed', endedAt: 1 } : each,
  )
  return { ...rest, state, attempts, ...over }
}

export const stop = (over: object = {}): RunEvent => ({
  type: 'node:stopped',
  node: 'n0.1',
  stuck: 0,
  timers: 0,
  calls: 0,
  subscriptions: 0,
  ...over,
})
