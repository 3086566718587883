import { createOrchestrator, defineTask } from 'batuta'
import { describe, expect, it } from 'vitest'
import { failureOf, keepingLogger, startApp } from '../support/app.js'

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
