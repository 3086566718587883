import { createOrchestrator, defineTask, NonRetryableError, RetryAfterError } from 'batuta'
import { describe, expect, it, vi } from 'vitest'
import { gate, startApp } from '../support/app.js'

const fails = (message = 'no') => {
  throw new Error(message)
}

describe('retry', () => {
  it('is 3 retries by default, so 4 attempts, with growing pauses in which the slot is free', async () => {
    const { app, failure, clock, until, events } = await startApp({ random: { next: () => 1 - 1e-9 } })
    const starts: number[] = []
    app.agent('any', {
      handler: (input) => {
        if (input === 'other') return 'done'
        starts.push(clock.now())
        return fails()
      },
    })
    const task = await until(app.submit({ type: 'x' }))
    await clock.advance(10)
    expect((await until(app.run({ type: 'x', input: 'other' }))).output).toBe('done')
    await failure(task.result())
    expect(starts.slice(1).map((at, i) => at - (starts[i] ?? 0))).toEqual([1_000, 2_000, 4_000])
    const retrying = events.filter((event) => event.type === 'task:retrying')
    expect(retrying.map((event) => event.type === 'task:retrying' && event.attempt)).toEqual([1, 2, 3])
  })

  it('has full jitter: a pause may be anything from 0', async () => {
    const { app, failure, clock } = await startApp({ random: { next: () => 0 } })
    app.agent('any', { handler: () => fails() })
    const from = clock.now()
    await failure(app.run({ type: 'x' }))
    expect(clock.now() - from).toBeLessThan(10)
  })

  it('follows the definition, and its maxDelayMs', async () => {
    const task = defineTask('t', { retry: { maxRetries: 4, minDelayMs: 10, maxDelayMs: 50, factor: 3 } })
    const { app, failure, clock } = await startApp({ random: { next: () => 1 - 1e-9 } })
    const starts: number[] = []
    app.agent('any', { handlers: [task.handler(() => fails(`${starts.push(clock.now())}`))] })
    await failure(app.run(task, undefined))
    expect(starts.slice(1).map((at, i) => at - (starts[i] ?? 0))).toEqual([10, 30, 50, 50])
  })

  it.each([
    ['retry: false', { retry: false } as const, () => fails()],
    [
      'NonRetryableError',
      {},
      () => {
        throw new NonRetryableError('final', { cause: new Error('why') })
      },
    ],
    ['retryIf that says no', { retry: { retryIf: (error: unknown) => !String(error).includes('no') } }, () => fails()],
  ])('is none with %s', async (_, options, handler) => {
    const task = defineTask('t', options)
    const { app, failure } = await startApp()
    app.agent('any', { handlers: [task.handler(handler)] })
    expect(await failure(app.run(task, undefined))).toMatchObject({ attempts: { length: 1 } })
  })

  it('asks retryIf with the error itself and the attempt; one that throws decides nothing', async () => {
    const asked: unknown[] = []
    const task = defineTask('t', {
      retry: {
        maxRetries: 2,
        retryIf: (error, attempt) => {
          asked.push([error, attempt])
          return fails('broken predicate')
        },
      },
    })
    const thrown = new RangeError('r')
    const { app, failure } = await startApp()
    app.agent('any', {
      handlers: [
        task.handler(() => {
          throw thrown
        }),
      ],
    })
    expect(await failure(app.run(task, undefined))).toMatchObject({ attempts: { length: 3 } })
    expect(asked[1]).toEqual([thrown, 2])
    expect((asked[0] as unknown[])[0]).toBe(thrown)
  })

  it('waits as long as RetryAfterError says, in milliseconds or until a moment', async () => {
    const { app, until, clock } = await startApp()
    const starts: number[] = []
    app.agent('any', {
      handler: (_, ctx) => {
        starts.push(clock.now())
        if (ctx.attempt === 1) throw new RetryAfterError('busy', 7_000)
        if (ctx.attempt === 2) throw new RetryAfterError('busy', new Date(clock.now() + 20_000), { cause: 1 })
        return 'done'
      },
    })
    await until(app.run({ type: 'x' }))
    expect(starts.slice(1).map((at, i) => at - (starts[i] ?? 0))).toEqual([7_000, 20_000])
  })

  it('goes to another agent when there is one', async () => {
    const { app, until } = await startApp()
    app.agent('broken', { handler: () => fails() })
    app.agent('sound', { handler: () => 'done' })
    for (let i = 0; i < 4; i++) {
      const { task } = await until(app.run({ type: 'x' }))
      expect(task.attempts.at(-1)?.agentId).toBe('sound')
      expect(task.attempts.length).toBeLessThanOrEqual(2)
    }
  })
})

describe('a handler that throws', () => {
  it.each([
    ['a string', 'oh', 'HANDLER_THREW', '"oh"'],
    ['nothing', undefined, 'HANDLER_THREW', 'undefined'],
    ['an object', { a: 1 }, 'HANDLER_THREW', '{"a":1}'],
    ['an error with a code', Object.assign(new Error('gone'), { code: 'ECONNRESET' }), 'ECONNRESET', 'gone'],
  ])('%s: a failed attempt with a text and a code', async (_, thrown, code, text) => {
    const { app, failure } = await startApp({ retry: false })
    app.agent('any', {
      handler: () => {
        throw thrown
      },
    })
    expect(await failure(app.run({ type: 'x' }))).toMatchObject({
      attempts: [{ error: { code, message: expect.stringContaining(text) } }],
    })
  })
})

