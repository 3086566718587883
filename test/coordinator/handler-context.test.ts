import { defineTask } from 'batuta'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { keepingLogger, startApp } from '../support/app.js'

describe('the context of a handler', () => {
  it('says which attempt, until when, of which task, on which agent', async () => {
    const { app, until, clock } = await startApp()
    const seen: unknown[] = []
    app.agent('quotes', {
      name: 'Quote Agent',
      handler: (_, ctx) => {
        seen.push([ctx.attempt, ctx.deadline.getTime() - clock.now(), ctx.agent, ctx.task.attempts.length])
        expect(ctx.signal).toBeInstanceOf(AbortSignal)
        expect(ctx.task).toMatchObject({ type: 'x', status: 'running', metadata: { m: 1 } })
        if (ctx.attempt === 1) throw new Error('again')
      },
    })
    await until(app.run({ type: 'x', timeoutMs: 2_000, metadata: { m: 1 } }))
    const agent = { id: 'quotes', name: 'Quote Agent' }
    expect(seen).toEqual([
      [1, 2_000, agent, 1],
      [2, 2_000, agent, 2],
    ])
  })

  it('log adds whose line it is', async () => {
    const logger = keepingLogger()
    const { app, until } = await startApp({ logger })
    app.agent('quotes', { handler: (_, ctx) => ctx.log.info({ areaM2: 5 }, 'quoted') })
    const { task } = await until(app.run({ type: 'x' }))
    const fields = { taskId: task.id, agentId: 'quotes', attempt: 1, areaM2: 5 }
    expect(logger.lines).toContainEqual({ level: 'info', fields, message: 'quoted' })
  })

  it('progress and write are synchronous and never throw, whatever they are given, and may be taken apart', async () => {
    const logger = keepingLogger()
    const task = defineTask('t', { stream: z.object({ n: z.number() }) })
    const { app, until, events } = await startApp({ logger })
    let later: () => unknown = () => 0
    app.agent('any', {
      handlers: [
        task.handler((_, { progress, write }) => {
          expect(progress(0.25, 'a quarter')).toBeUndefined()
          progress()
          progress(Number.NaN)
          expect(write({ n: 'no number' } as never)).toBeUndefined()
          write({ n: new Date() } as never)
          write(undefined as never)
          later = () => [progress(1), write({ n: 1 })]
        }),
      ],
    })
    app.on('task:progress', () => {
      throw new Error('a listener')
    })
    await until(app.run(task, undefined))
    later()
    const progress = events.filter((event) => event.type === 'task:progress')
    expect(progress[0]).toMatchObject({ attempt: 1, fraction: 0.25, note: 'a quarter' })
    expect(progress.filter((event) => 'fraction' in event && event.fraction === 1)).toEqual([])
    expect(logger.lines.filter(({ message }) => message?.includes('part of a stream'))).toHaveLength(3)
  })

  it('session is NO_SESSION on a task without one', async () => {
    const { app, failure } = await startApp({ retry: false })
    app.agent('any', { handler: (_, ctx) => ctx.session.id })
    expect(await failure(app.run({ type: 'x' }))).toMatchObject({ attempts: [{ error: { code: 'NO_SESSION' } }] })
  })
})

