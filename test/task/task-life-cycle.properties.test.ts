import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fallbackLane } from '../../src/task/lane.js'
import { DEFAULT_BOOSTS, PRIORITIES } from '../../src/task/priority.js'
import {
  cancelled,
  claimed,
  currentAttempt,
  expired,
  givenTurn,
  holdsCancelled,
  holdsClaim,
  isOver,
  type Outcome,
  promoted,
  type SettleRules,
  scheduledAt,
  settled,
  withoutHolder,
} from '../../src/task/task-life-cycle.js'
import type { TaskRecord } from '../../src/task/task-record.js'
import { isTerminal } from '../../src/task/task-status.js'
import { aClaim, aTask, BOOM, NOW, rules } from './tasks.js'

/** What a coordinator may try with a task, at any moment. */
type Step =
  | { readonly do: 'claim'; readonly polling: boolean }
  | { readonly do: 'settle'; readonly outcome: Outcome; readonly claim: number; readonly draw: number }
  | { readonly do: 'promote'; readonly hasTurn: boolean }
  | { readonly do: 'pushBack' }
  | { readonly do: 'giveTurn' }
  | { readonly do: 'expire' }
  | { readonly do: 'cancel' }
  | { readonly do: 'returned'; readonly claim: number }

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({ type: fc.constant('success' as const), output: fc.jsonValue() }),
  fc.record({
    type: fc.constant('failure' as const),
    error: fc.constant(BOOM),
    retryable: fc.boolean(),
    final: fc.boolean(),
    retryAfterMs: fc.option(fc.nat(10_000), { nil: undefined }),
  }),
  fc.record({ type: fc.constantFrom('released' as const, 'lost' as const), error: fc.constant(BOOM) }),
)
/** Which claim somebody thinks to hold: the latest, or one before. */
const claim = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('claim' as const), polling: fc.boolean() }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      outcome,
      claim,
      draw: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('promote' as const), hasTurn: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'pushBack' }, { do: 'expire' }, { do: 'cancel' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'giveTurn' }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('returned' as const), claim }) },
)

/** The guards of the coordinator, and nothing else of it: what it may do with a task as it stands. */
class Life {
  task: TaskRecord
  readonly seen: TaskRecord[] = []
  #claims = 0
  #now = NOW

  constructor(
    task: TaskRecord,
    private readonly own: Partial<SettleRules>,
  ) {
    this.task = task
  }

  take(step: Step): void {
    const before = this.task
    const after = this.#next(step, before)
    if (after === undefined) return
    this.seen.push(before)
    this.task = after
  }

  #next(step: Step, task: TaskRecord): TaskRecord | undefined {
    this.#now += 7
    const now = this.#now
    const settleRules = (draw: number) => rules({ now, draw, settleToken: `settle-${now}`, ...this.own })
    switch (step.do) {
      case 'claim': {
        if (task.state !== 'ready') return undefined
        const ends = step.polling ? { claimEndsAt: now + 10 } : undefined
        return claimed(task, aClaim({ token: `token-${++this.#claims}`, now, ...ends }))
      }
      case 'settle':
        if (!holdsClaim(task, `token-${this.#claims - step.claim}`)) return undefined
        return settled(task, step.outcome, settleRules(step.draw))
      case 'promote':
        return task.state === 'scheduled' ? promoted(task, step.hasTurn) : undefined
      case 'pushBack':
        return task.state === 'scheduled' ? scheduledAt(task, now + 50, DEFAULT_BOOSTS) : undefined
      case 'giveTurn':
        return task.state === 'waiting' ? givenTurn(task) : undefined
      case 'expire':
        if (isTerminal(task.state) || task.state === 'running' || task.attempts.length > 0) return undefined
        return expired(task, now)
      case 'cancel':
        return isTerminal(task.state) ? undefined : cancelled(task, now, `settle-${now}`, undefined)
      case 'returned':
        if (!holdsCancelled(task, `token-${this.#claims - step.claim}`)) return undefined
        return withoutHolder(task)
    }
  }
}

const lives = fc
  .record({
    steps: fc.array(step, { maxLength: 60 }),
    priority: fc.constantFrom(...PRIORITIES),
    fallbackAgents: fc.uniqueArray(fc.constantFrom('b', 'c', 'd'), { maxLength: 3 }),
    hasFallback: fc.boolean(),
    maxRetries: fc.nat(4),
    maxLost: fc.integer({ min: 1, max: 4 }),
    isDelayed: fc.boolean(),
  })
  .map(({ steps, priority, fallbackAgents, hasFallback, maxRetries, maxLost, isDelayed }) => {
    const task = aTask({
      priority,
      fallbackAgents,
      expiresAt: NOW + 10,
      ...(isDelayed ? { runAt: NOW + 5 } : undefined),
    })
    const retry = { maxRetries, minDelayMs: 10, maxDelayMs: 100, factor: 2 }
    const life = new Life(task, { hasFallback, maxLost, retry })
    for (const one of steps) life.take(one)
    return { life, all: [...life.seen, life.task], maxRetries, maxLost, fallbackAgents, hasFallback }
  })

