import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { suggest } from '../../src/internal/did-you-mean.js'
import type { AgentOptions } from '../../src/task/agent.js'
import { checkAgentOptions } from '../../src/task/check-agent.js'
import { checkTaskDefinition } from '../../src/task/check-task.js'
import { defineAgent } from '../../src/task/define-agent.js'
import { defineTask } from '../../src/task/define-task.js'
import type { AnyTaskDefinition } from '../../src/task/definition.js'
import { staticSchema } from '../../src/task/static-schema.js'
import { thrownBy } from './thrown-by.js'

const quote = defineTask('quote')

describe('defineTask and defineAgent', () => {
  it('only build values, which can not be changed', () => {
    const given = { requires: ['x'], timeoutMs: 5 }
    const definition = defineTask('t', given)
    given.timeoutMs = 9
    expect(definition).toMatchObject({ kind: 'batuta.task', type: 't', options: { timeoutMs: 5 } })
    expect(Object.isFrozen(definition) && Object.isFrozen(definition.options)).toBe(true)
    const run = () => 1
    expect(definition.handler(run)).toEqual({ kind: 'batuta.handler', definition, run })
    expect(defineAgent('a', { handler: run })).toEqual({ kind: 'batuta.agent', id: 'a', options: { handler: run } })
  })

  it('do not check: bad options are found at registration', () => {
    expect(() => defineTask('', { timeoutMs: -1 })).not.toThrow()
  })

  it('a static schema lets everything pass', () => {
    expect(staticSchema<number>()['~standard'].validate('anything')).toEqual({ value: 'anything' })
  })
})

describe('checkTaskDefinition', () => {
  it.each<[string, AnyTaskDefinition]>([
    ['zod', defineTask('t', { input: z.object({ n: z.number() }) })],
    ['valibot', defineTask('t', { output: v.object({ n: v.number() }) })],
    ['arktype, whose schemas are functions', defineTask('t', { stream: type({ n: 'number' }) })],
    [
      'everything undefined',
      defineTask('t', { input: undefined, retry: undefined, defaults: undefined, requires: undefined }),
    ],
    ['no retry', defineTask('t', { retry: false })],
    [
      'all of it',
      defineTask('t', {
        requires: ['a/b %'],
        stallAfterMs: 1,
        maxConcurrentTasks: 2,
        retry: { maxRetries: 0, factor: 1 },
        defaults: { tenant: 'a', orderingKey: 'k', whenBusy: 'reject' },
      }),
    ],
  ])('takes %s', (_what, definition) => {
    expect(() => checkTaskDefinition(definition)).not.toThrow()
  })

  it.each<[object, string[]]>([
    [{ timeoutMs: -1 }, ['timeoutMs']],
    [{ timeoutMs: Number.NaN }, ['timeoutMs']],
    [{ timeoutMs: Infinity }, ['timeoutMs']],
    [{ maxConcurrentTasks: 1.5 }, ['maxConcurrentTasks']],
    [{ requires: ['ok', '', 3] }, ['requires.1', 'requires.2']],
    [{ requires: 'x' }, ['requires']],
    [{ priority: 'urgent' }, ['priority']],
    [{ input: { n: 'number' } }, ['input']],
    [{ retry: { maxRetries: -1, factor: 0.5, retries: 3 } }, ['retry.retries', 'retry.maxRetries', 'retry.factor']],
    [{ retry: { minDelayMs: 100_000 } }, ['retry.minDelayMs']],
    [{ retry: true }, ['retry']],
    [{ fallback: 'agent' }, ['fallback']],
    [{ rateLimit: { limit: 0, perMs: 1, scope: 'cluster' } }, ['rateLimit.limit', 'rateLimit.scope']],
    [{ rateLimit: { limit: 5, per: 1_000 } }, ['rateLimit.per', 'rateLimit.perMs']],
    [{ budget: { perMs: 1_000 } }, ['budget']],
    [{ defaults: { delayMs: 1, runAt: 5, prioritty: 'low' } }, ['defaults.prioritty', 'defaults.delayMs']],
    [{ timeoutMS: 5, retries: 2 }, ['timeoutMS', 'retries']],
  ])('refuses %j', (options, paths) => {
    expect(thrownBy(() => checkTaskDefinition(defineTask('t', options)))).toMatchObject({
      code: 'OPTIONS_INVALID',
      paths,
    })
  })

  it('says what was probably meant', () => {
    expect(thrownBy(() => checkTaskDefinition(defineTask('t', { timeoutMS: 5 } as object))).message).toContain(
      'timeoutMS: is not an option. Did you mean "timeoutMs"?',
    )
  })

  it.each(['', '*', 'x'.repeat(513), 5, undefined])('refuses the type %j', (name) => {
    expect(thrownBy(() => checkTaskDefinition(defineTask(name as string))).code).toBe('DEFINITION_INVALID')
  })

  it.each([undefined, null, 'quote', { type: 'quote' }])('refuses %j, which is no definition', (value) => {
    expect(thrownBy(() => checkTaskDefinition(value as AnyTaskDefinition)).code).toBe('DEFINITION_INVALID')
  })
})

