import { defineTask, type SessionMessage } from 'batuta'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { startApp } from '../support/app.js'

const answer = defineTask('answer', { input: z.object({ text: z.string() }), output: z.string() })

async function chat(history: {
  maxMessages?: number
  summarise?: (dropped: readonly SessionMessage[], summary?: string) => string | Promise<string>
  summariseTimeoutMs?: number
}) {
  const world = await startApp({ messages: { task: answer, history } })
  const seen: { texts: string[]; summary: string | undefined }[] = []
  world.app.agent('talker', {
    handlers: [
      answer.handler(({ text }, ctx) => {
        seen.push({ texts: ctx.session.messages.map((message) => message.text), summary: ctx.session.summary })
        return `re: ${text}`
      }),
    ],
  })
  const say = (text: string) => world.until(world.app.processMessage({ text, from: 'x', messageId: `m-${text}` }))
  return { ...world, seen, say }
}

describe('ctx.session.messages', () => {
  it('is the conversation so far, oldest first, with who said what and when', async () => {
    const { app, until, clock } = await startApp({ messages: { task: answer } })
    let messages: readonly SessionMessage[] = []
    app.agent('talker', {
      handlers: [
        answer.handler(({ text }, ctx) => {
          messages = ctx.session.messages
          return `re: ${text}`
        }),
      ],
    })
    const from = clock.now()
    await until(app.processMessage({ text: 'a', from: 'x', messageId: 'm1' }))
    await clock.advance(1_000)
    await until(app.processMessage({ text: 'b', from: 'x' }))
    expect(messages).toEqual([
      { role: 'user', text: 'a', at: new Date(from), messageId: 'm1' },
      { role: 'assistant', text: 're: a', at: new Date(from) },
      { role: 'user', text: 'b', at: new Date(from + 1_000), messageId: expect.any(String) },
    ])
  })

  it.each([1, 2, 3, 4, 5])('is never longer than maxMessages: the newest %d', async (maxMessages) => {
    const { say, seen } = await chat({ maxMessages })
    for (const text of ['a', 'b', 'c', 'd']) await say(text)
    const all = ['a', 're: a', 'b', 're: b', 'c', 're: c', 'd']
    expect(seen.at(-1)?.texts).toEqual(all.slice(-maxMessages))
    expect(seen.map(({ texts }) => texts.at(-1))).toEqual(['a', 'b', 'c', 'd'])
  })

  it('has a summary of what no longer fits: each message is in one of the two', async () => {
    const { say, seen } = await chat({
      maxMessages: 3,
      summarise: async (dropped, summary) => [summary, ...dropped.map(({ text }) => text)].filter(Boolean).join('|'),
    })
    for (const text of ['a', 'b', 'c', 'd', 'e']) await say(text)
    const all = ['a', 're: a', 'b', 're: b', 'c', 're: c', 'd', 're: d', 'e']
    for (const { texts, summary } of seen) {
      const before = summary === undefined ? [] : summary.split('|')
      expect([...before, ...texts]).toEqual(all.slice(0, before.length + texts.length))
      expect(texts.length).toBeLessThanOrEqual(3)
    }
    expect(seen.at(-1)).toEqual({ texts: all.slice(-3), summary: all.slice(0, -3).join('|') })
  })

  it('does without the summary when it can not be made: the reply counts more', async () => {
    const { say, seen } = await chat({
      maxMessages: 2,
      summarise: () => {
        throw new Error('no model')
      },
    })
    for (const text of ['a', 'b', 'c']) expect((await say(text)).reply).toBe(`re: ${text}`)
    expect(seen.at(-1)).toEqual({ texts: ['re: b', 'c'], summary: undefined })
  })

  it('waits for a summary no longer than summariseTimeoutMs', async () => {
    const { say, seen } = await chat({
      maxMessages: 2,
      summarise: () => new Promise<string>(() => {}),
      summariseTimeoutMs: 2_000,
    })
    for (const text of ['a', 'b', 'c']) expect((await say(text)).reply).toBe(`re: ${text}`)
    expect(seen.at(-1)).toEqual({ texts: ['re: b', 'c'], summary: undefined })
  })

  it.each([undefined, 7, { text: 'x' }])('takes no summary that is not text: %j', async (made) => {
    const { say, seen } = await chat({ maxMessages: 2, summarise: () => made as unknown as string })
    for (const text of ['a', 'b', 'c']) expect((await say(text)).reply).toBe(`re: ${text}`)
    expect(seen.at(-1)?.summary).toBeUndefined()
  })
})
