import { describe, expect, it } from 'vitest'
import { agentLane, fallbackLane, laneOf } from '../../src/task/lane.js'
import { NO_RETRY } from '../../src/task/retry-policy.js'
import {
  cancelled,
  claimed,
  currentAttempt,
  expired,
  extended,
  givenTurn,
  holdsCancelled,
  holdsClaim,
  isFallbackStep,
  isLastChance,
  isOver,
  type Outcome,
  promoted,
  scheduledAt,
  settled,
  withoutHolder,
} from '../../src/task/task-life-cycle.js'
import type { TaskRecord } from '../../src/task/task-record.js'
import { aClaim, aTask, BOOM, NOW, rules } from './tasks.js'

const FAILURE: Outcome = { type: 'failure', error: BOOM, retryable: true }
const running = (task: TaskRecord = aTask()) => claimed(task, aClaim())

describe('claimed', () => {
  it('makes the first attempt and names its holder', () => {
    const task = running()
    expect(task).toMatchObject({ state: 'running', holder: 'owner-1' })
    expect(task.attempts).toEqual([
      { number: 1, agentId: 'ana', instanceId: 'ana@1', ownerId: 'owner-1', token: 'token-1', startedAt: NOW + 10 },
    ])
    expect(currentAttempt(task)?.token).toBe('token-1')
    expect(currentAttempt(aTask())).toBeUndefined()
  })

  it('keeps strategy, score, the end of a polling claim, and the permit', () => {
    const task = claimed(aTask(), aClaim({ strategy: 'balanced', score: 0.5, claimEndsAt: 7, permitId: 'quote/0' }))
    expect(task).toMatchObject({ claimEndsAt: 7, permitId: 'quote/0' })
    expect(currentAttempt(task)).toMatchObject({ strategy: 'balanced', score: 0.5 })
  })

  it('gives the right to settle to its own token, while it runs', () => {
    expect(holdsClaim(running(), 'token-1')).toBe(true)
    expect(holdsClaim(running(), 'token-2')).toBe(false)
    expect(holdsClaim(aTask(), 'token-1')).toBe(false)
    expect(holdsClaim(settled(running(), { type: 'success', output: 1 }, rules()), 'token-1')).toBe(false)
    const again = settled(running(), { type: 'released', error: BOOM }, rules())
    expect(holdsClaim(again, 'token-1')).toBe(false)
    expect(holdsClaim(claimed(again, aClaim({ token: 'token-2' })), 'token-1')).toBe(false)
  })
})

describe('settled by a success', () => {
  it('completes, keeps the output, and lets go of everything', () => {
    const before = claimed(aTask(), aClaim({ claimEndsAt: 7, permitId: 'quote/0' }))
    const task = settled(before, { type: 'success', output: { total: 9 } }, rules())
    expect(task).toMatchObject({ state: 'completed', output: { total: 9 }, endedAt: NOW + 100 })
    for (const gone of ['holder', 'claimEndsAt', 'permitId', 'error'] as const) expect(task[gone]).toBeUndefined()
    expect(currentAttempt(task)).toMatchObject({ outcome: 'completed', endedAt: NOW + 100, settleToken: 'settle-1' })
    expect(isOver(task)).toBe(true)
  })

  it('forgets the error of an earlier attempt, which the attempt keeps', () => {
    const retried = promoted(settled(running(), FAILURE, rules()), true)
    expect(retried.error).toEqual(BOOM)
    const task = settled(claimed(retried, aClaim({ token: 'token-2' })), { type: 'success', output: 1 }, rules())
    expect(task.error).toBeUndefined()
    expect(task.attempts.map((attempt) => attempt.outcome)).toEqual(['failed', 'completed'])
    expect(task.attempts[0]?.error).toEqual(BOOM)
  })
})

