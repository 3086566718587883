import { createOrchestrator, defineTask, inProcessEngine, memoryStorage, type Orchestrator, Router } from 'batuta'
import { describe, expect, it } from 'vitest'
import { failureOf, keepingLogger, startApp } from '../support/app.js'
import { thrownBy } from '../task/thrown-by.js'

const cycle: Record<string, unknown> = {}
cycle.self = cycle

describe('a payload that JSON would change', () => {
  it.each([
    ['undefined', { a: [1, undefined] }, 'a[1]'],
    ['a Date', { at: new Date() }, 'at'],
    ['a Map', { map: new Map() }, 'map'],
    ['a bigint', { n: 1n }, 'n'],
    ['NaN', { deep: { n: Number.NaN } }, 'deep.n'],
    ['a cycle', cycle, 'self'],
    ['__proto__', JSON.parse('{"a": {"__proto__": {}}}'), 'a.__proto__'],
    ['a function', { fn: () => 1 }, 'fn'],
  ])('%s: PAYLOAD_NOT_JSON with its path, and nothing is written', async (_, input, path) => {
    const { app, until, failure } = await startApp()
    const error = await failure(app.submit({ type: 'x', input }))
    expect(error.code).toBe('PAYLOAD_NOT_JSON')
    expect((error.data as { path: string }).path).toBe(path)
    expect((await until(app.listTasks())).tasks).toEqual([])
  })
})

describe('options of submit', () => {
  it.each([
    [{ priority: 'urgent' }, 'priority'],
    [{ delayMs: -1 }, 'delayMs'],
    [{ delayMs: Number.NaN }, 'delayMs'],
    [{ runAt: new Date('never') }, 'runAt'],
    [{ idempotencyKey: '' }, 'idempotencyKey'],
    [{ timeoutMs: 0 }, 'timeoutMs'],
    [{ fallbackAgents: 'one' }, 'fallbackAgents'],
    [{ requires: [''] }, 'requires.0'],
    [{ tenant: 5 }, 'tenant'],
    [{ whenBusy: 'wait', orderingKey: 'k' }, 'whenBusy'],
    [{ priorty: 'high' }, 'priorty'],
  ])('%j: OPTIONS_INVALID, which says where', async (options, path) => {
    const { failure, app } = await startApp()
    const error = await failure(app.submit({ type: 'x', ...options } as never))
    expect(error.code).toBe('OPTIONS_INVALID')
    const { issues } = error.data as { issues: { path: string[] }[] }
    expect(issues.map((issue) => issue.path.join('.'))).toContain(path)
  })

  it('say what an unknown one was meant to be', async () => {
    const { failure, app } = await startApp()
    expect((await failure(app.submit({ type: 'x', priorty: 'high' } as never))).message).toContain('"priority"')
    expect((await failure(app.submit(defineTask('x'), undefined, { delayMS: 5 } as never))).message).toContain(
      '"delayMs"',
    )
  })

  it.each([
    [[{ idempotencyKey: 'k' }]],
    [[{ areaM2: 50 }, { priority: 'high' }]],
    [[undefined, { waitMs: 5 }]],
    [[null]],
  ])('beside an untyped task, %j: OPTIONS_INVALID, and nothing is written', async (rest) => {
    const { app, until, failure } = await startApp()
    for (const call of [app.submit, app.run]) {
      const error = await failure(call({ type: 'x', input: 1 }, ...(rest as [])))
      expect(error).toMatchObject({ code: 'OPTIONS_INVALID', data: { issues: [{ path: [] }] } })
      expect(error.message).toContain(
        'an untyped task takes one argument: put `idempotencyKey` beside `type` and `input`. [',
      )
    }
    expect((await until(app.listTasks())).tasks).toEqual([])
    await until(app.submit({ type: 'x' }, ...([undefined, undefined] as never[] as [])))
  })

  it.each([[undefined], [null], [5], ['x'], [[]]])('a task that is %j is refused with a code', async (task) => {
    const { failure, app } = await startApp()
    expect((await failure(app.submit(task as never))).code).toMatch(/OPTIONS_INVALID|DEFINITION_INVALID/)
    expect((await failure(app.run(task as never))).code).toMatch(/OPTIONS_INVALID|DEFINITION_INVALID/)
  })
})

