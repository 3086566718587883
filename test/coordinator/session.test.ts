import { defineTask } from 'batuta'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { gate, startApp } from '../support/app.js'

/** Only the reader may take it: the other agents of a test are catch-alls. */
const read = defineTask('read', { input: z.string(), requires: ['read'] })

async function sessionApp() {
  const world = await startApp()
  world.app.agent('reader', {
    capabilities: ['read'],
    handlers: [read.handler((key, ctx) => ctx.session.get(key) ?? null)],
  })
  const value = async (key = 'key') => (await world.until(world.app.run(read, key, { sessionId: 's' }))).output
  return { ...world, value }
}

describe('ctx.session', () => {
  it('is staged: seen by its own attempt, committed with the result', async () => {
    const { app, until, value } = await sessionApp()
    app.agent('any', {
      handler: (_, ctx) => {
        ctx.session.set('key', { n: 1 })
        ctx.session.update<{ n: number }>('key', (was) => ({ n: (was?.n ?? 0) + 1 }))
        ctx.session.set('gone', 1)
        ctx.session.delete('gone')
        return [ctx.session.id, ctx.session.get('key'), ctx.session.get('gone') ?? null]
      },
    })
    const { output } = await until(app.run({ type: 'x', sessionId: 's' }))
    expect(output).toEqual(['s', { n: 2 }, null])
    expect(await value()).toEqual({ n: 2 })
    expect(await value('gone')).toBeNull()
  })

  it('keeps nothing of an attempt that failed', async () => {
    const { app, until, value } = await sessionApp()
    app.agent('any', {
      handler: (_, ctx) => {
        expect(ctx.session.get('key')).toBeUndefined()
        ctx.session.set('key', ctx.attempt)
        ctx.session.update('count', (n: number | undefined) => (n ?? 0) + 1)
        if (ctx.attempt < 3) throw new Error('again')
      },
    })
    await until(app.run({ type: 'x', sessionId: 's' }))
    expect([await value(), await value('count')]).toEqual([3, 1])
  })

  it('is not changed by changing what get gave', async () => {
    const { app, until, value } = await sessionApp()
    app.agent('any', {
      handler: (input, ctx) => {
        if (input === 'set') ctx.session.set('key', { list: [1] })
        else (ctx.session.get('key') as { list: number[] }).list.push(2)
      },
    })
    await until(app.run({ type: 'x', sessionId: 's', input: 'set' }))
    await until(app.run({ type: 'x', sessionId: 's', input: 'push' }))
    expect(await value()).toEqual({ list: [1] })
  })

  it('refuses what is no JSON, in the handler', async () => {
    const { app, failure } = await startApp({ retry: false })
    app.agent('any', { handler: (_, ctx) => ctx.session.set('key', new Date()) })
    expect(await failure(app.run({ type: 'x', sessionId: 's' }))).toMatchObject({
      attempts: [{ error: { code: 'PAYLOAD_NOT_JSON' } }],
    })
  })
})

/** Two tasks of one session at work at once: one of them is ordered by its own key. */
async function race(first: (ctx: { attempt: number; session: Parameters<Edit>[0] }) => void) {
  const keyed = defineTask('keyed')
  const world = await sessionApp()
  const done = gate()
  const attempts: number[] = []
  world.app.agent('keyed', {
    handlers: [
      keyed.handler(async (_, ctx) => {
        attempts.push(ctx.attempt)
        first(ctx)
        if (ctx.attempt === 1) await done.opened
      }),
    ],
  })
  const start = defineTask('start')
  world.app.agent('starter', {
    handlers: [start.handler((_, ctx) => ctx.submit(keyed, undefined, { orderingKey: 'own' }))],
  })
  const set = defineTask('set')
  world.app.agent('setter', { handlers: [set.handler((_, ctx) => ctx.session.set('key', 10))] })
  const { output: id } = await world.until(world.app.run(start, undefined, { sessionId: 's' }))
  await world.until(world.app.run(set, undefined, { sessionId: 's' }))
  done.open()
  await world.until((await world.until(world.app.getTask(id as string)))?.result() ?? Promise.reject())
  const handle = await world.until(world.app.getTask(id as string))
  const task = await world.until(handle?.snapshot() ?? Promise.reject())
  return { ...world, attempts, task }
}

type Edit = (session: {
  set(key: string, value: unknown): void
  get(key: string): unknown
  update(key: string, fn: (value: number | undefined) => number): void
}) => void

describe('a key that another task changed meanwhile', () => {
  it('ends an attempt that set it with the retryable CONTEXT_CONFLICT', async () => {
    const { attempts, task, value } = await race((ctx) =>
      ctx.session.set('key', `${ctx.attempt}: ${ctx.session.get('key')}`),
    )
    expect(attempts).toEqual([1, 2])
    expect(task.attempts[0]).toMatchObject({ outcome: 'failed', error: { code: 'CONTEXT_CONFLICT' } })
    expect(await value()).toBe('2: 10')
  })

  it('makes an update run again on the newer value', async () => {
    const { attempts, value } = await race((ctx) => ctx.session.update('key', (n = 0) => n + 1))
    expect(attempts).toEqual([1])
    expect(await value()).toBe(11)
  })

  it('is no conflict for other keys', async () => {
    const { attempts, value } = await race((ctx) => ctx.session.set('other', 1))
    expect(attempts).toEqual([1])
    expect([await value(), await value('other')]).toEqual([10, 1])
  })
})