describe('checkAgentOptions', () => {
  const run = () => 1

  it.each<[string, AgentOptions]>([
    ['a catch-all', { handler: run }],
    ['typed handlers', { handlers: [quote.handler(run)], capabilities: [], maxConcurrentTasks: 5, cost: 0.5 }],
    ['both kinds of handlers', { handlers: [quote.handler(run)], handler: run }],
    ['one that polls', { accepts: [quote, 'other'], leaseMs: 5_000 }],
    [
      'undefined for absent',
      { handler: run, name: undefined, accepts: undefined, leaseMs: undefined, cost: undefined },
    ],
  ])('takes %s', (_what, options) => {
    expect(() => checkAgentOptions('a', options)).not.toThrow()
  })

  it.each<[object, string, string[]]>([
    [{}, 'DEFINITION_INVALID', []],
    [{ handlers: [] }, 'DEFINITION_INVALID', []],
    [{ accepts: [] }, 'DEFINITION_INVALID', []],
    [{ accepts: ['x'], handler: run }, 'DEFINITION_INVALID', []],
    [{ accepts: ['x'], handlers: [quote.handler(run)] }, 'DEFINITION_INVALID', []],
    [{ handlers: [run] }, 'DEFINITION_INVALID', []],
    [{ accepts: ['*'] }, 'DEFINITION_INVALID', []],
    [{ handlers: [quote.handler(run), quote.handler(run)] }, 'DUPLICATE_ID', []],
    [{ accepts: [quote, 'quote'] }, 'DUPLICATE_ID', []],
    [{ handlers: [defineTask('bad', { timeoutMs: 0 }).handler(run)] }, 'OPTIONS_INVALID', ['timeoutMs']],
    [{ handler: run, maxConcurrentTasks: 0 }, 'OPTIONS_INVALID', ['maxConcurrentTasks']],
    [{ handler: run, maxConcurrentTasks: Number.NaN, cost: -1 }, 'OPTIONS_INVALID', ['maxConcurrentTasks', 'cost']],
    [{ handler: run, leaseMs: 5 }, 'OPTIONS_INVALID', ['leaseMs']],
    [{ handler: run, capabilites: ['x'] }, 'OPTIONS_INVALID', ['capabilites']],
    [{ handler: 'run' }, 'OPTIONS_INVALID', ['handler']],
    [{ handler: run, rateLimit: { limit: 1, perMs: 1, scope: 'all' } }, 'OPTIONS_INVALID', ['rateLimit.scope']],
    [
      { handler: run, budget: { tokens: 0.5, usd: -1, perMs: 0 } },
      'OPTIONS_INVALID',
      ['budget.tokens', 'budget.usd', 'budget.perMs'],
    ],
    [{ handlers: {} }, 'DEFINITION_INVALID', []],
  ])('refuses %o', (options, code, paths) => {
    expect(thrownBy(() => checkAgentOptions('a', options as AgentOptions))).toMatchObject({ code, paths })
  })

  it('refuses an empty id and options that are none', () => {
    expect(thrownBy(() => checkAgentOptions('', { handler: run })).code).toBe('DEFINITION_INVALID')
    for (const none of [undefined, null, [], 5]) {
      expect(thrownBy(() => checkAgentOptions('a', none as object)).code).toBe('OPTIONS_INVALID')
    }
  })
})

describe('suggest', () => {
  it.each([
    ['least_buzy', ['least_busy', 'round_robin'], 'least_busy'],
    ['leastBusy', ['least_busy', 'balanced'], 'least_busy'],
    ['priec', ['price', 'prices'], 'price'],
    ['capabilites', ['capabilities', 'cost'], 'capabilities'],
    ['qoute', ['quote'], 'quote'],
    ['', ['a'], undefined],
    ['x', ['y'], undefined],
    ['translate', ['summarise', 'price'], undefined],
    ['a', [], undefined],
    ['x'.repeat(1_000), ['x'.repeat(999)], undefined],
    ['ttl', ['then', 'key', 'ttlMs', 'stickyWaitMs'], 'ttlMs'],
    ['grace', ['graceMs'], 'graceMs'],
    ['per', ['limit', 'perMs'], 'perMs'],
    ['graec', ['graceMs'], 'graceMs'],
    ['maxMs', ['max', 'min'], 'max'],
    ['timeoutMS', ['timeout', 'timeoutMs'], 'timeoutMs'],
    ['items', ['itches'], undefined],
    ['a', ['bMs', 'Ms'], undefined],
  ])('%s of %j: %s', (name, known, expected) => {
    expect(suggest(name, known)).toBe(expected)
  })
})
