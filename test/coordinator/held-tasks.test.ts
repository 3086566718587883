import { defineTask, type Engine, inProcessEngine, type RoutingStrategy } from 'batuta'
import { describe, expect, it } from 'vitest'
import { startApp } from '../support/app.js'

/** Wants nobody until a task has waited so long. */
function patient(waitMs: number, askAgain: (leftMs: number) => number | undefined): RoutingStrategy {
  const since = new Map<string, number>()
  const leftMs = (id: string, now: number) => (since.get(id) ?? now) + waitMs - now
  return {
    name: 'patient',
    select({ task, candidates, now }) {
      if (!since.has(task.id)) since.set(task.id, now)
      return leftMs(task.id, now) > 0 ? undefined : candidates[0]
    },
    askAgainMs: ({ task, now }) => askAgain(leftMs(task.id, now)),
  }
}

describe('a task that its strategy holds back', () => {
  it('is tried again when the strategy says', async () => {
    const { app, until, clock } = await startApp({ router: patient(120, (leftMs) => leftMs) })
    app.agent('any', { handler: async () => 'done' })
    const from = clock.now()
    const task = await until(app.submit({ type: 'x' }))
    await clock.advance(50)
    const second = await until(app.submit({ type: 'x' }))
    expect(await until(task.result())).toBe('done')
    expect(clock.now() - from).toBe(120)
    await until(second.result())
    expect(clock.now() - from).toBe(170)
  })

  it.each([undefined, Number.NaN, Number.POSITIVE_INFINITY, -5, 'soon' as never])(
    'is never stuck, whatever the strategy answers: %o',
    async (answer) => {
      const { app, until, clock } = await startApp({ router: patient(120, () => answer) })
      app.agent('any', { handler: async () => 'done' })
      const from = clock.now()
      const task = await until(app.submit({ type: 'x' }))
      expect(await until(task.result(), 5_000)).toBe('done')
      expect(clock.now() - from).toBeLessThanOrEqual(1_200)
    },
  )

  it('leaves no timer behind', async () => {
    const { app, until, clock } = await startApp({ router: patient(120, (leftMs) => leftMs) })
    app.agent('any', { handler: async () => 'done' })
    await until(app.submit({ type: 'x' }))
    await until(app.shutdown({ graceMs: 0 }))
    expect(clock.pendingTimers).toBe(0)
  })
})

/** An engine that counts what it is offered. */
function countingEngine() {
  const inner = inProcessEngine()
  const offered = { count: 0 }
  const engine: Engine = {
    name: 'counting',
    start: (host) => inner.start(host),
    offer: (refs) => {
      offered.count += refs.length
      inner.offer(refs)
    },
    want: (lanes, n) => inner.want(lanes, n),
    finish: (refs) => inner.finish(refs),
    stop: (options) => inner.stop(options),
  }
  return { engine, offered }
}

describe('a backlog of held tasks', () => {
  it('costs the same per task however long it is, when a type has a limit', async () => {
    const { engine, offered } = countingEngine()
    const { app, until } = await startApp({ engine })
    const limited = defineTask('limited', { maxConcurrentTasks: 2 })
    let [running, most] = [0, 0]
    const handler = limited.handler(async () => {
      most = Math.max(most, ++running)
      await Promise.resolve()
      running--
    })
    app.agent('worker', { maxConcurrentTasks: 20, handlers: [handler] })
    const tasks = await until(app.submitMany(limited, Array(400).fill(undefined)))
    await until(Promise.all(tasks.map((task) => task.result())))
    expect(most).toBe(2)
    expect(offered.count).toBeLessThan(400 * 5)
  })

  it('costs the same per task however long it is, when tasks wait for an agent that they have not failed on', async () => {
    const { engine, offered } = countingEngine()
    const retry = { maxRetries: 1, minDelayMs: 1, maxDelayMs: 1 }
    const { app, until, clock } = await startApp({ engine, retry, retryBudget: { floorPerSecond: 1_000 } })
    const job = defineTask('job')
    const fails = job.handler(async () => {
      throw new Error('no')
    })
    const works = job.handler(async () => new Promise<void>((resolve) => clock.setTimer(resolve, 1)))
    app.agent('broken', { maxConcurrentTasks: 10, handlers: [fails] })
    app.agent('slow', { handlers: [works] })
    const tasks = await until(app.submitMany(job, Array(400).fill(undefined)))
    await until(Promise.all(tasks.map((task) => task.result())), 60_000)
    expect(offered.count).toBeLessThan(400 * 10)
  })
})
