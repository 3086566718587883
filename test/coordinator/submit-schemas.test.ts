import { defineTask, memoryStorage, type StandardSchema, staticSchema } from 'batuta'
import { VirtualClock } from 'batuta/testing'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { startApp } from '../support/app.js'

const date = z.iso.datetime().transform((text) => new Date(text))

describe('schemas with transforms', () => {
  const visit = defineTask('visit', {
    input: z.object({ at: date, note: z.string().default('none') }),
    output: z.object({ next: date }),
  })

  it('store the input side: what was sent and what was returned; handler and caller get the output side', async () => {
    const { app, until } = await startApp()
    let got: unknown
    app.agent('visits', {
      handlers: [
        visit.handler((input) => {
          got = input
          return { next: '2026-02-02T00:00:00Z' }
        }),
      ],
    })
    const { output, task } = await until(app.run(visit, { at: '2026-01-01T00:00:00Z' }))
    expect(got).toEqual({ at: new Date('2026-01-01T00:00:00Z'), note: 'none' })
    expect(output).toEqual({ next: new Date('2026-02-02T00:00:00Z') })
    expect(task.input).toEqual({ at: '2026-01-01T00:00:00Z' })
    expect(task.output).toEqual({ next: '2026-02-02T00:00:00Z' })
    const handle = await until(app.getTask(task.id, visit))
    expect(await until(handle?.result() ?? Promise.reject())).toEqual(output)
  })

  it('let idempotency compare what was sent', async () => {
    const { app, until, failure } = await startApp()
    await until(app.submit(visit, { at: '2026-01-01T00:00:00Z' }, { idempotencyKey: 'k' }))
    const same = app.submit(visit, { at: '2026-01-01T00:00:00Z', note: 'none' }, { idempotencyKey: 'k' })
    expect((await failure(same)).code).toBe('IDEMPOTENCY_CONFLICT')
  })
})

describe('a stored input that no longer parses', () => {
  it('fails without retry and without fallback', async () => {
    const clock = new VirtualClock()
    const storage = memoryStorage({ now: () => clock.now() })
    const old = defineTask('job', { input: z.object({ a: z.number() }) })
    const first = await startApp({ clock, storage })
    const { id } = await first.until(first.app.submit(old, { a: 1 }))
    await first.until(first.app.shutdown())

    let runs = 0
    const now = defineTask('job', { input: z.object({ b: z.number() }), fallback: () => ++runs })
    const { app, until, failure } = await startApp({ clock, storage })
    app.agent('jobs', { handlers: [now.handler(() => ++runs)] })
    const handle = await until(app.getTask(id, now))
    const error = await failure(handle?.result() ?? Promise.reject())
    expect(error).toMatchObject({ code: 'TASK_FAILED', attempts: [{ error: { code: 'INPUT_INVALID' } }] })
    expect(runs).toBe(0)
  })
})

describe('what a handler returns', () => {
  const strict = defineTask('strict', { output: z.object({ n: z.number() }), retry: { maxRetries: 1 } })

  it('is checked before it is stored: the wrong shape is a failed attempt', async () => {
    const { app, until } = await startApp()
    app.agent('sloppy', {
      handlers: [strict.handler((_, ctx) => (ctx.attempt === 1 ? ({ n: 'one' } as never) : { n: 2 }))],
    })
    const { output, task } = await until(app.run(strict, undefined))
    expect(output).toEqual({ n: 2 })
    expect(task.attempts[0]?.error?.code).toBe('OUTPUT_INVALID')
  })

  it('must be JSON, also without a schema', async () => {
    const { app, failure } = await startApp({ retry: false })
    app.agent('any', { handler: () => ({ at: new Date() }) })
    expect(await failure(app.run({ type: 'x' }))).toMatchObject({
      attempts: [{ error: { code: 'PAYLOAD_NOT_JSON', message: expect.stringContaining('at') } }],
    })
  })

  it('must not be larger than maxPayloadBytes', async () => {
    const { app, failure } = await startApp({ retry: false, maxPayloadBytes: 100 })
    app.agent('any', { handler: () => 'x'.repeat(101) })
    expect(await failure(app.run({ type: 'x' }))).toMatchObject({
      attempts: [{ error: { code: 'PAYLOAD_TOO_LARGE' } }],
    })
  })

  it('may be nothing', async () => {
    const { app, until } = await startApp()
    app.agent('any', { handler: () => undefined })
    expect((await until(app.run({ type: 'x' }))).output).toBeUndefined()
  })
})

describe('staticSchema', () => {
  it('gives a type without a check', async () => {
    const task = defineTask('static', { input: staticSchema<{ a: number }>(), output: staticSchema<string>() })
    const { app, until } = await startApp()
    app.agent('any', { handlers: [task.handler(({ a }) => `${a}`)] })
    expect((await until(app.run(task, { a: 1 }))).output).toBe('1')
    expect((await until(app.run(task, { a: 'not checked' } as never))).output).toBe('not checked')
  })
})

describe('a schema that is broken', () => {
  const schemaOf = (validate: () => unknown) =>
    ({ '~standard': { version: 1, vendor: 'test', validate } }) as never as StandardSchema<number, number>

  it.each([
    ['throws', () => JSON.parse('{')],
    ['is async', async () => ({ value: 1 })],
  ])('%s: SCHEMA_BROKEN at submit', async (_, validate) => {
    const task = defineTask('broken', { input: schemaOf(validate) })
    const { app, failure } = await startApp()
    expect((await failure(app.submit(task, 1))).code).toBe('SCHEMA_BROKEN')
  })
})

describe('what handlers and callers get', () => {
  it('is theirs: changing it changes nothing that is stored', async () => {
    const { app, until } = await startApp()
    app.agent('careless', {
      handler: (input, ctx) => {
        input.list.push(ctx.attempt)
        if (ctx.attempt < 3) throw new Error('again')
        return input
      },
    })
    const task = await until(app.submit({ type: 'x', input: { list: [] }, metadata: { tags: ['a'] } }))
    const output = await until(task.result())
    expect(output).toEqual({ list: [3] })
    output.list.push('caller')
    const snapshot = await until(task.snapshot())
    ;(snapshot.input as { list: unknown[] }).list.push('snapshot')
    ;(snapshot.output as { list: unknown[] }).list.push('snapshot')
    ;(snapshot.metadata as { tags: unknown[] }).tags.push('snapshot')
    expect(await until(task.result())).toEqual({ list: [3] })
    expect(await until(task.snapshot())).toMatchObject({
      input: { list: [] },
      output: { list: [3] },
      metadata: { tags: ['a'] },
    })
  })

  it('is theirs in events too', async () => {
    const { app, until } = await startApp()
    app.agent('any', { handler: () => ({ list: [] }) })
    app.on('task:completed', ({ task }) => (task.output as { list: unknown[] }).list.push('listener'))
    const { output } = await until(app.run({ type: 'x' }))
    expect(output).toEqual({ list: [] })
  })
})
