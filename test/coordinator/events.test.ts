import { type BatutaEvent, defineTask, Orchestrator } from 'batuta'
import { VirtualClock } from 'batuta/testing'
import { describe, expect, it } from 'vitest'
import { keepingLogger, startApp } from '../support/app.js'

describe('the events of a task', () => {
  it('come in the order of its life', async () => {
    const { app, until, names } = await startApp()
    app.agent('any', {
      handler: (_, ctx) => {
        ctx.progress(0.5, 'half')
        if (ctx.attempt === 1) throw new Error('again')
        return 1
      },
    })
    await until(app.run({ type: 'x' }))
    const life = ['task:submitted', 'task:started', 'task:progress', 'task:retrying', 'task:started', 'task:progress']
    expect(names('task:')).toEqual([...life, 'task:completed'])
  })

  it('are submitted first, then started, whether a slot was free or not', async () => {
    const { app, until, names } = await startApp()
    const waiting = await until(app.submit({ type: 'x' }))
    app.agent('any', { handler: () => 1 })
    await until(waiting.result())
    await until(app.run({ type: 'x' }))
    const life = ['task:submitted', 'task:started', 'task:completed']
    expect(names('task:')).toEqual([...life, ...life])
  })

  it('carry plain data, the type and the time', async () => {
    const { app, until, clock, events } = await startApp()
    app.agent('any', { handler: () => ({ total: 1 }) })
    await until(app.run({ type: 'x', input: { a: 1 } }))
    expect(events.find(({ type }) => type === 'task:completed')).toMatchObject({
      type: 'task:completed',
      at: new Date(clock.now()),
      task: { status: 'completed', input: { a: 1 }, output: { total: 1 } },
    })
    expect(events.find(({ type }) => type === 'task:started')).toMatchObject({ attempt: 1, agentId: 'any' })
  })

  it('tell of a child when it exists', async () => {
    const child = defineTask('child')
    const { app, until, events } = await startApp()
    app.agent('any', { handlers: [child.handler(() => 1)] })
    app.agent('parent', { capabilities: ['p'], handler: (_, ctx) => ctx.submit(child) })
    const { output } = await until(app.run({ type: 'x', requires: ['p'] }))
    const submitted = events.filter((event) => event.type === 'task:submitted')
    expect(submitted.map((event) => event.type === 'task:submitted' && event.task.id)).toContain(output)
  })
})

describe('listening', () => {
  it('is to a name, a family, or all, in this order; each gets every event once', async () => {
    const { app, until } = await startApp()
    app.agent('any', { handler: () => 1 })
    const heard: string[] = []
    app.on('*', ({ type }) => heard.push(`all ${type}`))
    app.on('task:*', ({ type }) => heard.push(`family ${type}`))
    app.on('task:completed', ({ type }) => heard.push(`name ${type}`))
    app.on('agent:*', ({ type }) => heard.push(`agents ${type}`))
    await until(app.run({ type: 'x' }))
    expect(heard.filter((line) => line.endsWith('task:completed'))).toEqual([
      'name task:completed',
      'family task:completed',
      'all task:completed',
    ])
    expect(heard.some((line) => line.startsWith('agents'))).toBe(false)
  })

  it('ends with the function that on and once return, or with off', async () => {
    const { app, until } = await startApp()
    app.agent('any', { handler: () => 1 })
    const heard: string[] = []
    const onAll = () => heard.push('off')
    const once = () => heard.push('once, taken back')
    const stop = app.on('task:completed', () => heard.push('on'))
    app.on('task:completed', onAll)
    app.once('task:completed', () => heard.push('once'))
    const stopOnce = app.once('task:completed', () => heard.push('never'))
    app.once('task:completed', once)
    stopOnce()
    app.off('task:completed', once)
    await until(app.run({ type: 'x' }))
    expect(heard).toEqual(['on', 'off', 'once'])
    stop()
    app.off('task:completed', onAll)
    await until(app.run({ type: 'x' }))
    expect(heard).toEqual(['on', 'off', 'once'])
  })

  it('ends only its own subscription with the function that it was given, all of a listener with off', async () => {
    const { app, until } = await startApp()
    app.agent('any', { handler: () => 1 })
    let heard = 0
    const listener = () => void heard++
    const stop = app.on('task:completed', listener)
    app.on('task:completed', listener)
    stop()
    stop()
    await until(app.run({ type: 'x' }))
    expect(heard).toBe(1)
    app.on('task:completed', listener)
    app.off('task:completed', listener)
    await until(app.run({ type: 'x' }))
    expect(heard).toBe(1)
  })

  it('hears recovery too when it began before start', async () => {
    const clock = new VirtualClock()
    const app = new Orchestrator({ clock })
    const heard: string[] = []
    app.on('*', ({ type }) => heard.push(type))
    app.agent('early', { handler: () => 1 })
    await clock.runUntil(app.start())
    expect(heard).toContain('agent:registered')
    await clock.runUntil(app.shutdown())
  })
})

describe('a listener that fails', () => {
  it('harms nobody: what it throws or rejects is listener:error', async () => {
    const logger = keepingLogger()
    const { app, until, events } = await startApp({ logger })
    app.agent('any', { handler: () => 1 })
    const heard: BatutaEvent[] = []
    app.on('task:completed', () => {
      throw new Error('thrown')
    })
    app.on('task:completed', async () => {
      throw new Error('rejected')
    })
    app.on('task:completed', (event) => heard.push(event))
    app.on('listener:error', () => {
      throw new Error('here too')
    })
    expect((await until(app.run({ type: 'x' }))).output).toBe(1)
    expect(heard).toHaveLength(1)
    const errors = events.filter((event) => event.type === 'listener:error')
    expect(errors).toMatchObject([
      { event: 'task:completed', error: { message: 'thrown' } },
      { event: 'task:completed', error: { message: 'rejected' } },
    ])
    expect(logger.lines.filter(({ level }) => level === 'error').length).toBeGreaterThanOrEqual(3)
  })

  it('may be one whose logger throws as well', async () => {
    const logger = { debug: fail, info: fail, warn: fail, error: fail }
    const { app, until } = await startApp({ logger })
    app.agent('any', { handler: (_, ctx) => ctx.log.info({ a: 1 }, 'hello') ?? 1 })
    app.on('*', fail)
    expect((await until(app.run({ type: 'x' }))).output).toBe(1)
  })
})

function fail(): never {
  throw new Error('always')
}