describe('a type or capability that nobody has', () => {
  it('is a warning with what was probably meant', async () => {
    const logger = keepingLogger()
    const { app, until } = await startApp({ logger })
    app.agent('quotes', { capabilities: ['price'], handlers: [defineTask('quote').handler(() => 1)] })
    await until(app.submit({ type: 'qoute' }))
    await until(app.submit({ type: 'quote', requires: ['prise'] }))
    const warnings = logger.lines.filter(({ level }) => level === 'warn')
    expect(warnings.map(({ fields }) => fields.code)).toEqual(['TASK_TYPE_UNKNOWN', 'CAPABILITY_UNKNOWN'])
    expect(warnings[1]?.message).toContain('Did you mean "price"?')
  })

  it('is an error when strict', async () => {
    const { app, until, failure } = await startApp({ strict: true })
    app.agent('quotes', { capabilities: ['price'], handlers: [defineTask('quote').handler(() => 1)] })
    expect(await failure(app.submit({ type: 'qoute' }))).toMatchObject({
      code: 'TASK_TYPE_UNKNOWN',
      data: { taskType: 'qoute', didYouMean: 'quote' },
    })
    expect(await failure(app.submit({ type: 'quote', requires: ['prise'] }))).toMatchObject({
      code: 'CAPABILITY_UNKNOWN',
      data: { capability: 'prise', didYouMean: 'price' },
    })
    expect((await until(app.listTasks())).tasks).toEqual([])
    expect((await until(app.run({ type: 'quote', requires: ['price'] }))).output).toBe(1)
  })
})

describe('two definitions of one type', () => {
  it('are DUPLICATE_ID, wherever they meet', async () => {
    const { app, failure } = await startApp()
    app.agent('a', { handlers: [defineTask('quote').handler(() => 1)] })
    expect((await failure(app.submit(defineTask('quote'), undefined))).code).toBe('DUPLICATE_ID')
    expect(() => app.agent('b', { handlers: [defineTask('quote').handler(() => 1)] })).toThrow(/DUPLICATE_ID/)
  })
})

describe('createOrchestrator', () => {
  it.each([
    [{ router: 'balanse' }, 'STRATEGY_UNKNOWN'],
    [{ storge: 1 }, 'OPTIONS_INVALID'],
    [{ leaseMs: -1 }, 'OPTIONS_INVALID'],
    [{ heartbeatMs: 2_000, leaseMs: 3_000 }, 'OPTIONS_INVALID'],
    [{ messages: null }, 'OPTIONS_INVALID'],
    [{ retention: 5 }, 'OPTIONS_INVALID'],
    [{ agents: [5] }, 'OPTIONS_INVALID'],
    [{ agents: 'all' }, 'OPTIONS_INVALID'],
    [{ clock: {} }, 'OPTIONS_INVALID'],
    [null, 'OPTIONS_INVALID'],
    [5, 'OPTIONS_INVALID'],
  ])('%j: %s', async (options, code) => {
    expect((await failureOf(createOrchestrator(options as never))).code).toBe(code)
  })
})