describe('a handler that takes too long', () => {
  it('is aborted at its timeout: of the submit, else of the definition, else of the application', async () => {
    const task = defineTask('t', { timeoutMs: 2_000, retry: false })
    const bare = defineTask('b', { retry: false })
    const { app, failure, clock } = await startApp({ taskTimeoutMs: 3_000 })
    const handler = (_: unknown, ctx: { signal: AbortSignal; deadline: Date }) =>
      new Promise<never>((_resolve, reject) => {
        deadlines.push(ctx.deadline.getTime() - clock.now())
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))
      })
    const deadlines: number[] = []
    app.agent('any', { handlers: [task.handler(handler), bare.handler(handler)] })
    const took = async (run: Promise<unknown>) => {
      const from = clock.now()
      expect(await failure(run)).toMatchObject({
        attempts: [{ outcome: 'failed', error: { code: 'TASK_TIMEOUT' } }],
      })
      return clock.now() - from
    }
    expect(await took(app.run(task, undefined, { timeoutMs: 1_000 }))).toBe(1_000)
    expect(await took(app.run(task, undefined))).toBe(2_000)
    expect(await took(app.run(bare, undefined))).toBe(3_000)
    expect(deadlines).toEqual([1_000, 2_000, 3_000])
  })

  it('is retried after a timeout', async () => {
    const { app, until } = await startApp()
    app.agent('any', {
      handler: (_, ctx) => {
        if (ctx.attempt === 2) return 'done'
        return new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(new Error('x'))))
      },
    })
    expect((await until(app.run({ type: 'x', timeoutMs: 100 }))).output).toBe('done')
  })

  it('is ended as TASK_STALLED when it gives no sign of life for stallAfterMs', async () => {
    const task = defineTask('t', { stallAfterMs: 1_000, timeoutMs: 60_000, retry: false })
    const { app, failure, clock } = await startApp()
    app.agent('any', {
      handlers: [
        task.handler(async (_, ctx) => {
          for (let i = 0; i < 3; i++) {
            await new Promise<void>((resolve) => clock.setTimer(resolve, 900))
            if (i === 1) ctx.write('a part' as never)
            else ctx.progress()
          }
          return new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(new Error('x'))))
        }),
      ],
    })
    const from = clock.now()
    expect(await failure(app.run(task, undefined))).toMatchObject({ attempts: [{ error: { code: 'TASK_STALLED' } }] })
    expect(clock.now() - from).toBe(3_700)
  })
})

describe('a handler that ignores its signal', () => {
  it('is abandoned: settled without it, its slot stuck until it returns', async () => {
    const { app, failure, clock, until, events } = await startApp({ abandonAfterMs: 500, retry: false })
    const done = gate<string>()
    app.agent('deaf', { handler: () => done.opened })
    const task = await until(app.submit({ type: 'x', timeoutMs: 1_000 }))
    const from = clock.now()
    expect(await failure(task.result())).toMatchObject({ attempts: [{ error: { code: 'TASK_TIMEOUT' } }] })
    expect(clock.now() - from).toBe(1_500)
    expect(app.agents()[0]).toMatchObject({ status: 'error', inFlight: 1, stuck: 1 })
    expect(app.health()).toMatchObject({ stuck: 1, running: 1 })
    const waiting = await until(app.submit({ type: 'y' }))
    await clock.advance(5_000)
    expect((await until(waiting.snapshot())).status).toBe('pending')
    done.open('too late')
    await until(waiting.result())
    const about = { taskId: task.id, attempt: 1, agentId: 'deaf' }
    expect(events.filter(({ type }) => type === 'task:stuck')).toMatchObject([about])
    expect(events.filter(({ type }) => type === 'task:unstuck')).toMatchObject([{ ...about, stuckMs: 5_000 }])
    expect(events.filter(({ type }) => type === 'task:late-result')).toMatchObject([{ ...about, outcome: 'completed' }])
    expect(app.agents()[0]).toMatchObject({ stuck: 0 })
    expect((await until(task.snapshot())).status).toBe('failed')
  })

  it('does not count when it returns after its timeout', async () => {
    const { app, failure, until, clock, names } = await startApp({ retry: false })
    app.agent('slow', { handler: () => new Promise<string>((resolve) => clock.setTimer(() => resolve('late'), 150)) })
    const task = await until(app.submit({ type: 'x', timeoutMs: 100 }))
    expect(await failure(task.result())).toMatchObject({ attempts: [{ error: { code: 'TASK_TIMEOUT' } }] })
    expect(names('task:late-result')).toHaveLength(1)
    expect(names('task:stuck')).toEqual([])
  })
})

describe('a handler that blocks the event loop', () => {
  it('past the lease keeps its claim, for nobody was there to take it', async () => {
    const app = await createOrchestrator({ heartbeatMs: 15, leaseMs: 60, observeMs: 10 })
    const { ownerId } = app.health()
    app.agent('busy', {
      handler: () => {
        const until = performance.now() + 200
        while (performance.now() < until);
        return 'done'
      },
    })
    const { output, task } = await app.run({ type: 'x' })
    expect(output).toBe('done')
    expect(task.attempts).toHaveLength(1)
    await vi.waitFor(() => expect(app.health()).toMatchObject({ ok: true, ownerId }), { timeout: 5_000 })
    await app.shutdown()
  })
})
