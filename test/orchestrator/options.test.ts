import { describe, expect, it } from 'vitest'
import { resolveOptions } from '../../src/coordinator/options/resolve-options.js'
import { isBatutaError } from '../../src/errors/base-error.js'
import { checkOrchestratorOptions } from '../../src/orchestrator/check-orchestrator-options.js'
import { messageSettings } from '../../src/orchestrator/message-settings.js'
import type { OrchestratorOptions } from '../../src/orchestrator/options.js'
import { Router } from '../../src/router/router.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { defineAgent } from '../../src/task/define-agent.js'
import { defineTask } from '../../src/task/define-task.js'
import { passing } from '../support/passing-storage.js'

const quote = defineTask('quote')
const agent = defineAgent('a', { handlers: [quote.handler(() => 1)] })

/** Where the options were refused, with the code. */
async function refusal(options: object): Promise<{ code: string; paths: string[]; message: string }> {
  try {
    await checkOrchestratorOptions(options)
  } catch (error) {
    if (!isBatutaError(error)) throw error
    const { issues = [] } = error.data as { issues?: { path: (string | number)[] }[] }
    return { code: error.code, paths: issues.map(({ path }) => path.join('.')), message: error.message }
  }
  throw new Error('nothing was refused')
}

describe('checkOrchestratorOptions', () => {
  it.each<[string, OrchestratorOptions | undefined]>([
    ['nothing', undefined],
    ['no options', {}],
    [
      'undefined for absent, everywhere',
      {
        agents: undefined,
        router: undefined,
        messages: undefined,
        retry: undefined,
        retention: { failed: undefined },
        retryBudget: { ratio: undefined },
      },
    ],
    ['agents and tasks', { agents: [agent], tasks: [quote] }],
    ['a strategy', { router: { name: 'mine', select: () => undefined } }],
    ['a router', { router: new Router() }],
    ['console as the logger', { logger: console }],
    ['messages', { messages: { task: quote, whenBusy: 'merge', mergeMs: 0, history: { summarise: () => 'x' } } }],
    ['no retry', { retry: false, retention: { completed: { ageMs: 0, maxCount: 0 } } }],
    ['as many as there are', { retention: { completed: { maxCount: Infinity }, failed: { maxCount: 10_000 } } }],
    ['no breaker, no ejection', { breaker: false, ejection: false, slowStartMs: 0 }],
    ['breakers and ejection', { breaker: { minCalls: 1, maxCalls: 1 }, ejection: { maxShare: 0, panicBelow: 0 } }],
    ['a slow heart', { heartbeatMs: 10_000, leaseMs: 30_000, observeMs: 2_500 }],
  ])('takes %s', async (_what, options) => {
    await expect(checkOrchestratorOptions(options)).resolves.toBeUndefined()
  })

  it.each<[object, string[]]>([
    [{ heartBeatMs: 5 }, ['heartBeatMs']],
    [{ heartbeatMs: 1_500 }, ['heartbeatMs']],
    [{ leaseMs: 900 }, ['heartbeatMs', 'observeMs']],
    [{ observeMs: 800 }, ['observeMs']],
    [{ taskTimeoutMs: -1, pollMs: Number.NaN, leaseMs: Infinity }, ['taskTimeoutMs', 'leaseMs', 'pollMs']],
    [{ maxLost: 0, maxPayloadBytes: 1.5, window: 10 }, ['maxLost', 'maxPayloadBytes', 'window']],
    [{ name: '' }, ['name']],
    [{ strict: 'yes' }, ['strict']],
    [{ router: 5 }, ['router']],
    [{ storage: { open() {} } }, ['storage']],
    [{ agents: [{ id: 'a' }] }, ['agents.0']],
    [{ retry: { maxRetries: -1, minDelays: 5 } }, ['retry.minDelays', 'retry.maxRetries']],
    [{ retry: { retryIf: () => true } }, ['retry.retryIf']],
    [{ retryBudget: { ratio: 2 } }, ['retryBudget.ratio']],
    [{ retention: { complete: {}, failed: { age: 5 } } }, ['retention.failed.age', 'retention.complete']],
    [
      { retention: { completed: { maxCount: 10_001 }, failed: { maxCount: -1 }, cancelled: { maxCount: 1.5 } } },
      ['retention.completed.maxCount', 'retention.failed.maxCount', 'retention.cancelled.maxCount'],
    ],
    [{ priorityBoosts: { low: 600_000 } }, ['priorityBoosts']],
    [{ breaker: true, ejection: 5, slowStartMs: -1 }, ['breaker', 'ejection', 'slowStartMs']],
    [
      { breaker: { failureRate: 0, minCalls: 0, openMs: 0 } },
      ['breaker.failureRate', 'breaker.minCalls', 'breaker.openMs'],
    ],
    [{ breaker: { minCalls: 200 } }, ['breaker.minCalls']],
    [{ breaker: { openMs: 20, maxOpenMs: 10 } }, ['breaker.openMs']],
    [
      { ejection: { failures: 2.5, maxShare: 2, panicBelow: -1 } },
      ['ejection.failures', 'ejection.maxShare', 'ejection.panicBelow'],
    ],
    [{ ejection: { baseMs: 10, maxMs: 5 } }, ['ejection.baseMs']],
    [{ messages: {} }, ['messages.task']],
    [{ messages: { task: quote, history: { maxMesages: 5 } } }, ['messages.history.maxMesages']],
    [{ clock: { now: () => 5 } }, ['clock']],
    [[], ['']],
  ])('refuses %o', async (options, paths) => {
    const { code, paths: found } = await refusal(options)
    expect({ code, paths: found.sort() }).toEqual({ code: 'OPTIONS_INVALID', paths: paths.sort() })
  })

  it('says what was probably meant, at any depth', async () => {
    expect((await refusal({ heartBeatMs: 5 })).message).toContain('Did you mean "heartbeatMs"?')
    expect((await refusal({ retention: { complete: {} } })).message).toContain('Did you mean "completed"?')
  })

  it('checks agents and definitions too, and that no name is used for two', async () => {
    const idle = defineAgent('idle', {})
    expect(await refusal({ agents: [idle] })).toMatchObject({ code: 'DEFINITION_INVALID' })
    expect(await refusal({ tasks: [defineTask('bad', { timeoutMs: 0 })] })).toMatchObject({ paths: ['timeoutMs'] })
    expect(await refusal({ agents: [agent, agent] })).toMatchObject({ code: 'DUPLICATE_ID' })
    expect(await refusal({ agents: [agent], tasks: [defineTask('quote')] })).toMatchObject({ code: 'DUPLICATE_ID' })
    await checkOrchestratorOptions({ agents: [agent], tasks: [quote, quote], messages: { task: quote } })
  })
})