describe('settled by a failure', () => {
  it('backs off with full jitter, and counts its rank from the end of it', () => {
    const task = settled(running(), FAILURE, rules({ draw: 0.5 }))
    const runAt = NOW + 100 + 500
    expect(task).toMatchObject({ state: 'scheduled', runAt, dueAt: runAt, rank: runAt - 60_000, error: BOOM })
    expect(task.holder).toBeUndefined()
    expect(task.endedAt).toBeUndefined()
  })

  it('waits as long as the handler asked for, instead of the backoff', () => {
    expect(settled(running(), { ...FAILURE, retryAfterMs: 77 }, rules())).toMatchObject({ runAt: NOW + 177 })
    expect(settled(running(), { ...FAILURE, retryAfterMs: 0 }, rules())).toMatchObject({ runAt: NOW + 100 })
  })

  it('is retried as often as the policy says, and then failed', () => {
    let task = aTask()
    const states: string[] = []
    for (let i = 1; i <= 4; i++) {
      task = settled(claimed(task, aClaim({ token: `token-${i}` })), FAILURE, rules({ now: NOW + i }))
      states.push(task.state)
      if (task.state === 'scheduled') task = promoted(task, true)
    }
    expect(states).toEqual(['scheduled', 'scheduled', 'scheduled', 'failed'])
    expect(task).toMatchObject({ error: BOOM, endedAt: NOW + 4 })
    expect(task.attempts.map((attempt) => attempt.number)).toEqual([1, 2, 3, 4])
  })

  it('is not retried when it is not retryable, or the policy knows no retry', () => {
    expect(settled(running(), { ...FAILURE, retryable: false }, rules()).state).toBe('failed')
    expect(settled(running(), FAILURE, rules({ retry: NO_RETRY })).state).toBe('failed')
  })

  it('does not count attempts that were lost or released', () => {
    const retry = { ...NO_RETRY, maxRetries: 1 }
    let task = settled(running(), { type: 'lost', error: BOOM }, rules({ retry }))
    task = settled(claimed(task, aClaim({ token: 't2' })), { type: 'released', error: BOOM }, rules({ retry }))
    task = settled(claimed(task, aClaim({ token: 't3' })), FAILURE, rules({ retry }))
    expect(task.state).toBe('scheduled')
    task = settled(claimed(promoted(task, true), aClaim({ token: 't4' })), FAILURE, rules({ retry }))
    expect(task.state).toBe('failed')
  })

  it('goes to the fallback agents in order, then to the function, one extra attempt each', () => {
    const own = rules({ retry: NO_RETRY, hasFallback: true })
    let task = settled(running(aTask({ fallbackAgents: ['b o', 'c'] })), FAILURE, own)
    const lanes: string[] = []
    const roles: unknown[] = []
    while (task.state === 'ready') {
      lanes.push(task.lane)
      expect(isFallbackStep(task)).toBe(true)
      task = claimed(task, aClaim({ token: `token-${lanes.length + 1}` }))
      roles.push(currentAttempt(task)?.role)
      task = settled(task, FAILURE, own)
    }
    expect(lanes).toEqual([agentLane('b o'), agentLane('c'), fallbackLane('quote')])
    expect(roles).toEqual(['fallback', 'fallback', 'fallback'])
    expect(task).toMatchObject({ state: 'failed', error: BOOM })
  })

  it('of a fallback is never retried, and its success completes', () => {
    const own = rules({ hasFallback: true })
    const first = settled(running(), { ...FAILURE, retryable: false }, own)
    expect(first.lane).toBe(fallbackLane('quote'))
    expect(settled(claimed(first, aClaim({ token: 't2' })), FAILURE, own).state).toBe('failed')
    expect(settled(claimed(first, aClaim({ token: 't2' })), { type: 'success', output: 1 }, own).state).toBe(
      'completed',
    )
  })

  it('that is final skips retries and fallbacks', () => {
    const task = running(aTask({ fallbackAgents: ['b'] }))
    expect(settled(task, { ...FAILURE, final: true }, rules({ hasFallback: true })).state).toBe('failed')
  })
})

describe('the last chance', () => {
  it('is the attempt after which neither a retry nor a fallback is left', () => {
    const failedOnce = settled(running(), FAILURE, rules())
    const retry = { ...NO_RETRY, maxRetries: 1 }
    expect(isLastChance(aTask(), NO_RETRY, false)).toBe(true)
    expect(isLastChance(aTask(), retry, false)).toBe(false)
    expect(isLastChance(failedOnce, retry, false)).toBe(true)
    expect(isLastChance(failedOnce, retry, true)).toBe(false)
    expect(isLastChance({ ...failedOnce, fallbackAgents: ['bea'] }, retry, false)).toBe(false)
  })
})

describe('settled by a release or a loss', () => {
  it('is ready again with its old rank, in its old lane', () => {
    for (const type of ['released', 'lost'] as const) {
      const before = running()
      const task = settled(before, { type, error: BOOM }, rules())
      expect(task).toMatchObject({ state: 'ready', rank: before.rank, dueAt: before.dueAt, lane: before.lane })
      expect(task.holder).toBeUndefined()
      expect(task.error).toBeUndefined()
      expect(currentAttempt(task)).toMatchObject({ outcome: type, error: BOOM })
    }
  })

  it('is TASK_LOST after maxLost losses, whatever fallbacks there are', () => {
    let task = aTask({ fallbackAgents: ['b'] })
    for (let i = 1; i <= 3; i++) {
      expect(task.state).toBe('ready')
      task = claimed(task, aClaim({ token: `token-${i}` }))
      task = settled(task, { type: 'lost', error: BOOM }, rules({ hasFallback: true }))
    }
    expect(task).toMatchObject({ state: 'failed', error: { code: 'TASK_LOST' }, endedAt: NOW + 100 })
  })

  it('keeps a hundred attempts: the oldest released ones go, failed and lost ones stay, no number comes twice', () => {
    let task = settled(running(), { type: 'lost', error: BOOM }, rules({ maxLost: 9 }))
    for (let i = 2; i <= 250; i++) {
      task = claimed(task, aClaim({ token: `token-${i}` }))
      expect(currentAttempt(task)?.number).toBe(i)
      task = settled(task, { type: 'released', error: BOOM }, rules({ settleToken: `settle-${i}` }))
      expect(currentAttempt(task)?.settleToken).toBe(`settle-${i}`)
    }
    expect(task.attempts).toHaveLength(100)
    expect(task.attempts[0]).toMatchObject({ number: 1, outcome: 'lost' })
    expect(task.attempts[1]?.number).toBe(152)
  })

  it('keeps the attempt that has just ended, though it is the only one that could go', () => {
    const retry = { ...NO_RETRY, maxRetries: 1_000 }
    let task = aTask()
    for (let i = 1; i <= 120; i++) {
      task = settled(claimed(task, aClaim({ token: `token-${i}` })), FAILURE, rules({ retry }))
      task = promoted(task, true)
    }
    task = settled(claimed(task, aClaim({ token: 'last' })), { type: 'released', error: BOOM }, rules())
    expect(currentAttempt(task)).toMatchObject({ number: 121, outcome: 'released', settleToken: 'settle-1' })
  })

  it('leaves a task without any attempt as it is, but for its state', () => {
    expect(settled(aTask(), { type: 'released', error: BOOM }, rules()).attempts).toEqual([])
  })
})

