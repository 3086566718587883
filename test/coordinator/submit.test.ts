import { createOrchestrator, defineTask, isBatutaError, TaskFailedError } from 'batuta'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { gate, startApp } from '../support/app.js'

const quote = defineTask('quote', {
  input: z.object({ areaM2: z.number().positive() }),
  output: z.object({ total: z.number() }),
})
const quotes = { handlers: [quote.handler(({ areaM2 }) => ({ total: areaM2 * 150 }))] }

describe('the first eight lines of the README', () => {
  it('work, on the real clock', async () => {
    const app = await createOrchestrator()
    app.agent('quotes', { capabilities: ['quote'], handler: async (input) => input.areaM2 * 150 })
    const r = await app.run({ requires: ['quote'], input: { areaM2: 50 } })
    expect(r.output).toBe(7_500)
    expect(String(await r.explain())).toMatch(/Attempt 1 on quotes +completed/)
    await app.shutdown()
  })
})

describe('submit', () => {
  it('gives a handle once the task is durable, and the typed result when it is done', async () => {
    const { app, until } = await startApp()
    app.agent('quote_agent', quotes)
    const task = await until(app.submit(quote, { areaM2: 50 }))
    expect(task.type).toBe('quote')
    expect(await until(task.result())).toEqual({ total: 7_500 })
    expect(await until(task.snapshot())).toMatchObject({
      id: task.id,
      status: 'completed',
      tenant: 'default',
      priority: 'normal',
      input: { areaM2: 50 },
      output: { total: 7_500 },
      attempts: [{ number: 1, agentId: 'quote_agent', outcome: 'completed', fallback: false }],
    })
  })

  it('stores a task that nobody can take yet, for whoever comes', async () => {
    const { app, until } = await startApp()
    const task = await until(app.submit(quote, { areaM2: 1 }))
    expect((await until(task.snapshot())).status).toBe('pending')
    app.agent('late', quotes)
    expect(await until(task.result())).toEqual({ total: 150 })
  })

  it('takes a task without a definition, and checks the input of a type that is known', async () => {
    const { app, until, failure } = await startApp()
    app.agent('any', { capabilities: ['echo'], handler: (input, ctx) => ({ input, type: ctx.task.type }) })
    app.agent('quotes', quotes)
    expect((await until(app.run({ requires: ['echo'], input: [1] }))).output).toEqual({ input: [1], type: '*' })
    expect((await until(app.run({ type: 'quote', input: { areaM2: 2 } }))).output).toBeDefined()
    expect(await failure(app.submit({ type: 'quote', input: { areaM2: -2 } }))).toMatchObject({ code: 'INPUT_INVALID' })
  })

  it('takes a definition whose input may be left out', async () => {
    const ping = defineTask('ping')
    const { app, until } = await startApp()
    app.agent('pings', { handlers: [ping.handler((input) => input === undefined)] })
    expect((await until(app.run(ping, undefined))).output).toBe(true)
  })

  it('routes by every required capability', async () => {
    const both = defineTask('both', { requires: ['a', 'b'] })
    const { app, until } = await startApp()
    for (const [id, capabilities] of Object.entries({ a: ['a'], b: ['b'], ab: ['b', 'a'] })) {
      app.agent(id, { capabilities, handlers: [both.handler((_, ctx) => ctx.agent.id)] })
    }
    for (let i = 0; i < 3; i++) expect((await until(app.run(both, undefined))).output).toBe('ab')
  })

  it('keeps what was sent, whatever the caller does with it afterwards', async () => {
    const { app, until } = await startApp()
    const input = { list: [1] }
    const task = await until(app.submit({ type: 'later', input }))
    input.list.push(2)
    app.agent('any', { handler: (got) => got })
    expect(await until(task.result())).toEqual({ list: [1] })
  })
})

describe('run', () => {
  it('gives output, task and explanation', async () => {
    const { app, until } = await startApp()
    app.agent('quote_agent', quotes)
    const { output, task, explain } = await until(app.run(quote, { areaM2: 2 }))
    expect(output.total).toBe(300)
    expect(task).toMatchObject({ status: 'completed', type: 'quote' })
    expect(String(await until(explain()))).toContain('quote_agent')
  })

  it('throws TaskFailedError with every attempt', async () => {
    const { app, failure } = await startApp()
    app.agent('broken', {
      handler: (_, ctx) => {
        throw new Error(`no ${ctx.attempt}`)
      },
    })
    const error = await failure(app.run({ type: 'x' }))
    expect(error).toBeInstanceOf(TaskFailedError)
    if (!(error instanceof TaskFailedError)) return
    expect(error.attempts.map(({ error: why }) => why?.message)).toEqual(['no 1', 'no 2', 'no 3', 'no 4'])
    expect(error.attempts[0]?.error).toMatchObject({ name: 'Error', stack: expect.stringContaining('no 1') })
    expect(error.cause).toMatchObject({ message: 'no 4' })
    expect(isBatutaError(error, 'TASK_FAILED') && error.data.taskId).toBe(error.task.id)
  })
})