describe('ctx.submit', () => {
  // Not a catch-all: that would take the children too.
  const parent = defineTask('parent')
  const child = defineTask('child', { input: z.object({ n: z.number() }), defaults: { tenant: 'ignored' } })

  it('makes the task in the commit of the result, once, linked, in the same tenant and session', async () => {
    const { app, until } = await startApp()
    const staged: string[] = []
    const runs: number[] = []
    app.agent('children', { maxConcurrentTasks: 9, handlers: [child.handler(({ n }) => void runs.push(n))] })
    app.agent('parent', {
      handlers: [
        parent.handler(async (_, ctx) => {
          staged.push(ctx.submit(child, { n: ctx.attempt }, { priority: 'high', metadata: { m: 1 } }))
          expect(await app.getTask(staged.at(-1) ?? '')).toBeUndefined()
          if (ctx.attempt < 3) throw new Error('again')
        }),
      ],
    })
    const { task } = await until(app.run(parent, undefined, { tenant: 't', sessionId: 's' }))
    const made = await until(Promise.all(staged.map((id) => app.getTask(id, child))))
    expect(made.map((handle) => handle?.id)).toEqual([undefined, undefined, staged[2]])
    await until(made[2]?.result() ?? Promise.reject())
    expect(await until(made[2]?.snapshot() ?? Promise.reject())).toMatchObject({
      parentId: task.id,
      tenant: 't',
      sessionId: 's',
      priority: 'high',
      metadata: { m: 1 },
      input: { n: 3 },
    })
    expect(runs).toEqual([3])
  })

  it('keeps several of one session in order, after the parent', async () => {
    const { app, until } = await startApp()
    const runs: number[] = []
    app.agent('children', { maxConcurrentTasks: 9, handlers: [child.handler(({ n }) => void runs.push(n))] })
    app.agent('parent', {
      handlers: [
        parent.handler((_, ctx) =>
          [1, 2, 3].map((n) => ctx.submit(child, { n }, n === 2 ? { priority: 'critical' } : {})),
        ),
      ],
    })
    const { output } = await until(app.run(parent, undefined, { sessionId: 's' }))
    for (const id of output as string[]) await until((await until(app.getTask(id)))?.result() ?? Promise.reject())
    expect(runs).toEqual([1, 2, 3])
  })

  it('orders a task by its own orderingKey alone, also when that is a default', async () => {
    const keyed = defineTask('keyed', { defaults: { orderingKey: 'by default', idempotencyKey: 'not for staged' } })
    const { app, until } = await startApp()
    app.agent('parent', {
      handlers: [
        parent.handler((_, ctx) => [
          ctx.submit(keyed),
          ctx.submit(child, { n: 1 }, { orderingKey: 'own', delayMs: 50 }),
        ]),
      ],
    })
    const { output } = await until(app.run(parent, undefined, { sessionId: 's' }))
    const snapshots = []
    for (const id of output as string[])
      snapshots.push(await until((await until(app.getTask(id)))?.snapshot() ?? Promise.reject()))
    expect(snapshots.map(({ orderingKey }) => orderingKey)).toEqual(['by default', 'own'])
    expect(snapshots[0]).not.toHaveProperty('idempotencyKey')
    expect(snapshots[1]).toMatchObject({ sessionId: 's', status: 'pending' })
  })

  it('checks input and options when it is called', async () => {
    const { app, until } = await startApp()
    const codes: unknown[] = []
    app.agent('parent', {
      handlers: [
        parent.handler((_, ctx) => {
          const attempt = (input: unknown, options: object) => {
            try {
              ctx.submit(child, input as never, options)
            } catch (error) {
              codes.push((error as { code: string }).code)
            }
          }
          attempt({ n: 'no number' }, {})
          attempt({ n: 1 }, { idempotencyKey: 'k' })
          attempt({ n: 1 }, { whenBusy: 'reject', orderingKey: 'k' })
          attempt({ n: 1 }, { sessionId: 's' })
          attempt({ n: 1 }, { tenant: 't' })
          attempt({ n: 1 }, { delayMs: -1 })
          attempt({ n: 1 }, { strategy: 'none' })
        }),
      ],
    })
    await until(app.run(parent, undefined, {}))
    expect(codes).toEqual(['INPUT_INVALID', ...Array(5).fill('OPTIONS_INVALID'), 'STRATEGY_UNKNOWN'])
    expect((await until(app.listTasks({ type: 'child' }))).tasks).toEqual([])
  })
})

describe('app.run inside a handler', () => {
  it('works when there is room, and warns, since it can starve itself', async () => {
    const logger = keepingLogger()
    const { app, until } = await startApp({ logger })
    app.agent('inner', { capabilities: ['inner'], handler: () => 'inner' })
    app.agent('outer', {
      capabilities: ['outer'],
      handler: async () => {
        await Promise.resolve()
        return (await app.run({ requires: ['inner'] })).output
      },
    })
    const warnings = () => logger.lines.filter(({ message }) => message?.includes('inside a handler'))
    await until(app.run({ requires: ['inner'] }))
    expect(warnings()).toEqual([])
    expect((await until(app.run({ requires: ['outer'] }))).output).toBe('inner')
    expect(warnings()).toMatchObject([{ level: 'warn', fields: { agentId: 'outer' } }])
    // Once an agent is known for it, more lines would say nothing new.
    await until(app.run({ requires: ['outer'] }))
    expect(warnings()).toHaveLength(1)
  })
})