describe('time', () => {
  it('scheduledAt sets when it is due, and the rank that follows', () => {
    const task = scheduledAt(aTask({ priority: 'critical' }), NOW + 5, rules().boosts)
    expect(task).toMatchObject({ state: 'scheduled', runAt: NOW + 5, dueAt: NOW + 5, rank: NOW + 5 - 1_800_000 })
  })

  it('promoted is ready with the turn and waiting without, and keeps its due time', () => {
    const task = aTask({ runAt: NOW + 50, merge: true })
    expect(promoted(task, true)).toMatchObject({ state: 'ready', dueAt: NOW + 50, rank: task.rank })
    expect(promoted(task, false)).toMatchObject({ state: 'waiting', dueAt: NOW + 50, rank: task.rank })
    for (const gone of ['runAt', 'merge'] as const) expect(promoted(task, true)[gone]).toBeUndefined()
  })

  it('givenTurn makes ready and keeps the rank', () => {
    const waiting = promoted(aTask({ runAt: NOW + 50 }), false)
    expect(givenTurn(waiting)).toEqual({ ...waiting, state: 'ready' })
  })

  it('expired is failed as TASK_EXPIRED, and says by when it had to start', () => {
    const task = expired(aTask({ runAt: NOW + 50, expiresAt: NOW + 20 }), NOW + 21)
    expect(task).toMatchObject({ state: 'failed', endedAt: NOW + 21, error: { code: 'TASK_EXPIRED' } })
    expect(task.error?.message).toContain(new Date(NOW + 20).toISOString())
    expect(task.runAt).toBeUndefined()
    expect(expired(aTask(), NOW).error?.message).toContain(new Date(NOW).toISOString())
  })

  it('extended moves the end of a claim and nothing else', () => {
    const task = claimed(aTask(), aClaim({ claimEndsAt: 7 }))
    expect(extended(task, 9)).toEqual({ ...task, claimEndsAt: 9 })
  })
})

describe('cancelled', () => {
  it('ends what has not started', () => {
    for (const task of [aTask(), aTask({ runAt: NOW + 50, merge: true }), promoted(aTask(), false)]) {
      const after = cancelled(task, NOW + 9, 'settle-c', 'customer left')
      expect(after).toMatchObject({ state: 'cancelled', endedAt: NOW + 9, cancelReason: 'customer left', attempts: [] })
      expect(after.runAt).toBeUndefined()
      expect(after.merge).toBeUndefined()
      expect(isOver(after)).toBe(true)
    }
  })

  it('ends a running attempt, but keeps holder and permit until the handler has returned', () => {
    const before = claimed(aTask(), aClaim({ permitId: 'quote/0', claimEndsAt: 7 }))
    const task = cancelled(before, NOW + 9, 'settle-c', undefined)
    expect(task).toMatchObject({ state: 'cancelled', holder: 'owner-1', permitId: 'quote/0', claimEndsAt: 7 })
    expect(task.cancelReason).toBeUndefined()
    expect(currentAttempt(task)).toMatchObject({ outcome: 'cancelled', endedAt: NOW + 9, settleToken: 'settle-c' })
    expect(isOver(task)).toBe(false)
    expect(holdsClaim(task, 'token-1')).toBe(false)
    expect(holdsCancelled(task, 'token-1')).toBe(true)
    expect(holdsCancelled(task, 'token-2')).toBe(false)
    const left = withoutHolder(task)
    for (const gone of ['holder', 'claimEndsAt', 'permitId'] as const) expect(left[gone]).toBeUndefined()
    expect(isOver(left)).toBe(true)
    expect(holdsCancelled(left, 'token-1')).toBe(false)
    expect(holdsCancelled(before, 'token-1')).toBe(false)
  })

  it('leaves the attempts of a task between two attempts alone', () => {
    const backingOff = settled(running(), FAILURE, rules())
    expect(cancelled(backingOff, NOW + 200, 'settle-c', undefined).attempts).toEqual(backingOff.attempts)
  })
})

describe('lanes', () => {
  it('of the task itself name its type and requirements', () => {
    expect(aTask({ requires: ['a', 'b'] }).lane).toBe(laneOf('quote', ['a', 'b']))
  })
})
