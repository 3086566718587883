import type { RoutingStrategy } from 'batuta'
import { describe, expect, it } from 'vitest'
import { startApp } from '../support/app.js'

/** Wants nobody until a task has waited so long. */
function patient(waitMs: number, askAgain: (leftMs: number) => number | undefined): RoutingStrategy {
  const since = new Map<string, number>()
  const leftMs = (id: string, now: number) => (since.get(id) ?? now) + waitMs - now
  return {
    name: 'patient',
    select({ task, candidates, now }) {
      if (!since.has(task.id)) since.set(task.id, now)
      return leftMs(task.id, now) > 0 ? undefined : candidates[0]
    },
    askAgainMs: ({ task, now }) => askAgain(leftMs(task.id, now)),
  }
}

describe('a task that its strategy holds back', () => {
  it('is tried again when the strategy says', async () => {
    const { app, until, clock } = await startApp({ router: patient(120, (leftMs) => leftMs) })
    app.agent('any', { handler: async () => 'done' })
    const from = clock.now()
    const task = await until(app.submit({ type: 'x' }))
    await clock.advance(50)
    const second = await until(app.submit({ type: 'x' }))
    expect(await until(task.result())).toBe('done')
    expect(clock.now() - from).toBe(120)
    await until(second.result())
    expect(clock.now() - from).toBe(170)
  })

  it.each([undefined, Number.NaN, Number.POSITIVE_INFINITY, -5, 'soon' as never])(
    'is never stuck, whatever the strategy answers: %o',
    async (answer) => {
      const { app, until, clock } = await startApp({ router: patient(120, () => answer) })
      app.agent('any', { handler: async () => 'done' })
      const from = clock.now()
      const task = await until(app.submit({ type: 'x' }))
      expect(await until(task.result(), 5_000)).toBe('done')
      expect(clock.now() - from).toBeLessThanOrEqual(1_200)
    },
  )

  it('leaves no timer behind', async () => {
    const { app, until, clock } = await startApp({ router: patient(120, (leftMs) => leftMs) })
    app.agent('any', { handler: async () => 'done' })
    await until(app.submit({ type: 'x' }))
    await until(app.shutdown({ graceMs: 0 }))
    expect(clock.pendingTimers).toBe(0)
  })
})