describe('waiting', () => {
  it('ends with WAIT_TIMEOUT after waitMs, and the task goes on', async () => {
    const { app, until, failure, clock } = await startApp()
    const done = gate<number>()
    app.agent('slow', { handler: () => done.opened })
    const from = clock.now()
    const error = await failure(app.run({ type: 'x', waitMs: 50 }))
    expect(error).toMatchObject({ code: 'WAIT_TIMEOUT', data: { waitMs: 50 }, retryable: true })
    expect(clock.now() - from).toBe(50)
    const { taskId } = error.data as { taskId: string }
    const task = await until(app.getTask(taskId))
    expect(await failure(task?.result({ waitMs: 10 }) ?? Promise.resolve())).toMatchObject({ code: 'WAIT_TIMEOUT' })
    done.open(7)
    expect(await until(task?.result() ?? Promise.resolve())).toBe(7)
  })

  it('ends when its signal aborts, also one that has aborted already', async () => {
    const { app, until, failure } = await startApp()
    const done = gate<number>()
    app.agent('slow', { handler: () => done.opened })
    const task = await until(app.submit({ type: 'x' }))
    const controller = new AbortController()
    const waiting = failure(task.result({ signal: controller.signal }))
    controller.abort(new Error('left'))
    expect(await waiting).toMatchObject({ code: 'WAIT_TIMEOUT', data: { taskId: task.id }, cause: { message: 'left' } })
    expect(await failure(task.result({ signal: AbortSignal.abort() }))).toMatchObject({ code: 'WAIT_TIMEOUT' })
    done.open(1)
    expect(await until(task.result())).toBe(1)
  })

  it('refuses a limit that is no time', async () => {
    const { app, until, failure } = await startApp()
    app.agent('any', { handler: () => 1 })
    expect(await failure(app.run({ waitMs: Number.NaN }))).toMatchObject({ code: 'OPTIONS_INVALID' })
    const task = await until(app.submit({ type: 'x' }))
    expect(await failure(task.result({ waitMs: -1 }))).toMatchObject({ code: 'OPTIONS_INVALID' })
  })
})

describe('submitMany', () => {
  it('gives handles in the order of the inputs, with options of each', async () => {
    const { app, until } = await startApp()
    app.agent('quote_agent', { ...quotes, maxConcurrentTasks: 3 })
    const inputs = [1, 2, 3, 4, 5].map((areaM2) => ({ areaM2 }))
    const handles = await until(
      app.submitMany(quote, inputs, ({ areaM2 }, index) => ({ metadata: { areaM2, index }, priority: 'high' })),
    )
    const totals = await until(Promise.all(handles.map((handle) => handle.result())))
    expect(totals.map(({ total }) => total)).toEqual([150, 300, 450, 600, 750])
    expect(await until(handles[3]?.snapshot() ?? Promise.reject())).toMatchObject({
      metadata: { areaM2: 4, index: 3 },
      priority: 'high',
    })
    expect(await until(app.submitMany(quote, []))).toEqual([])
  })

  it('keeps the order of the inputs in one ordering key', async () => {
    const { app, until } = await startApp()
    const n = defineTask('n', { input: z.number() })
    const seen: number[] = []
    app.agent('any', { maxConcurrentTasks: 9, handlers: [n.handler((i) => void seen.push(i))] })
    const handles = await until(
      app.submitMany(
        n,
        Array.from({ length: 30 }, (_, i) => i),
        { orderingKey: 'k' },
      ),
    )
    await until(Promise.all(handles.map((handle) => handle.result())))
    expect(seen).toEqual(Array.from({ length: 30 }, (_, i) => i))
  })

  it.each([
    ['an input that its schema refuses', { areaM2: -1 }, undefined, 'INPUT_INVALID'],
    ['an input that is no JSON', { areaM2: 1, at: new Date() }, undefined, 'PAYLOAD_NOT_JSON'],
    ['an input that is too large', { areaM2: 1, note: 'x'.repeat(2_000) }, undefined, 'PAYLOAD_TOO_LARGE'],
    ['bad options', { areaM2: 1 }, { delayMs: -1 }, 'OPTIONS_INVALID'],
  ])('refuses all for %s, with its index', async (_, bad, options, code) => {
    const loose = defineTask('loose', { input: z.looseObject({ areaM2: z.number().positive() }) })
    const { app, until, failure } = await startApp({ maxPayloadBytes: 1_000 })
    const inputs = [{ areaM2: 1 }, { areaM2: 2 }, bad, { areaM2: 3 }]
    const error = await failure(app.submitMany(loose, inputs, (_input, index) => (index === 2 ? options : undefined)))
    expect(error.code).toBe(code)
    expect(error.data).toMatchObject({ index: 2 })
    expect((await until(app.listTasks())).tasks).toEqual([])
  })
})
