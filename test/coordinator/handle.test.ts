import { defineTask, type Task, TaskCancelledError } from 'batuta'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { gate, startApp } from '../support/app.js'

const quote = defineTask('quote', { input: z.number(), output: z.number() })

describe('getTask', () => {
  it('gives a handle back, typed by its definition, and undefined for what is unknown', async () => {
    const { app, until } = await startApp()
    app.agent('quotes', { handlers: [quote.handler((n) => n + 1)] })
    const { id } = await until(app.submit(quote, 1))
    const typed = await until(app.getTask(id, quote))
    expect(await until(typed?.result() ?? Promise.reject())).toBe(2)
    expect((await until(app.getTask(id)))?.type).toBe('quote')
    expect(await until(app.getTask('nothing'))).toBeUndefined()
    expect(await until(app.getTask('nothing', quote))).toBeUndefined()
  })

  it('throws TASK_TYPE_MISMATCH for the definition of another type', async () => {
    const { app, until, failure } = await startApp()
    const { id } = await until(app.submit(quote, 1))
    expect(await failure(app.getTask(id, defineTask('other')))).toMatchObject({
      code: 'TASK_TYPE_MISMATCH',
      data: { taskId: id, expected: 'other', found: 'quote' },
    })
  })
})

describe('snapshot', () => {
  it('is plain data that shows where a task stands', async () => {
    const { app, until, clock } = await startApp()
    const done = gate()
    app.agent('slow', { handler: () => done.opened })
    const handle = await until(
      app.submit({ type: 'x', input: { a: 1 }, orderingKey: 'k', tenant: 't', metadata: { m: 1 }, delayMs: 10 }),
    )
    const scheduled = await until(handle.snapshot())
    expect(scheduled).toMatchObject({ status: 'pending', orderingKey: 'k', tenant: 't', metadata: { m: 1 } })
    expect(scheduled.runAt).toEqual(new Date(clock.now() + 10))
    await clock.advance(10)
    const running = await until(handle.snapshot())
    expect(running).toMatchObject({ status: 'running', attempts: [{ number: 1, agentId: 'slow' }] })
    expect(running.startedAt).toEqual(new Date(clock.now()))
    expect(running.attempts[0]).not.toHaveProperty('outcome')
    await clock.advance(5)
    done.open()
    await until(handle.result())
    const ended: Task = await until(handle.snapshot())
    expect(ended.endedAt).toEqual(new Date(clock.now()))
    expect(JSON.parse(JSON.stringify(ended))).toMatchObject({ id: handle.id, status: 'completed' })
    expect(ended).not.toHaveProperty('runAt')
  })

  it('is TASK_NOT_FOUND for what retention has removed, as are result and explain', async () => {
    const { app, until, failure, clock } = await startApp({ retention: { completed: { ageMs: 1_000 } } })
    app.agent('any', { handler: () => 1 })
    const handle = await until(app.submit({ type: 'x' }))
    await until(handle.result())
    await clock.advance(3_000)
    for (const ask of ['snapshot', 'explain', 'result', 'cancel'] as const) {
      expect(await failure(handle[ask]())).toMatchObject({ code: 'TASK_NOT_FOUND', data: { taskId: handle.id } })
    }
  })
})

describe('result', () => {
  it('can be asked for as often as one likes, by anyone', async () => {
    const { app, until, failure } = await startApp({ retry: false })
    app.agent('any', {
      handler: (input) => {
        if (input === 'bad') throw new Error('bad')
        return 1
      },
    })
    const good = await until(app.submit({ type: 'x' }))
    expect(await until(Promise.all([good.result(), good.result(), good.result()]))).toEqual([1, 1, 1])
    const bad = await until(app.submit({ type: 'x', input: 'bad' }))
    expect((await failure(bad.result())).code).toBe('TASK_FAILED')
    expect((await failure(bad.result())).code).toBe('TASK_FAILED')
  })

  it('is OUTPUT_INVALID when what is stored no longer parses', async () => {
    const { app, until, failure } = await startApp()
    app.agent('any', { handler: () => 'text' })
    const { task } = await until(app.run({ type: 'quote' }))
    const handle = await until(app.getTask(task.id, quote))
    expect((await failure(handle?.result() ?? Promise.resolve())).code).toBe('OUTPUT_INVALID')
  })
})

describe('cancel', () => {
  it('ends a pending task, and says whether it did', async () => {
    const { app, until, failure, names } = await startApp()
    const handle = await until(app.submit({ type: 'x' }))
    expect(await until(handle.cancel('customer left'))).toBe(true)
    expect(await until(handle.cancel())).toBe(false)
    const error = await failure(handle.result())
    expect(error).toBeInstanceOf(TaskCancelledError)
    expect(error).toMatchObject({ code: 'TASK_CANCELLED', data: { reason: 'customer left' } })
    expect(await until(handle.snapshot())).toMatchObject({ status: 'cancelled', cancelReason: 'customer left' })
    let runs = 0
    app.agent('late', { handler: () => runs++ })
    await until(app.run({ type: 'x' }))
    expect(runs).toBe(1)
    expect(names('task:cancelled')).toHaveLength(1)
  })
})
