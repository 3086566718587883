import { defineTask, type StreamPart } from 'batuta'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { gate, startApp } from '../support/app.js'

/** Reads a stream to its end; what it threw, if it did. */
async function collect(stream: AsyncIterable<StreamPart>, into: StreamPart[] = []) {
  try {
    for await (const part of stream) into.push(part)
    return undefined
  } catch (error) {
    return error
  }
}

describe('task.stream()', () => {
  it('first replays what the attempt has written, then follows, and ends with the task', async () => {
    const { app, until, clock } = await startApp()
    const done = gate()
    app.agent('any', {
      handler: async (_, ctx) => {
        ctx.write('a')
        ctx.write({ b: 1 })
        await done.opened
        ctx.write('c')
      },
    })
    const task = await until(app.submit({ type: 'x' }))
    await clock.settle()
    const early: StreamPart[] = []
    const late: StreamPart[] = []
    const readers = [collect(task.stream(), early), collect(task.stream(), late)]
    await clock.settle()
    expect(early).toEqual([
      { data: 'a', attempt: 1 },
      { data: { b: 1 }, attempt: 1 },
    ])
    done.open()
    await until(Promise.all(readers))
    expect(early.map(({ data }) => data)).toEqual(['a', { b: 1 }, 'c'])
    expect(late).toEqual(early)
  })

  it('shows a retry by the attempt, and throws what result() throws', async () => {
    const { app, until } = await startApp({ retry: { maxRetries: 1 } })
    app.agent('any', {
      handler: async (_, ctx) => {
        ctx.write(`from ${ctx.attempt}`)
        await Promise.resolve()
        throw new Error('no')
      },
    })
    const task = await until(app.submit({ type: 'x', delayMs: 10 }))
    const parts: StreamPart[] = []
    const error = await until(collect(task.stream(), parts))
    expect(parts).toEqual([
      { data: 'from 1', attempt: 1 },
      { data: 'from 2', attempt: 2 },
    ])
    expect(error).toMatchObject({ code: 'TASK_FAILED', attempts: { length: 2 } })
    const cancelled = await until(app.submit({ type: 'x', delayMs: 10 }))
    const reading = collect(cancelled.stream())
    await until(cancelled.cancel())
    expect(await until(reading)).toMatchObject({ code: 'TASK_CANCELLED' })
  })

  it('is checked and transformed by the definition', async () => {
    const task = defineTask('t', { stream: z.object({ at: z.string().transform((text) => new Date(text)) }) })
    const { app, until } = await startApp()
    app.agent('any', {
      handlers: [
        task.handler((_, ctx) => {
          ctx.write({ at: '2026-01-01' })
          ctx.write({ at: 1 } as never)
        }),
      ],
    })
    const handle = await until(app.submit(task, undefined, { delayMs: 10 }))
    const parts: StreamPart[] = []
    await until(collect(handle.stream(), parts))
    expect(parts).toEqual([{ data: { at: new Date('2026-01-01') }, attempt: 1 }])
  })

  it('is live, not durable: of an ended task it is empty', async () => {
    const { app, until } = await startApp()
    app.agent('any', { handler: (_, ctx) => ctx.write('a') })
    const task = await until(app.submit({ type: 'x' }))
    await until(task.result())
    const parts: StreamPart[] = []
    expect(await until(collect(task.stream(), parts))).toBeUndefined()
    expect(parts).toEqual([])
  })

  it('replays the newest of very many', async () => {
    const { app, until, clock } = await startApp()
    const done = gate()
    app.agent('any', {
      handler: (_, ctx) => {
        for (let i = 0; i < 1_500; i++) ctx.write(i)
        return done.opened
      },
    })
    const task = await until(app.submit({ type: 'x' }))
    await clock.settle()
    const parts: StreamPart[] = []
    const reading = collect(task.stream(), parts)
    done.open()
    await until(reading)
    expect(parts).toHaveLength(1_000)
    expect(parts.at(-1)?.data).toBe(1_499)
  })

  it('may be left early, and limited in time', async () => {
    const { app, until, clock } = await startApp()
    const done = gate()
    app.agent('any', {
      handler: (_, ctx) => {
        ctx.write(1)
        return done.opened
      },
    })
    const task = await until(app.submit({ type: 'x' }))
    await clock.settle()
    for await (const { data } of task.stream()) {
      expect(data).toBe(1)
      break
    }
    expect(await until(collect(task.stream({ waitMs: 100 })))).toMatchObject({ code: 'WAIT_TIMEOUT' })
    done.open()
    await until(task.result())
  })
})