describe('what other calls are given', () => {
  const calls: [string, (app: Orchestrator) => unknown, string][] = [
    ['shutdown', (app) => app.shutdown({ graceMs: Number.NaN }), 'graceMs'],
    ['shutdown, an unknown option', (app) => app.shutdown({ grace: 5 } as never), 'grace'],
    ['removeAgent', (app) => app.removeAgent('agent', { graceMs: -1 }), 'graceMs'],
    ['eject, an unknown option', (app) => app.eject('agent', { for: 5 } as never), 'for'],
    ['eject', (app) => app.eject('agent', { forMs: -5 }), 'forMs'],
    ['submitMany', (app) => app.submitMany(defineTask('x'), 'abc' as never), 'inputs'],
    ['redrive, an unknown option', (app) => app.redrive({}, { dry: true } as never), 'dry'],
    ['redrive', (app) => app.redrive({}, { dryRun: 'yes' } as never), 'dryRun'],
    ['cancel', (app) => app.coordinator.cancel('id', { at: 1n } as never), 'reason'],
    ['on, a name that does not exist', (app) => app.on('task:compleet' as never, () => 1), 'name'],
    ['once, a name that does not exist', (app) => app.once('owner:*' as never, () => 1), 'name'],
    ['on', (app) => app.on('task:*', 'no function' as never), 'listener'],
  ]
  it.each(calls)('%s: OPTIONS_INVALID, which says where', async (_, call, path) => {
    const { app, failure } = await startApp()
    app.agent('agent', { handler: () => 1 })
    const error = await failure((async () => call(app))())
    expect(error.code).toBe('OPTIONS_INVALID')
    expect(error.data).toMatchObject({ issues: [{ path: [path] }] })
    expect(app.agents()).toHaveLength(1)
    expect(app.health().ok).toBe(true)
  })

  it('the message names the call that was made, and what was probably meant', async () => {
    const { app, failure } = await startApp()
    app.agent('agent', { handler: () => 1 })
    const grace = { grace: 5 } as never
    const says = (call: string) =>
      `The options of ${call} are not valid: grace: is not an option. Did you mean "graceMs"?`
    expect((await failure(app.shutdown(grace))).message).toContain(says('shutdown'))
    expect((await failure(app.removeAgent('agent', grace))).message).toContain(says('removeAgent'))
    expect((await failure(app.coordinator.stop(grace))).message).toContain(says('stop'))
  })

  it('a reason that is too long for a task is refused, and the task goes on', async () => {
    const { app, until, failure } = await startApp({ maxPayloadBytes: 1_000 })
    const task = await until(app.submit({ type: 'x' }))
    expect((await failure(task.cancel('r'.repeat(2_000)))).code).toBe('PAYLOAD_TOO_LARGE')
    expect((await until(task.snapshot())).status).toBe('pending')
  })

  it('a claim that is failed with an unknown option still stands', async () => {
    const { app, until, failure } = await startApp()
    app.agent('poller', { accepts: ['x'] })
    await until(app.submit({ type: 'x' }))
    const claims = await until(app.claimTasks('poller', { waitMs: 1_000 }))
    expect(claims).toHaveLength(1)
    for (const claim of claims) {
      expect((await failure(claim.fail('no', { retriable: false } as never))).code).toBe('OPTIONS_INVALID')
      await until(claim.complete('done'))
    }
    expect((await until(app.listTasks())).tasks).toMatchObject([{ status: 'completed' }])
  })

  it.each([
    [() => inProcessEngine({ windowSize: 0 }), 'windowSize'],
    [() => inProcessEngine({ window: 5 } as never), 'window'],
    [() => memoryStorage({ path: 'x' } as never), 'path'],
    [() => memoryStorage({ now: 5 } as never), 'now'],
    [() => new Router({ strategi: 'balanced' } as never), 'strategi'],
    [() => new Router(5 as never), ''],
  ])('%s: OPTIONS_INVALID', (make, path) => {
    expect(thrownBy(make)).toMatchObject({ code: 'OPTIONS_INVALID', paths: [path] })
  })
})

describe('what errors say', () => {
  it('one sentence after another, without a second full stop', async () => {
    const { app, failure } = await startApp()
    const { message } = await failure(app.submit({ type: 'x', priorty: 'high' } as never))
    expect(message).toContain('priorty: is not an option. Did you mean "priority"? [OPTIONS_INVALID]')
    expect(() => app.agent('', { handler: () => 1 })).toThrow('An agent id must not be empty.')
    expect(() => app.agent(' ', { handler: () => 1 })).toThrow('An agent id must not be empty.')
    const tooLong = await failure(app.submit({ type: 'x', timeoutMs: 1e18 }))
    expect(tooLong.message).toContain('from 1 to 9007199254740991, not 1000000000000000000')
    expect((await failure(app.run({ type: 'x', waitMs: -1 }))).message).toContain('must be a number from 0, not -1')
  })

  it('of a task: what its last attempt said, with one code and one link', async () => {
    const { app, failure } = await startApp({ retry: false })
    app.agent('dates', { handler: () => ({ at: new Date(0) }) })
    const { message, data } = await failure(app.run({ type: 'x' }))
    const { taskId } = data as { taskId: string }
    expect(message.split(' [TASK_FAILED] ')[0]).toBe(
      `Task ${taskId} (x) failed after 1 attempt: PAYLOAD_NOT_JSON: The result has, at at, a Date, which JSON would change or drop. Convert it to plain JSON before you pass it.`,
    )
  })
})
