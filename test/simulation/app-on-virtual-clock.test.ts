import { createOrchestrator } from 'batuta'
import { simulate, VirtualClock } from 'batuta/testing'
import { expect, it } from 'vitest'

it('an application runs on a virtual clock: submits need no driving, delays and backoffs pass at once', async () => {
  const clock = new VirtualClock()
  const app = await createOrchestrator({ clock, retry: { maxRetries: 2, minDelayMs: 60_000, maxDelayMs: 600_000 } })
  let tries = 0
  app.agent('quotes', {
    handler: () => {
      if (++tries < 3) throw new Error('not yet')
      return 'done'
    },
  })
  const now = await app.submit({ input: {} })
  const later = await app.submit({ input: {}, delayMs: 3_600_000 })
  expect(await clock.runUntil(now.result())).toBe('done')
  expect(tries).toBe(3)
  expect((await later.snapshot()).status).toBe('pending')
  await clock.advance(3_600_000)
  expect((await later.snapshot()).status).toBe('completed')
  const startedMs = performance.now()
  await clock.runUntil(app.shutdown())
  expect(performance.now() - startedMs).toBeLessThan(1_000)
  expect(clock.pendingTimers).toBe(0)
})

it('the simulation is there for users, too', async () => {
  const report = await simulate({ seed: 7, tasks: 5 })
  expect(report.ok, String(report)).toBe(true)
  expect((await simulate({ seed: 7, tasks: 5 })).hash).toBe(report.hash)
})
