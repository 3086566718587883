import { createOrchestrator, defineTask, memoryStorage, Orchestrator } from 'batuta'
import { VirtualClock } from 'batuta/testing'
import { describe, expect, it } from 'vitest'
import { failureOf, startApp } from '../support/app.js'

describe('shutdown', () => {
  it('lets running handlers finish, and starts none', async () => {
    const { app, until, clock } = await startApp()
    const started: string[] = []
    app.agent('any', {
      handler: async (name: string) => {
        started.push(name)
        await new Promise<void>((resolve) => clock.setTimer(resolve, 2_000))
        return name
      },
    })
    const a = await until(app.submit({ type: 'x', input: 'a' }))
    await until(app.submit({ type: 'x', input: 'b' }))
    const result = a.result()
    const from = clock.now()
    expect(await until(app.shutdown())).toEqual({ stuck: [] })
    expect(await result).toBe('a')
    expect(clock.now() - from).toBeLessThan(2_100)
    expect(started).toEqual(['a'])
    expect(app.health()).toMatchObject({ ok: false, state: 'stopped', running: 0 })
    expect(clock.pendingTimers).toBe(0)
  })

  it('aborts them after graceMs and gives their tasks back: another goes on with them', async () => {
    const clock = new VirtualClock()
    const storage = memoryStorage({ now: () => clock.now() })
    const job = defineTask('job')
    const first = await startApp({ clock, storage })
    let reason: unknown
    first.app.agent('jobs', {
      handlers: [
        job.handler(
          (_, ctx) =>
            new Promise((_resolve, reject) => {
              ctx.signal.addEventListener('abort', () => {
                reason = ctx.signal.reason
                reject(reason)
              })
            }),
        ),
      ],
    })
    const { id } = await first.until(first.app.submit(job, undefined))
    const waiting = failureOf((await first.until(first.app.getTask(id)))?.result() ?? Promise.resolve())
    const from = clock.now()
    expect(await first.until(first.app.shutdown({ graceMs: 1_000 }))).toEqual({ stuck: [] })
    expect(clock.now() - from).toBeLessThan(1_100)
    expect(reason).toMatchObject({ name: 'AbortError' })
    expect(await waiting).toMatchObject({ code: 'NOT_RUNNING' })

    const second = await startApp({ clock, storage })
    second.app.agent('jobs', { handlers: [job.handler((_, ctx) => ctx.attempt)] })
    const handle = await second.until(second.app.getTask(id, job))
    expect(await second.until(handle?.result() ?? Promise.reject())).toBe(2)
    const task = await second.until(handle?.snapshot() ?? Promise.reject())
    expect(task.attempts.map(({ outcome }) => outcome)).toEqual(['released', 'completed'])
  })

  it('reports the handlers that do not return', async () => {
    const { app, until } = await startApp({ abandonAfterMs: 500 })
    app.agent('deaf', { handler: () => new Promise(() => undefined) })
    const { id } = await until(app.submit({ type: 'x' }))
    expect(await until(app.shutdown({ graceMs: 100 }))).toEqual({
      stuck: [{ taskId: id, agentId: 'deaf', attempt: 1 }],
    })
  })

  it('may be called twice, and leaves nothing to do but to look', async () => {
    const { app, until } = await startApp()
    const both = [app.shutdown(), app.shutdown()]
    const [one, two] = await until(Promise.all(both))
    expect(one).toBe(two)
    const calls: (() => Promise<unknown>)[] = [
      () => app.submit({ type: 'x' }),
      () => app.run({ type: 'x' }),
      () => app.submitMany(defineTask('x'), []),
      () => app.getTask('x'),
      () => app.listTasks(),
      () => app.redrive({}),
      () => app.coordinator.cancel('x'),
      () => app.start(),
    ]
    for (const call of calls) {
      const { code, message } = await failureOf(Promise.resolve().then(call))
      expect([code, message]).toEqual([
        'NOT_RUNNING',
        expect.stringMatching(/^It was shut down and takes no more calls\. Make a new one\. \[/),
      ])
    }
  })

  it('is what await using does', async () => {
    let ended: Orchestrator | undefined
    {
      await using app = await createOrchestrator()
      app.agent('any', { handler: () => 1 })
      expect((await app.run({ type: 'x' })).output).toBe(1)
      ended = app
    }
    expect(ended.health().state).toBe('stopped')
  })
})

describe('an orchestrator that was not started', () => {
  it('takes agents and listeners, but no work', async () => {
    const clock = new VirtualClock()
    const app = new Orchestrator({ clock })
    app.agent('any', { handler: () => 1 })
    expect(await failureOf(app.submit({ type: 'x' }))).toMatchObject({
      code: 'NOT_RUNNING',
      data: { state: 'new' },
      message: expect.stringMatching(/^It has not been started\. Call `start\(\)`, or use createOrchestrator\. \[/),
    })
    const starting = app.start()
    expect(await failureOf(app.submit({ type: 'x' }))).toMatchObject({
      data: { state: 'starting' },
      message: expect.stringMatching(/^It was started before\. Await `start\(\)`, and call it once\. \[/),
    })
    await clock.runUntil(starting)
    expect((await clock.runUntil(app.run({ type: 'x' })))?.output).toBe(1)
    expect(await failureOf(app.start())).toMatchObject({
      code: 'NOT_RUNNING',
      message: expect.stringMatching(/^It was started before\. Await `start\(\)`, and call it once\. \[/),
    })
    await clock.runUntil(app.shutdown())
  })

  it('can be shut down', async () => {
    expect(await new Orchestrator().shutdown()).toEqual({ stuck: [] })
  })
})