type World = typeof lives extends fc.Arbitrary<infer T> ? T : never

function holds(name: string, check: (world: World) => void): void {
  it(name, () => fc.assert(fc.property(lives, check), { numRuns: 400 }))
}

describe('whatever happens to a task', () => {
  holds('once ended it never changes, but for letting go of its holder', ({ all }) => {
    for (const [i, task] of all.entries()) {
      const next = all[i + 1]
      if (next === undefined || !isTerminal(task.state)) continue
      expect(next).toEqual(withoutHolder(task))
    }
  })

  holds('its attempts are numbered from 1, without a gap', ({ all }) => {
    for (const { attempts } of all) expect(attempts.map(({ number }) => number)).toEqual(attempts.map((_, i) => i + 1))
  })

  holds('at most the last attempt is open, and exactly while it runs', ({ all }) => {
    for (const task of all) {
      const open = task.attempts.filter((attempt) => attempt.outcome === undefined)
      expect(open).toEqual(task.state === 'running' ? [currentAttempt(task)] : [])
      for (const ended of task.attempts) {
        expect(ended.endedAt === undefined).toBe(ended.outcome === undefined)
        expect(ended.settleToken === undefined).toBe(ended.outcome === undefined)
      }
    }
  })

  holds('an attempt that has ended never changes', ({ all }) => {
    for (const [i, { attempts }] of all.entries()) {
      const later = all[i + 1]?.attempts
      for (const [k, attempt] of attempts.entries()) {
        if (later !== undefined && attempt.outcome !== undefined) expect(later[k]).toEqual(attempt)
      }
    }
  })

  holds('it is completed by exactly one attempt, the last, or by none', ({ all }) => {
    for (const task of all) {
      const accepted = task.attempts.filter((attempt) => attempt.outcome === 'completed')
      expect(accepted).toEqual(task.state === 'completed' ? [currentAttempt(task)] : [])
    }
  })

  holds('somebody holds it while it runs, and otherwise only a cancelled one', ({ all }) => {
    for (const task of all) {
      if (task.state === 'running') expect(task.holder).toBe(currentAttempt(task)?.ownerId)
      else if (task.holder !== undefined) expect(task.state).toBe('cancelled')
      if (task.holder === undefined) expect([task.claimEndsAt, task.permitId]).toEqual([undefined, undefined])
      expect(isOver(task)).toBe(isTerminal(task.state) && task.holder === undefined)
    }
  })

  holds('its failures, losses and fallbacks are bounded by the policy', ({ life, maxRetries, maxLost, ...own }) => {
    const { attempts } = life.task
    const count = (fits: (attempt: (typeof attempts)[number]) => boolean) => attempts.filter(fits).length
    expect(count(({ outcome: of, role }) => of === 'failed' && role === undefined)).toBeLessThanOrEqual(maxRetries + 1)
    expect(count(({ outcome: of }) => of === 'lost')).toBeLessThanOrEqual(maxLost)
    const extra = own.fallbackAgents.length + (own.hasFallback ? 1 : 0)
    expect(count(({ outcome: of, role }) => of === 'failed' && role === 'fallback')).toBeLessThanOrEqual(extra)
  })

  holds('it has an end when it has ended, and a due time while it is scheduled', ({ all }) => {
    for (const task of all) {
      expect(task.endedAt === undefined).toBe(!isTerminal(task.state))
      expect(task.runAt === undefined).toBe(task.state !== 'scheduled')
      if (task.state === 'failed') expect(task.error).toBeDefined()
      if (task.state === 'completed') expect(task.error).toBeUndefined()
    }
  })

  holds('its rank is its due time less its boost, and only a delay moves it', ({ all }) => {
    for (const [i, task] of all.entries()) {
      expect(task.rank).toBe(task.dueAt - DEFAULT_BOOSTS[task.priority])
      const next = all[i + 1]
      if (next !== undefined && next.state !== 'scheduled') expect(next.rank).toBe(task.rank)
    }
  })

  holds('its lane changes for fallbacks only', ({ all }) => {
    for (const task of all) {
      const isFallback = (task.fallbackStep ?? 0) > 0
      expect(task.lane === all[0]?.lane).toBe(!isFallback)
      if (task.lane === fallbackLane('quote')) expect(task.fallbackStep).toBe((task.fallbackAgents?.length ?? 0) + 1)
    }
  })

  holds('what it is and what was asked for never change', ({ all }) => {
    const asked = ({ id, type, tenant, requires, priority, createdAt, input, fallbackAgents }: TaskRecord) => {
      return { id, type, tenant, requires, priority, createdAt, input, fallbackAgents }
    }
    for (const task of all) expect(asked(task)).toEqual(asked(all[0] as TaskRecord))
  })
})
