import { defineTask } from 'batuta'
import { describe, expect, it } from 'vitest'
import { gate, startApp } from '../support/app.js'

describe('cancelling a task that', () => {
  it('is running aborts its handler with the reason', async () => {
    const { app, until, failure, clock } = await startApp()
    let reason: unknown
    app.agent('any', {
      handler: (_, ctx) =>
        new Promise((_resolve, reject) => {
          ctx.signal.addEventListener('abort', () => {
            reason = ctx.signal.reason
            reject(ctx.signal.reason)
          })
        }),
    })
    const task = await until(app.submit({ type: 'x' }))
    expect(await until(task.cancel('customer left'))).toBe(true)
    expect(await failure(task.result())).toMatchObject({ code: 'TASK_CANCELLED', attempts: [{ outcome: 'cancelled' }] })
    await clock.settle()
    expect(reason).toMatchObject({ name: 'AbortError', message: 'customer left' })
    // The handler has returned, so the slot is free.
    expect(app.agents()[0]).toMatchObject({ status: 'idle', inFlight: 0, stuck: 0, failed: 0 })
  })

  it('is scheduled, backing off or waiting for its turn: it never starts again', async () => {
    const { app, until, clock } = await startApp()
    const seen: string[] = []
    const done = gate()
    app.agent('any', {
      maxConcurrentTasks: 5,
      handler: (name: string) => {
        seen.push(name)
        if (name === 'failing') throw new Error('again')
        return done.opened
      },
    })
    const submit = (input: string, options: object = {}) => until(app.submit({ type: 'x', input, ...options }))
    const scheduled = await submit('scheduled', { delayMs: 100 })
    const failing = await submit('failing')
    await submit('first', { orderingKey: 'k' })
    const waiting = await submit('waiting', { orderingKey: 'k' })
    await clock.settle()
    for (const task of [scheduled, failing, waiting]) {
      expect((await until(task.snapshot())).status).toBe('pending')
      expect(await until(app.coordinator.cancel(task.id))).toBe(true)
    }
    done.open()
    await clock.advance(120_000)
    expect(seen).toEqual(['failing', 'first'])
  })

  it('has ended changes nothing', async () => {
    const { app, until, failure } = await startApp()
    app.agent('any', { handler: () => 1 })
    const { task } = await until(app.run({ type: 'x' }))
    expect(await until(app.coordinator.cancel(task.id))).toBe(false)
    expect(await failure(app.coordinator.cancel('nothing'))).toMatchObject({ code: 'TASK_NOT_FOUND' })
  })
})

describe('a result that comes after the cancel', () => {
  it('changes nothing, keeps nothing that was staged, and is an event', async () => {
    const follow = defineTask('follow')
    const { app, until, clock, events, names } = await startApp()
    const done = gate<string>()
    app.agent('any', {
      handler: async (_, ctx) => {
        ctx.submit(follow)
        ctx.session.set('key', 1)
        return done.opened
      },
    })
    const task = await until(app.submit({ type: 'x', sessionId: 's' }))
    await until(task.cancel())
    done.open('too late')
    await clock.advance(1_000)
    expect((await until(task.snapshot())).status).toBe('cancelled')
    expect(names('task:').filter((name) => name === 'task:submitted')).toHaveLength(1)
    expect(events.find(({ type }) => type === 'task:late-result')).toMatchObject({
      taskId: task.id,
      attempt: 1,
      agentId: 'any',
      outcome: 'completed',
    })
    app.agent('reader', { capabilities: ['read'], handler: (_, ctx) => ctx.session.get('key') ?? 'nothing' })
    const { output } = await until(app.run({ type: 'y', requires: ['read'], sessionId: 's' }))
    expect(output).toBe('nothing')
  })

  it('is no event when the handler stopped because it was told to', async () => {
    const { app, until, clock, names } = await startApp()
    app.agent('any', {
      handler: (_, ctx) =>
        new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))),
    })
    const task = await until(app.submit({ type: 'x' }))
    await until(task.cancel())
    await clock.advance(1_000)
    expect(names('task:late')).toEqual([])
  })
})
