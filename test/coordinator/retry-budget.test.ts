import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RetryBudget } from '../../src/coordinator/limits/retry-budget.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

function budgetOf(ratio: number, floorPerSecond: number) {
  const clock = new VirtualClock()
  const budget = new RetryBudget(clock, { ratio, floorPerSecond })
  /** Retries that may go now. */
  const spend = () => {
    let count = 0
    while (budget.take() === 0) count++
    return count
  }
  return { clock, budget, spend }
}

describe('retry budget', () => {
  it('begins with ten seconds of its floor, and gets the floor back with time', async () => {
    const { clock, spend } = budgetOf(0.2, 10)
    expect(spend()).toBe(100)
    await clock.advance(1_000)
    expect(spend()).toBe(10)
    await clock.advance(3_600_000)
    expect(spend()).toBe(100)
  })

  it('gets its share of every task that is tried for the first time', () => {
    const { budget, spend } = budgetOf(0.25, 10)
    spend()
    for (let i = 0; i < 40; i++) budget.deposit()
    expect(spend()).toBe(10)
  })

  it('gives each retry that must wait a time of its own, in their order', () => {
    const { budget, spend } = budgetOf(0.2, 10)
    spend()
    const waits = [budget.take(), budget.take(), budget.take()]
    expect(waits.every((ms) => ms > 0)).toBe(true)
    expect(waits[1]).toBe((waits[0] ?? 0) + 100)
    expect(waits[2]).toBe((waits[0] ?? 0) + 200)
  })

  it('without a floor still lets one retry through, and asks the others to come again', () => {
    const { budget, spend } = budgetOf(0.5, 0)
    expect(spend()).toBe(1)
    budget.deposit()
    budget.deposit()
    expect(spend()).toBe(1)
    expect(budget.take()).toBeGreaterThan(0)
  })

  it('never lets more through than the floor, the share and what was saved allow', async () => {
    const step = fc.oneof(
      fc.record({ tasks: fc.nat(50) }),
      fc.record({ ms: fc.nat(5_000) }),
      fc.record({ retries: fc.nat(50) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { clock, budget } = budgetOf(0.2, 10)
        let allowed = 100
        let through = 0
        for (const one of steps) {
          if ('tasks' in one) for (let i = 0; i < one.tasks; i++) budget.deposit()
          else if ('ms' in one) await clock.advance(one.ms)
          else for (let i = 0; i < one.retries; i++) if (budget.take() === 0) through++
          allowed += 'tasks' in one ? 0.2 * one.tasks : 'ms' in one ? one.ms / 100 : 0
          expect(through).toBeLessThanOrEqual(Math.ceil(allowed))
        }
      }),
      { numRuns: 50 },
    )
  })
})
