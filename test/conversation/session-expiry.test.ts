import { defineAgent, defineTask, memoryStorage, staticSchema } from 'batuta'
import { VirtualClock } from 'batuta/testing'
import { describe, expect, it } from 'vitest'
import { startApp } from '../support/app.js'

const answer = defineTask('answer', { input: staticSchema<{ text: string }>(), output: staticSchema<string>() })
const later = defineTask('later', { input: staticSchema<undefined>() })
const HOUR_MS = 3_600_000

async function start(afterMs?: number) {
  const clock = new VirtualClock()
  const storage = memoryStorage({ now: () => clock.now() })
  const agent = defineAgent('agent', {
    maxConcurrentTasks: 5,
    handlers: [
      answer.handler(({ text }, ctx) => {
        if (afterMs !== undefined && text === 'first') ctx.submit(later, undefined, { delayMs: afterMs })
        return text
      }),
      later.handler(() => undefined),
    ],
  })
  const retention = { completed: { maxCount: 0 }, idleMs: HOUR_MS }
  const messages = { task: answer, sessionIdleMs: HOUR_MS }
  return {
    storage,
    ...(await startApp({
      agents: [agent],
      messages,
      storage,
      clock,
      retention,
      leaseMs: 600_000,
      heartbeatMs: 60_000,
      pollMs: 60_000,
      observeMs: 60_000,
    })),
  }
}

describe('a session', () => {
  it('is over when nobody has written for sessionIdleMs', async () => {
    const { app, clock, until } = await start()
    const first = await until(app.processMessage({ text: 'first', from: 'ana' }))
    await clock.advance(HOUR_MS / 2)
    const second = await until(app.processMessage({ text: 'second', from: 'ana' }))
    await clock.advance(HOUR_MS + 1)
    const third = await until(app.processMessage({ text: 'third', from: 'ana' }))
    expect(second.sessionId).toBe(first.sessionId)
    expect(third.sessionId).not.toBe(first.sessionId)
  })

  it('is not over while a delayed task of it is to come', async () => {
    const { app, clock, until } = await start(3 * HOUR_MS)
    const first = await until(app.processMessage({ text: 'first', from: 'ana' }))
    await clock.advance(2 * HOUR_MS)
    const second = await until(app.processMessage({ text: 'second', from: 'ana' }))
    expect(second.sessionId).toBe(first.sessionId)
  })

  it('is let go of after the retention, with all its records; a message that comes again is then a new one', async () => {
    const { app, clock, until, storage } = await start()
    const message = { text: 'first', from: 'ana', messageId: 'm1' }
    const first = await until(app.processMessage(message))
    await clock.advance(2 * HOUR_MS + 120_000)
    const { records } = await storage.query('sessions', { limit: 10 })
    const kept = await storage.read([
      { kind: 'participant', id: 'default/default/ana' },
      { kind: 'message', id: 'default/default/ana/m1' },
    ])
    expect({ sessions: records, kept: kept.records }).toEqual({ sessions: [], kept: [undefined, undefined] })
    const again = await until(app.processMessage(message))
    expect(again.sessionId).not.toBe(first.sessionId)
  })
})
