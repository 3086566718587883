import { defineAgent, defineTask } from 'batuta'
import { describe, expect, it } from 'vitest'
import { failureOf, gate, startApp } from '../support/app.js'

const quote = defineTask('quote', { requires: ['price'] })

const run = () => 1

describe('app.agent', () => {
  it.each([
    ['', { handler: run }, 'DEFINITION_INVALID'],
    ['a', {}, 'DEFINITION_INVALID'],
    ['a', { accepts: ['x'], handler: run }, 'DEFINITION_INVALID'],
    ['a', { handlers: [() => 1] }, 'DEFINITION_INVALID'],
    ['a', { handlers: [quote.handler(() => 1), quote.handler(() => 2)] }, 'DUPLICATE_ID'],
    ['a', { handler: run, maxConcurrentTasks: 0 }, 'OPTIONS_INVALID'],
    ['a', { handler: run, maxConcurrentTasks: Number.NaN }, 'OPTIONS_INVALID'],
    ['a', { handler: run, capabilities: 'price' }, 'OPTIONS_INVALID'],
    ['a', { handler: run, leaseMs: 1_000 }, 'OPTIONS_INVALID'],
    ['taken', { handler: run }, 'DUPLICATE_ID'],
  ])('%j %j throws %s at once', async (id, options, code) => {
    const { app } = await startApp()
    app.agent('taken', { handler: () => 1 })
    expect(() => app.agent(id, options as never)).toThrow(expect.objectContaining({ code }))
    expect(app.agents()).toHaveLength(1)
  })

  it('says what an unknown option was meant to be', async () => {
    const { app } = await startApp()
    expect(() => app.agent('a', { handler: () => 1, capabilites: [] } as never)).toThrow('Did you mean "capabilities"?')
  })

  it('takes what defineAgent takes, and what runs is a snapshot', async () => {
    const agent = defineAgent('quotes', {
      name: 'Quote Agent',
      capabilities: ['price'],
      handlers: [quote.handler(() => 1)],
    })
    const { app, events } = await startApp({ agents: [agent] })
    app.agent('poller', { accepts: ['x', quote], maxConcurrentTasks: 5, metadata: { region: 'uy' } })
    expect(app.agents()).toMatchObject([
      { id: 'quotes', name: 'Quote Agent', capabilities: ['price'], types: ['quote'], status: 'idle', polling: false },
      { id: 'poller', types: ['x', 'quote'], maxConcurrentTasks: 5, polling: true, metadata: { region: 'uy' } },
    ])
    expect(events.filter(({ type }) => type === 'agent:registered')).toHaveLength(1)
  })
})

describe('pause, resume, drain, removeAgent', () => {
  it('pause gives it no new tasks; running ones go on', async () => {
    const { app, until, clock, events } = await startApp()
    const done = gate()
    app.agent('any', { maxConcurrentTasks: 2, handler: () => done.opened })
    const running = await until(app.submit({ type: 'x' }))
    app.pause('any')
    const waiting = await until(app.submit({ type: 'x' }))
    done.open()
    await until(running.result())
    await clock.advance(5_000)
    expect((await until(waiting.snapshot())).status).toBe('pending')
    expect(app.agents()[0]?.status).toBe('paused')
    app.resume('any')
    await until(waiting.result())
    expect(events.filter(({ type }) => type === 'agent:status').length).toBeGreaterThanOrEqual(2)
  })

  it('drain waits for those it has', async () => {
    const { app, until, clock, names } = await startApp()
    app.agent('any', { handler: () => new Promise<void>((resolve) => clock.setTimer(resolve, 1_000)) })
    await until(app.submit({ type: 'x' }))
    const from = clock.now()
    await until(app.drain('any'))
    expect(clock.now() - from).toBeGreaterThanOrEqual(1_000)
    expect(app.agents()[0]).toMatchObject({ status: 'draining', inFlight: 0 })
    expect(names('agent:').slice(-2)).toEqual(['agent:draining', 'agent:drained'])
  })

  it('removeAgent gives what is unfinished after graceMs to others', async () => {
    const { app, until, names } = await startApp()
    app.agent('slow', {
      handler: (_, ctx) =>
        new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))),
    })
    const task = await until(app.submit({ type: 'x' }))
    await until(app.removeAgent('slow', { graceMs: 500 }))
    expect(app.agents()).toEqual([])
    expect(names('agent:')).toContain('agent:unregistered')
    app.agent('slow', { handler: (_, ctx) => ctx.attempt })
    expect(await until(task.result())).toBe(2)
    expect((await until(task.snapshot())).attempts[0]?.outcome).toBe('released')
  })

  it('are AGENT_NOT_FOUND for an id that is not here, with the one that was meant', async () => {
    const { app } = await startApp()
    app.agent('quotes', { handler: () => 1 })
    const error = { code: 'AGENT_NOT_FOUND', data: { agentId: 'qoutes', didYouMean: 'quotes' } }
    expect(() => app.pause('qoutes')).toThrow(expect.objectContaining(error))
    expect(() => app.resume('qoutes')).toThrow(expect.objectContaining(error))
    expect(await failureOf(app.drain('qoutes'))).toMatchObject(error)
    expect(await failureOf(app.removeAgent('qoutes'))).toMatchObject(error)
  })
})

describe('status, health and lint', () => {
  it('show everything at a glance', async () => {
    const { app, until, clock } = await startApp({ name: 'quotes app', router: 'balanced' })
    const done = gate()
    app.agent('any', { capabilities: ['price'], handler: () => done.opened })
    await until(app.submit(quote, undefined))
    await until(app.submit(quote, undefined))
    await until(app.submit({ type: 'later', delayMs: 60_000 }))
    await clock.advance(1_000)
    const status = await until(app.status())
    expect(status).toMatchObject({
      ok: true,
      state: 'running',
      name: 'quotes app',
      uptimeMs: 1_000,
      running: 1,
      stuck: 0,
      strategy: 'balanced',
      storage: { name: 'memory', available: true, durable: false },
      tasks: { pending: 2, running: 1, completed: 0, failed: 0, cancelled: 0 },
      agents: [{ id: 'any', status: 'busy' }],
      owners: [{ ownerId: status.ownerId, self: true }],
    })
    expect(status.lanes).toContainEqual({
      type: 'quote',
      requires: ['price'],
      ready: 1,
      agents: 1,
      healthy: 1,
      ejected: 0,
      inPanic: false,
    })
    expect(app.health()).toMatchObject({ ok: true, ownerId: status.ownerId })
    done.open()
  })

  it('lint finds what nobody can do', async () => {
    const { app } = await startApp({ tasks: [quote] })
    app.agent('any', { capabilities: ['prices'], handler: () => 1 })
    expect(app.lint()).toMatchObject([{ code: 'capability_unknown', task: 'quote' }])
  })
})
