import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defineTask } from '../../src/task/define-task.js'
import { resolveAdHocTask, resolveSubmitOptions } from '../../src/task/resolve-submit.js'
import type { SubmitOptions, WaitOptions } from '../../src/task/submit-options.js'
import { thrownBy } from './thrown-by.js'

const NOW = 1_000_000
const settings = { now: NOW }
const bare = defineTask('bare')
const resolve = (options?: object, definition = bare) => resolveSubmitOptions(definition, options, settings)

describe('resolveSubmitOptions', () => {
  it('without options is what the definition says', () => {
    const definition = defineTask('t', {
      requires: ['b', 'a', 'b'],
      priority: 'high',
      timeoutMs: 5,
      strategy: 'balanced',
    })
    expect(resolve(undefined, definition)).toEqual({
      type: 't',
      requires: ['a', 'b'],
      priority: 'high',
      timeoutMs: 5,
      strategy: 'balanced',
      tenant: 'default',
      whenBusy: 'enqueue',
    })
    expect(resolve(undefined, definition)).toEqual(resolve({}, definition))
  })

  it('takes each option from the submit, else the defaults, else the definition', () => {
    const definition = defineTask('t', {
      priority: 'low',
      timeoutMs: 1,
      strategy: 'balanced',
      defaults: { priority: 'normal', timeoutMs: 2, tenant: 'x', metadata: { from: 'defaults' } },
    })
    expect(resolve({ priority: 'critical', strategy: undefined }, definition)).toMatchObject({
      priority: 'critical',
      timeoutMs: 2,
      strategy: 'balanced',
      tenant: 'x',
      metadata: { from: 'defaults' },
    })
  })

  it('has no key for what nobody said', () => {
    const undefinedEverywhere = Object.fromEntries(
      ['priority', 'runAt', 'delayMs', 'idempotencyKey', 'orderingKey', 'whenBusy', 'metadata'].map((k) => [
        k,
        undefined,
      ]),
    )
    expect(Object.keys(resolve(undefinedEverywhere))).toEqual(['type', 'requires', 'priority', 'tenant', 'whenBusy'])
  })

  it('makes moments of dates and delays; a moment that has passed means now', () => {
    expect(resolve({ delayMs: 5 }).runAt).toBe(NOW + 5)
    expect(resolve({ runAt: new Date(NOW + 7) }).runAt).toBe(NOW + 7)
    expect(resolve({ runAt: NOW - 7 })).not.toHaveProperty('runAt')
    expect(resolve({ delayMs: 0 })).not.toHaveProperty('runAt')
    expect(resolve({ expiresAt: new Date(NOW + 9) }).expiresAt).toBe(NOW + 9)
  })

  it('works out the delay of the defaults each time, and lets a submit run at another time', () => {
    const later = defineTask('later', { defaults: { delayMs: 10 } })
    expect(resolveSubmitOptions(later, undefined, { now: 5 }).runAt).toBe(15)
    expect(resolveSubmitOptions(later, undefined, { now: 100 }).runAt).toBe(110)
    expect(resolve({ runAt: NOW + 3 }, later).runAt).toBe(NOW + 3)
  })

  it('a submit that names its order replaces that of the defaults', () => {
    const ordered = defineTask('ordered', { defaults: { orderingKey: 'k', whenBusy: 'interrupt' } })
    expect(resolve(undefined, ordered)).toMatchObject({ orderingKey: 'k', whenBusy: 'interrupt' })
    const inSession = resolve({ sessionId: 's', whenBusy: 'reject' }, ordered)
    expect(inSession).toMatchObject({ sessionId: 's', whenBusy: 'reject' })
    expect(inSession).not.toHaveProperty('orderingKey')
  })

  it('a default policy waits for a key', () => {
    const policy = defineTask('policy', { defaults: { whenBusy: 'reject' } })
    expect(resolve(undefined, policy).whenBusy).toBe('enqueue')
    expect(resolve({ orderingKey: 'k' }, policy).whenBusy).toBe('reject')
  })

  it('copies what it keeps', () => {
    const metadata = { list: [1] }
    const fallbackAgents = ['a']
    const made = resolve({ metadata, fallbackAgents })
    metadata.list.push(2)
    fallbackAgents.push('b')
    expect(made).toMatchObject({ metadata: { list: [1] }, fallbackAgents: ['a'] })
  })

  it.each<[object, string]>([
    [{ orderingKey: 'k', sessionId: 's' }, 'both an orderingKey and a sessionId'],
    [{ orderingKey: 'k', whenBusy: 'reject', delayMs: 5 }, 'no meaning for a delayed task'],
    [{ sessionId: 's', whenBusy: 'interrupt', runAt: NOW + 5 }, 'no meaning for a delayed task'],
    [{ whenBusy: 'reject' }, 'nothing to be busy'],
  ])('refuses %j: %s', (options, message) => {
    expect(thrownBy(() => resolve(options))).toMatchObject({
      code: 'ORDERING_CONFLICT',
      message: expect.stringContaining(message),
    })
  })

  it.each([
    { orderingKey: 'k', whenBusy: 'enqueue', delayMs: 5 },
    { orderingKey: 'k', whenBusy: 'reject', delayMs: 0 },
    { orderingKey: 'k', whenBusy: 'reject', runAt: NOW - 5 },
    { whenBusy: 'enqueue' },
    { tenant: 'any/text: %, *', idempotencyKey: 'ключ' },
  ])('takes %j', (options) => {
    expect(() => resolve(options)).not.toThrow()
  })

  it.each<[object, string[]]>([
    [{ prioritty: 'high' }, ['prioritty']],
    [{ priority: 'urgent', whenBusy: 'wait' }, ['priority', 'whenBusy']],
    [{ delayMs: 5, runAt: NOW + 5 }, ['delayMs']],
    [{ delayMs: -1 }, ['delayMs']],
    [{ delayMs: Number.NaN, timeoutMs: 0 }, ['delayMs', 'timeoutMs']],
    [{ runAt: new Date(Number.NaN), expiresAt: '2026-01-01' }, ['runAt', 'expiresAt']],
    [{ expiresAt: NOW + 5, delayMs: 5 }, ['expiresAt']],
    [{ idempotencyKey: '', tenant: 'x'.repeat(513), sessionId: 5 }, ['idempotencyKey', 'tenant', 'sessionId']],
    [{ fallbackAgents: ['a', ''] }, ['fallbackAgents.1']],
    [{ metadata: [] }, ['metadata']],
    [{ waitMs: 5 }, ['waitMs']],
    [[], ['']],
  ])('refuses %j', (options, paths) => {
    expect(thrownBy(() => resolve(options))).toMatchObject({ code: 'OPTIONS_INVALID', paths })
  })

  it('refuses metadata that JSON would change, or that is too large', () => {
    expect(thrownBy(() => resolve({ metadata: { at: new Date() } })).code).toBe('PAYLOAD_NOT_JSON')
    const tooLarge = () => resolveSubmitOptions(bare, { metadata: { a: 'xxxxxxxx' } }, { now: NOW, maxBytes: 10 })
    expect(thrownBy(tooLarge).code).toBe('PAYLOAD_TOO_LARGE')
  })

  it('checks the definition first, every time until it passes', () => {
    const bad = defineTask('bad', { timeoutMs: -1 })
    expect(thrownBy(() => resolve(undefined, bad)).code).toBe('OPTIONS_INVALID')
    expect(thrownBy(() => resolve(undefined, bad)).code).toBe('OPTIONS_INVALID')
  })

  it('of run also takes how long to wait', () => {
    const options: SubmitOptions & WaitOptions = { waitMs: 5, signal: new AbortController().signal }
    expect(() => resolveSubmitOptions(bare, options, { now: NOW, call: 'run' })).not.toThrow()
  })

  it('of a staged task refuses what its parent decides, and drops it from the defaults', () => {
    const definition = defineTask('t', {
      defaults: { idempotencyKey: 'i', tenant: 'x', sessionId: 's', whenBusy: 'reject', priority: 'low' },
    })
    const staged = resolveSubmitOptions(definition, { delayMs: 5 }, { now: NOW, call: 'staged' })
    expect(staged).toEqual({
      type: 't',
      requires: [],
      priority: 'low',
      tenant: 'default',
      whenBusy: 'enqueue',
      runAt: NOW + 5,
    })
    for (const key of ['idempotencyKey', 'tenant', 'sessionId', 'whenBusy']) {
      const submit = () => resolveSubmitOptions(bare, { [key]: 'reject' }, { now: NOW, call: 'staged' })
      expect(thrownBy(submit)).toMatchObject({ code: 'OPTIONS_INVALID', paths: [key] })
    }
  })

  it('never throws anything but our errors, whatever the options', () => {
    const value = fc.oneof(fc.anything(), fc.constantFrom('low', 'reject', 5, NOW + 5, 'key', ['a']))
    const keys = [
      'priority',
      'runAt',
      'delayMs',
      'orderingKey',
      'whenBusy',
      'sessionId',
      'fallbackAgents',
      'metadata',
      'typo',
    ]
    const options = fc.dictionary(fc.constantFrom(...keys), value)
    fc.assert(
      fc.property(options, (given) => {
        try {
          const made = resolve(given)
          expect(Number.isFinite(made.runAt ?? 0)).toBe(true)
          expect(made.orderingKey === undefined || made.sessionId === undefined).toBe(true)
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(/^(OPTIONS_INVALID|ORDERING_CONFLICT|PAYLOAD_NOT_JSON)$/)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('resolveAdHocTask', () => {
  it('has the type * when it has none', () => {
    expect(resolveAdHocTask({ requires: ['b', 'a'], input: 1, tenant: 'x' }, settings)).toEqual({
      type: '*',
      requires: ['a', 'b'],
      priority: 'normal',
      tenant: 'x',
      whenBusy: 'enqueue',
    })
    expect(resolveAdHocTask({ type: 'quote' }, settings).type).toBe('quote')
  })

  it.each<[object | undefined, string, string[]]>([
    [{ require: ['x'] }, 'OPTIONS_INVALID', ['require']],
    [{ requires: 'x' }, 'OPTIONS_INVALID', ['requires']],
    [{ waitMs: 5 }, 'OPTIONS_INVALID', ['waitMs']],
    [{ type: '' }, 'DEFINITION_INVALID', []],
    [undefined, 'OPTIONS_INVALID', ['']],
  ])('refuses %j', (task, code, paths) => {
    expect(thrownBy(() => resolveAdHocTask(task as object, settings))).toMatchObject({ code, paths })
  })
})
