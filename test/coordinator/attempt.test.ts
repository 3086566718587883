import { describe, expect, it } from 'vitest'
import { Attempt, type AttemptLimits } from '../../src/coordinator/attempt.js'
import { BatutaError } from '../../src/errors/base-error.js'
import { NonRetryableError, RetryAfterError } from '../../src/errors/retry-errors.js'
import { createDeferred } from '../../src/internal/deferred.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

function anAttempt(limits: Partial<AttemptLimits> = {}) {
  const clock = new VirtualClock()
  const attempt = new Attempt(clock, {
    timeoutMs: 1_000,
    stallAfterMs: undefined,
    abandonAfterMs: 200,
    retryIf: undefined,
    number: 1,
    ...limits,
  })
  return { clock, attempt }
}

const never = () => new Promise<never>(() => undefined)

describe('an attempt', () => {
  it('succeeds with what the handler returned, and leaves no timer', async () => {
    const { clock, attempt } = anAttempt({ stallAfterMs: 100 })
    expect(await attempt.run(async () => 5)).toEqual({ outcome: { type: 'success', output: 5 }, stuck: undefined })
    expect(clock.pendingTimers).toBe(0)
    const plain = anAttempt()
    expect((await plain.attempt.run(() => 'at once')).outcome).toEqual({ type: 'success', output: 'at once' })
  })

  it('fails with what the handler threw, retryable unless it says otherwise', async () => {
    const outcomeOf = async (error: unknown, limits: Partial<AttemptLimits> = {}) =>
      (await anAttempt(limits).attempt.run(() => Promise.reject(error))).outcome
    expect(await outcomeOf(new Error('boom'))).toMatchObject({
      type: 'failure',
      retryable: true,
      error: { message: 'boom' },
    })
    expect(await outcomeOf('just text')).toMatchObject({ type: 'failure', retryable: true })
    expect(await outcomeOf(new NonRetryableError('no'))).toMatchObject({ retryable: false })
    expect(await outcomeOf(new RetryAfterError('later', 70))).toMatchObject({ retryable: true, retryAfterMs: 70 })
    const invalid = new BatutaError('INPUT_INVALID', 'bad', { data: { taskType: 't', issues: [] } })
    expect(await outcomeOf(invalid)).toMatchObject({ final: true })
    expect(await outcomeOf(new Error('boom'), { retryIf: (_error, number) => number > 1 })).toMatchObject({
      retryable: false,
    })
    const broken = () => {
      throw new Error('a broken predicate')
    }
    expect(await outcomeOf(new Error('boom'), { retryIf: broken })).toMatchObject({ retryable: true })
  })

  it('is told to stop when its time is up, and what it returns then does not count', async () => {
    const { clock, attempt } = anAttempt()
    const returned = createDeferred<number>()
    const { signal } = attempt
    const end = attempt.run(() => returned.promise)
    await clock.advance(999)
    expect(signal.aborted).toBe(false)
    await clock.advance(1)
    expect(signal.aborted).toBe(true)
    expect(signal.reason).toMatchObject({ name: 'TimeoutError' })
    returned.resolve(5)
    expect(await end).toMatchObject({
      outcome: { type: 'failure', retryable: true, error: { code: 'TASK_TIMEOUT' } },
      stuck: undefined,
    })
    expect(clock.pendingTimers).toBe(0)
  })

  it('that ignores its signal is abandoned, and says when it really returned', async () => {
    const { clock, attempt } = anAttempt()
    const returned = createDeferred<number>()
    const end = attempt.run(() => returned.promise)
    await clock.advance(1_199)
    await clock.advance(1)
    const { outcome, stuck } = await end
    expect(outcome).toMatchObject({ error: { code: 'TASK_TIMEOUT' } })
    let isBack = false
    void stuck?.then(() => {
      isBack = true
    })
    await clock.advance(10)
    expect(isBack).toBe(false)
    returned.resolve(1)
    await clock.settle()
    expect(isBack).toBe(true)
  })

  it('that gives no sign of life is ended as stalled; a sign starts the count again', async () => {
    const { clock, attempt } = anAttempt({ stallAfterMs: 100, timeoutMs: 100_000 })
    const end = attempt.run(never)
    for (let i = 0; i < 5; i++) {
      await clock.advance(90)
      attempt.touch()
    }
    expect(attempt.abortKind).toBeUndefined()
    await clock.advance(100)
    expect(attempt.abortKind).toBe('stall')
    expect(attempt.signal.reason).toMatchObject({ name: 'StallError' })
    await clock.advance(200)
    expect((await end).outcome).toMatchObject({ error: { code: 'TASK_STALLED' }, retryable: true })
  })

  it('that is cancelled ends as released, whatever it returns', async () => {
    const { clock, attempt } = anAttempt()
    const end = attempt.run(async () => 5)
    attempt.abort('cancel', new Error('customer left'))
    expect((await end).outcome).toMatchObject({ type: 'released', error: { message: 'customer left' } })
    expect(clock.pendingTimers).toBe(0)
  })

  it('that is released counts if it succeeds all the same, and is given back if it fails or hangs', async () => {
    const release = async (handler: () => unknown) => {
      const { clock, attempt } = anAttempt()
      const end = attempt.run(handler)
      attempt.abort('released', new Error('shutdown'))
      await clock.advance(300)
      return end
    }
    expect((await release(async () => 5)).outcome).toEqual({ type: 'success', output: 5 })
    expect((await release(() => Promise.reject(new Error('x')))).outcome).toMatchObject({ type: 'released' })
    const hung = await release(never)
    expect(hung.outcome).toMatchObject({ type: 'released', error: { message: 'shutdown' } })
    expect(hung.stuck).toBeInstanceOf(Promise)
  })

  it('keeps the first reason to stop, also one that came before it began', async () => {
    const { attempt } = anAttempt()
    const reason = new Error('first')
    attempt.abort('released', reason)
    attempt.abort('cancel', new Error('second'))
    expect(attempt.abortKind).toBe('released')
    expect(attempt.signal.aborted).toBe(true)
    expect(attempt.signal.reason).toBe(reason)
    expect((await attempt.run(() => Promise.reject(new Error('x')))).outcome).toMatchObject({ type: 'released' })
  })
})
