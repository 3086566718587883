import { describe, expect, it } from 'vitest'
import { lint } from '../../src/orchestrator/lint.js'
import type { AgentDefinition } from '../../src/task/agent.js'
import { defineAgent } from '../../src/task/define-agent.js'
import { defineTask } from '../../src/task/define-task.js'
import type { AnyTaskDefinition } from '../../src/task/definition.js'

const run = () => 1
const price = defineTask('price', { requires: ['price_calculation'] })
const quotes = defineAgent('quotes', { capabilities: ['price_calculation'], handlers: [price.handler(run)] })

/** `code agent/task` of each finding. */
function codes(agents: AgentDefinition[], definitions: AnyTaskDefinition[] = []): string[] {
  return lint(agents, definitions).map(({ code, agent, task }) => `${code} ${agent ?? ''}/${task ?? ''}`)
}

describe('lint', () => {
  it('finds nothing where nothing is wrong', () => {
    const anything = defineAgent('anything', { capabilities: ['price_calculation', 'x'], handler: run })
    const polling = defineAgent('polling', { accepts: ['other'] })
    expect(
      lint([quotes, anything, polling], [price, defineTask('other'), defineTask('x', { requires: ['x'] })]),
    ).toEqual([])
  })

  it('finds a requirement that nobody has, and what was probably meant', () => {
    const typo = defineTask('typo', { requires: ['price_calcualtion'] })
    expect(codes([quotes], [typo])).toEqual(['capability_unknown /typo'])
    expect(lint([quotes], [typo])[0]).toMatchObject({
      severity: 'warning',
      message: '"typo" requires "price_calcualtion", which no agent here has. Did you mean "price_calculation"?',
    })
  })

  it('finds a type that nobody handles', () => {
    expect(codes([quotes], [defineTask('prices')])).toEqual(['type_unhandled /prices'])
    expect(lint([quotes], [defineTask('prices')])[0]?.message).toContain('Did you mean "price"?')
    expect(codes([], [defineTask('alone')])).toEqual(['type_unhandled /alone'])
  })

  it('finds requirements that no single agent meets', () => {
    const both = defineTask('both', { requires: ['a', 'b'] })
    const agents = [
      defineAgent('a', { capabilities: ['a'], handler: run }),
      defineAgent('b', { capabilities: ['b'], handler: run }),
    ]
    expect(codes(agents, [both])).toEqual(['capabilities_split /both'])
  })

  it('finds a handler whose agent lacks what its definition requires', () => {
    const lacking = defineAgent('lacking', { capabilities: ['other'], handlers: [price.handler(run)] })
    expect(codes([quotes, lacking])).toEqual(['handler_unable lacking/price'])
    const polling = defineAgent('polling', { accepts: [price] })
    expect(codes([quotes, polling])).toEqual(['handler_unable polling/price'])
  })

  it('finds names used twice, but not one definition in two places', () => {
    const other = defineAgent('quotes', { capabilities: ['price_calculation'], handlers: [price.handler(run)] })
    expect(codes([quotes, other], [price, price])).toEqual(['duplicate_agent quotes/'])
    expect(codes([quotes], [defineTask('price', { timeoutMs: 5 })])).toEqual(['duplicate_type /price'])
  })

  it('finds fallback agents that are not here, or have no handler for it', () => {
    const fallbackAgents = ['qoutes', 'anything', 'deaf']
    const safe = defineTask('safe', { defaults: { fallbackAgents } })
    const anything = defineAgent('anything', { handler: run })
    const deaf = defineAgent('deaf', { accepts: ['other'] })
    expect(codes([quotes, anything, deaf], [safe])).toEqual([
      'fallback_unknown qoutes/safe',
      'fallback_unable deaf/safe',
    ])
  })

  it('finds options that have no effect, and strategies that do not exist', () => {
    const anything = defineAgent('anything', { handler: run })
    const odd = defineTask('odd', {
      strategy: 'least_buzy' as never,
      timeoutMs: 5_000,
      stallAfterMs: 5_000,
      retry: { minDelayMs: 10, maxDelayMs: 10, factor: 2 },
    })
    expect(codes([anything], [odd])).toEqual(['strategy_unknown /odd', 'stall_after_timeout /odd', 'backoff_flat /odd'])
    const mine = defineTask('mine', { strategy: 'mine' as never, stallAfterMs: 90_000 })
    expect(lint([anything], [mine], { strategies: ['mine'], taskTimeoutMs: 100_000 })).toEqual([])
    expect(codes([anything], [mine])).toEqual(['strategy_unknown /mine', 'stall_after_timeout /mine'])
  })
})
