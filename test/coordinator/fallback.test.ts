import { defineTask, NonRetryableError } from 'batuta'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { startApp } from '../support/app.js'

const fails = (): never => {
  throw new Error('no')
}
const quote = defineTask('quote', {
  requires: ['price'],
  input: z.number().transform((n) => ({ n })),
  output: z.number(),
  retry: { maxRetries: 1 },
})

describe('fallback agents', () => {
  it('get one extra attempt each, in their order, when the retries are used up', async () => {
    const { app, until, events } = await startApp()
    const tried: string[] = []
    const agent = (id: string, handler: () => unknown, capabilities: string[] = []) =>
      app.agent(id, {
        capabilities,
        handler: () => {
          tried.push(id)
          return handler()
        },
      })
    agent('first', fails, ['price'])
    agent('second', fails)
    agent('third', () => 3)
    agent('fourth', () => 4)
    const { output, task } = await until(app.run(quote, 1, { fallbackAgents: ['second', 'third', 'fourth'] }))
    expect(output).toBe(3)
    expect(tried).toEqual(['first', 'first', 'second', 'third'])
    expect(task.attempts.map(({ fallback }) => fallback)).toEqual([false, false, true, true])
    const fallbacks = events.filter((event) => event.type === 'task:fallback')
    expect(fallbacks).toMatchObject([{ agentId: 'second' }, { agentId: 'third' }])
  })

  it('come at once after an error that is final', async () => {
    const { app, until } = await startApp()
    app.agent('first', {
      capabilities: ['price'],
      handler: () => {
        throw new NonRetryableError('final')
      },
    })
    app.agent('second', { handler: () => 2 })
    const { task } = await until(app.run(quote, 1, { fallbackAgents: ['second'] }))
    expect(task.attempts.map(({ agentId }) => agentId)).toEqual(['first', 'second'])
  })

  it('are waited for when they are not here, and passed over when they have no handler', async () => {
    const other = defineTask('other')
    const { app, until } = await startApp()
    app.agent('first', { capabilities: ['price'], handler: fails })
    app.agent('deaf', { handlers: [other.handler(() => 1)] })
    const task = await until(app.submit(quote, 1, { fallbackAgents: ['deaf', 'late'] }))
    await until(
      new Promise<void>((resolve) => void app.on('task:fallback', ({ agentId }) => agentId === 'late' && resolve())),
    )
    expect((await until(task.explain())).pending).toEqual([{ kind: 'no_agent', agentId: 'late' }])
    app.agent('late', { handler: () => 7 })
    expect(await until(task.result())).toBe(7)
    expect((await until(task.snapshot())).attempts.map(({ error }) => error?.code)).toEqual([
      undefined,
      undefined,
      'TASK_TYPE_UNKNOWN',
      undefined,
    ])
  })
})

describe('the fallback function of a definition', () => {
  it('is the last attempt: it gets the parsed input and the error, and its result is checked', async () => {
    const seen: unknown[] = []
    const safe = defineTask('safe', {
      input: z.number().transform((n) => ({ n })),
      output: z.number(),
      retry: false,
      fallback: (input, ctx) => {
        seen.push(input, (ctx.error as { message: string }).message, ctx.attempt)
        return input.n * 2
      },
    })
    const { app, until } = await startApp()
    app.agent('broken', { handlers: [safe.handler(fails)] })
    app.agent('second', { handler: fails })
    const { output, task } = await until(app.run(safe, 21, { fallbackAgents: ['second'] }))
    expect(output).toBe(42)
    expect(seen).toEqual([{ n: 21 }, 'no', 3])
    expect(task.attempts.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'completed'])
    expect(task).not.toHaveProperty('error')
  })

  it('fails the task when it fails: every attempt is in the dead letter', async () => {
    const safe = defineTask('safe', { retry: { maxRetries: 1 }, fallback: () => fails() })
    const { app, failure, until } = await startApp()
    app.agent('broken', { handlers: [safe.handler(fails)] })
    expect(await failure(app.run(safe, undefined))).toMatchObject({ code: 'TASK_FAILED', attempts: { length: 3 } })
    const dead = await until(app.listTasks({ status: 'failed' }))
    expect(dead.tasks[0]?.attempts).toHaveLength(3)
  })

  it('has its own timeout, its session and ctx.submit', async () => {
    const child = defineTask('child')
    const safe = defineTask('safe', {
      retry: false,
      timeoutMs: 500,
      fallback: (_, ctx) => {
        ctx.session.set('key', 1)
        return ctx.submit(child)
      },
    })
    const { app, until } = await startApp()
    app.agent('broken', {
      handlers: [
        safe.handler((_, ctx) => new Promise((_r, reject) => ctx.signal.addEventListener('abort', () => reject('x')))),
      ],
    })
    const { output } = await until(app.run(safe, undefined, { sessionId: 's' }))
    expect(await until(app.getTask(output as string))).toBeDefined()
  })

  it('is not for tasks that expired', async () => {
    const safe = defineTask('safe', { fallback: () => 1 })
    const { app, failure, clock } = await startApp()
    const error = await failure(app.run(safe, undefined, { expiresAt: clock.now() + 100 }))
    expect(error).toMatchObject({ code: 'TASK_FAILED', task: { error: { code: 'TASK_EXPIRED' } } })
  })
})
