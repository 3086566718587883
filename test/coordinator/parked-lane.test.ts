import { defineAgent, defineTask } from 'batuta'
import { describe, expect, it } from 'vitest'
import type { AgentInstance } from '../../src/coordinator/agents/agent-instance.js'
import type { NodeContext } from '../../src/coordinator/node-context.js'
import { Parked } from '../../src/coordinator/parked.js'
import { startApp } from '../support/app.js'

const work = defineTask<number, number, never, number, number, never>('work', {
  retry: { maxRetries: 5, minDelayMs: 10, maxDelayMs: 100 },
})

describe('retries that wait for a busy agent', () => {
  it('leave an idle one what ranks behind them, though they fill a window', async () => {
    let failed = 0
    const done = new Set<number>()
    const { app, clock, until } = await startApp({
      window: 64,
      taskTimeoutMs: 9_000_000,
      retryBudget: { ratio: 1, floorPerSecond: 1_000 },
      agents: [
        defineAgent('quick', {
          maxConcurrentTasks: 4,
          handlers: [
            work.handler(async (n) => {
              await new Promise<void>((resolve) => clock.setTimer(resolve, 5))
              if (n < 0) throw new Error(`not this one: ${++failed}`)
              done.add(n)
              return n
            }),
          ],
        }),
        defineAgent('slow', {
          maxConcurrentTasks: 1,
          handlers: [
            work.handler(async (n) => {
              await new Promise<void>((resolve) => clock.setTimer(resolve, 900_000))
              return n
            }),
          ],
        }),
      ],
    })
    const submit = (inputs: readonly number[]) => until(app.submitMany(work, inputs))
    // One in three fails with the quick one, below what opens its breaker.
    await submit(Array.from({ length: 450 }, (_, n) => (n % 3 === 0 ? -1 - n : n)))
    await clock.advance(5_000)
    expect(failed).toBeGreaterThan(140)
    await submit(Array.from({ length: 60 }, (_, n) => 1_000 + n))
    await clock.advance(2_000)
    expect([...done].filter((n) => n >= 1_000).length).toBeGreaterThan(55)
  })
})

describe('what is parked for the same agents', () => {
  it('is tried again at a poll by its lowest ranks only: a window full of them', () => {
    const parked = new Parked({} as NodeContext, () => undefined)
    for (let rank = 1_499; rank >= 0; rank--) {
      parked.addForOthers({ id: `t${rank}`, lane: 'work', tenant: 'ana', rank }, ['quick'])
    }
    parked.add({ id: 'other', lane: 'work', tenant: 'ana', rank: 2_000 })
    expect(parked.takeAll().map(({ rank }) => rank)).toEqual([2_000, ...Array.from({ length: 1_000 }, (_, i) => i)])
    expect(parked.size).toBe(500)
    expect(parked.has('t999')).toBe(false)
    const slow = { id: 'slow', lanes: ['work'], load: { capacity: 3, inFlight: 1 } } as unknown as AgentInstance
    expect(parked.takeFor(slow).map(({ rank }) => rank)).toEqual([1_000, 1_001])
    expect(parked.takeAll()).toHaveLength(498)
    expect(parked.takeAll()).toEqual([])
  })
})