describe('resolveOptions', () => {
  it('has the documented defaults', () => {
    const { settings, window } = resolveOptions({})
    const messages = messageSettings({ task: quote })
    expect(settings).toEqual({
      name: 'batuta',
      tenantWeights: new Map(),
      strict: false,
      taskTimeoutMs: 60_000,
      abandonAfterMs: 5_000,
      heartbeatMs: 1_000,
      leaseMs: 3_000,
      observeMs: 250,
      pollMs: 1_000,
      maxLost: 3,
      maxLanes: 1_024,
      maxPayloadBytes: 1_048_576,
      storageWaitMs: 10_000,
      decisions: 1_000,
      retry: { maxRetries: 3, minDelayMs: 1_000, maxDelayMs: 60_000, factor: 2 },
      retryBudget: { ratio: 0.2, floorPerSecond: 10 },
      retention: {
        completed: { ageMs: 604_800_000, maxCount: 10_000 },
        failed: { ageMs: 2_592_000_000, maxCount: 10_000 },
        cancelled: { ageMs: 604_800_000, maxCount: 10_000 },
        idleMs: 604_800_000,
      },
      boosts: { low: 0, normal: 60_000, high: 300_000, critical: 1_800_000 },
      health: {
        breaker: {
          failureRate: 0.5,
          minCalls: 20,
          maxCalls: 100,
          windowMs: 600_000,
          openMs: 10_000,
          maxOpenMs: 300_000,
        },
        ejection: { failures: 5, baseMs: 30_000, maxMs: 300_000, maxShare: 0.1, panicBelow: 0.5 },
        ejects: true,
        slowStartMs: 30_000,
      },
    })
    expect(messages).toMatchObject({ whenBusy: 'enqueue', mergeMs: 300, sessionIdleMs: 86_400_000, maxMessages: 50 })
    expect(window).toBe(1_000)
  })

  it('lets what is in a durable storage go by age alone', () => {
    const storage = { ...passing(memoryStorage()), durable: true }
    const { completed, failed } = resolveOptions({ storage, retention: { failed: { maxCount: 5 } } }).settings.retention
    expect([completed.maxCount, failed.maxCount]).toEqual([Number.POSITIVE_INFINITY, 5])
  })

  it('fills in what is left out beside what is given', () => {
    const { settings } = resolveOptions({
      retry: { maxRetries: 9, factor: undefined },
      retention: { failed: { maxCount: 5 } },
      priorityBoosts: { low: 1 },
    })
    expect(settings.retry).toEqual({ maxRetries: 9, minDelayMs: 1_000, maxDelayMs: 60_000, factor: 2 })
    expect(settings.retention.failed).toEqual({ ageMs: 2_592_000_000, maxCount: 5 })
    expect(settings.boosts).toEqual({ low: 1, normal: 60_000, high: 300_000, critical: 1_800_000 })
    expect(resolveOptions({ retry: false }).settings.retry.maxRetries).toBe(0)
    const { health } = resolveOptions({ breaker: false, ejection: false, slowStartMs: 0 }).settings
    expect([health.breaker, health.ejects, health.slowStartMs]).toEqual([undefined, false, 0])
  })
})
