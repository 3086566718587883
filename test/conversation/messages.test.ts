import { defineTask, isBatutaError, type MessageInput, type OrchestratorOptions } from 'batuta'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { failureOf, gate, startApp } from '../support/app.js'

const answer = defineTask('answer', {
  input: z.object({
    text: z.string(),
    from: z.string(),
    channel: z.string(),
    sessionId: z.string(),
    messageId: z.string(),
    merged: z.array(z.object({ text: z.string(), messageId: z.string() })),
  }),
  output: z.object({ text: z.string() }),
})
type Rules = Omit<NonNullable<OrchestratorOptions['messages']>, 'task'>

/** An agent that echoes; it waits for the gate of a text if there is one. */
async function chat(rules: Rules = {}, options: Pick<OrchestratorOptions, 'taskTimeoutMs'> = {}) {
  const world = await startApp({ ...options, messages: { task: answer, ...rules } })
  const seen: MessageInput[] = []
  const gates = new Map<string, ReturnType<typeof gate>>()
  world.app.agent('talker', {
    maxConcurrentTasks: 10,
    handlers: [
      answer.handler(async (input, ctx) => {
        seen.push(input)
        ctx.signal.addEventListener('abort', () => gates.get(input.text)?.fail(ctx.signal.reason))
        await gates.get(input.text)?.opened
        ctx.session.update<number>('count', (count = 0) => count + 1)
        return { text: `${input.text}! ${ctx.session.get('count')}` }
      }),
    ],
  })
  const hold = (text: string) => gates.set(text, gate()).get(text) ?? gate()
  const send = (text: string, more: object = {}) => world.app.processMessage({ text, from: '+598', ...more })
  return { ...world, seen, hold, send, say: (text: string, more = {}) => world.until(send(text, more)) }
}

describe('processMessage', () => {
  it('gives the session, the typed reply and the task; the handler gets the message', async () => {
    const { say, seen } = await chat()
    const { sessionId, reply, task } = await say('hola', { channel: 'whatsapp', messageId: 'm1' })
    expect(reply.text).toBe('hola! 1')
    expect(task).toMatchObject({ type: 'answer', status: 'completed', sessionId })
    expect(seen).toEqual([
      {
        text: 'hola',
        from: '+598',
        channel: 'whatsapp',
        sessionId,
        messageId: 'm1',
        merged: [{ text: 'hola', messageId: 'm1' }],
      },
    ])
    expect((await say('again')).reply.text).toBe('again! 1')
    expect((await say('again', { channel: 'whatsapp' })).reply.text).toBe('again! 2')
  })

  it('is MESSAGES_NOT_CONFIGURED without messages', async () => {
    const { app, failure } = await startApp()
    expect((await failure(app.processMessage({ text: 'x', from: 'y' }))).code).toBe('MESSAGES_NOT_CONFIGURED')
  })

  it.each([
    ['text', { text: 5 }],
    ['sender', { from: '' }],
    ['sender left out', { from: undefined }],
    ['session id that is too long', { sessionId: 'x'.repeat(600) }],
    ['field that does not exist', { chanel: 'x' }],
  ])('refuses a bad %s with OPTIONS_INVALID', async (_, more) => {
    const { failure, send } = await chat()
    expect((await failure(send('x', more))).code).toBe('OPTIONS_INVALID')
  })

  it('throws what result() throws, and stores the message whatever becomes of it', async () => {
    const { until, clock, send, app, names } = await chat()
    app.pause('talker')
    const sent = failureOf(send('x'))
    await clock.settle()
    const { tasks } = await until(app.listTasks())
    expect(await until(app.coordinator.cancel(tasks[0]?.id ?? '', 'enough'))).toBe(true)
    expect(await sent).toMatchObject({ code: 'TASK_CANCELLED', data: { reason: 'enough' } })
    expect(names('message:')).toEqual(['message:received', 'message:failed'])
  })

  it('tells of itself in events', async () => {
    const { say, events } = await chat()
    const { sessionId, task } = await say('hola', { messageId: 'm1' })
    expect(events.filter(({ type }) => type.startsWith('message:'))).toMatchObject([
      { type: 'message:received', sessionId, taskId: task.id, from: '+598', channel: 'default', messageId: 'm1' },
      { type: 'message:replied', sessionId, taskId: task.id, reply: { text: 'hola! 1' } },
    ])
  })
})

describe('the session of a message', () => {
  it('is the open one of tenant, channel and sender', async () => {
    const { say } = await chat()
    const first = (await say('a')).sessionId
    expect((await say('b')).sessionId).toBe(first)
    const others = [
      (await say('c', { from: 'other' })).sessionId,
      (await say('d', { channel: 'mail' })).sessionId,
      (await say('e', { tenant: 't' })).sessionId,
    ]
    expect(new Set([first, ...others]).size).toBe(4)
    expect((await say('f', { tenant: 't' })).sessionId).toBe(others[2])
  })

  it('is the one named, if it is theirs; else a new one', async () => {
    const { say } = await chat()
    const own = (await say('a')).sessionId
    expect((await say('b', { sessionId: own })).sessionId).toBe(own)
    const foreign = (await say('c', { from: 'thief', sessionId: own })).sessionId
    expect(foreign).not.toBe(own)
    const unknown = (await say('d', { sessionId: 'made up' })).sessionId
    expect([own, 'made up']).not.toContain(unknown)
    // The participant's open session is the newest.
    expect((await say('e')).sessionId).toBe(unknown)
    expect((await say('f', { sessionId: own })).sessionId).toBe(own)
  })

  it('is made once, however many first messages come at once', async () => {
    const { until, send } = await chat()
    const replies = await until(Promise.all(['a', 'b', 'c', 'd', 'e'].map((text) => send(text))))
    expect(new Set(replies.map(({ sessionId }) => sessionId)).size).toBe(1)
    expect(replies.map(({ reply }) => reply.text).sort()).toEqual(['a! 1', 'b! 2', 'c! 3', 'd! 4', 'e! 5'])
  })

  it('is over after sessionIdleMs without a message, but never while it has an unfinished task', async () => {
    const { say, send, hold, clock, until } = await chat({ sessionIdleMs: 10_000 }, { taskTimeoutMs: 600_000 })
    const first = (await say('a')).sessionId
    await clock.advance(9_000)
    expect((await say('b')).sessionId).toBe(first)
    await clock.advance(11_000)
    const second = (await say('c')).sessionId
    expect(second).not.toBe(first)
    const slow = hold('slow')
    const slowReply = send('slow')
    await clock.advance(11_000)
    const meanwhile = send('d')
    await clock.settle()
    slow.open(undefined)
    expect((await until(slowReply)).sessionId).toBe(second)
    expect((await until(meanwhile)).sessionId).toBe(second)
    await clock.advance(11_000)
    expect((await say('e', { sessionId: second })).sessionId).not.toBe(second)
  })
})

describe('a message that comes again', () => {
  it('gets the first answer, also much later, and makes nothing', async () => {
    const { say, seen, app, until, clock } = await chat({ sessionIdleMs: 1_000 })
    const first = await say('hola', { messageId: 'm1' })
    await clock.advance(5_000)
    const again = await say('other text', { messageId: 'm1' })
    expect(again).toMatchObject({ sessionId: first.sessionId, reply: first.reply, task: { id: first.task.id } })
    expect(seen).toHaveLength(1)
    expect((await until(app.listTasks())).tasks).toHaveLength(1)
    expect((await say('hola', { messageId: 'm1', from: 'other' })).task.id).not.toBe(first.task.id)
  })

  it.each(['enqueue', 'reject', 'interrupt', 'merge'] as const)(
    'is answered once however concurrent, with %s',
    async (whenBusy) => {
      const { until, send, seen } = await chat({ whenBusy })
      const replies = await until(Promise.all(Array.from({ length: 8 }, () => send('hola', { messageId: 'm1' }))))
      expect(new Set(replies.map(({ task }) => task.id)).size).toBe(1)
      expect(replies.every(({ reply }) => reply.text === 'hola! 1')).toBe(true)
      expect(seen).toHaveLength(1)
      expect(seen[0]?.merged).toHaveLength(1)
    },
  )
})

describe('whenBusy', () => {
  it('enqueue: one at a time, in order', async () => {
    const { send, hold, seen, until, clock } = await chat()
    const first = hold('a')
    const replies = [send('a')]
    await clock.settle()
    for (const text of ['b', 'c']) {
      replies.push(send(text))
      await clock.settle()
    }
    expect(seen.map(({ text }) => text)).toEqual(['a'])
    first.open(undefined)
    expect((await until(Promise.all(replies))).map(({ reply }) => reply.text)).toEqual(['a! 1', 'b! 2', 'c! 3'])
  })

  it('reject: SESSION_BUSY, and the message is not stored', async () => {
    const { send, hold, until, clock, app, say } = await chat({ whenBusy: 'reject' })
    const first = hold('a')
    const reply = send('a')
    await clock.settle()
    expect(await failureOf(until(send('b', { messageId: 'm2' })))).toMatchObject({
      code: 'SESSION_BUSY',
      retryable: true,
    })
    first.open(undefined)
    await until(reply)
    expect((await until(app.listTasks())).tasks).toHaveLength(1)
    expect((await say('b', { messageId: 'm2' })).reply.text).toBe('b! 2')
  })

  it('interrupt: cancels the earlier ones, whose callers get TASK_CANCELLED', async () => {
    const { send, hold, until, clock } = await chat({ whenBusy: 'interrupt' })
    hold('a')
    const first = failureOf(send('a'))
    await clock.settle()
    const { reply } = await until(send('b'))
    expect(reply.text).toBe('b! 1')
    expect(isBatutaError(await first, 'TASK_CANCELLED')).toBe(true)
  })

  it('merge: joins what was never attempted, and waits mergeMs from the first', async () => {
    const { send, seen, until, clock, names } = await chat({ whenBusy: 'merge', mergeMs: 300 })
    const from = clock.now()
    const replies = [send('a', { messageId: '1' })]
    await clock.advance(200)
    replies.push(send('b', { messageId: '2' }), send('c'))
    const all = await until(Promise.all(replies))
    expect(clock.now() - from).toBe(300)
    expect(new Set(all.map(({ task }) => task.id)).size).toBe(1)
    expect(seen).toHaveLength(1)
    expect(seen[0]?.text).toBe('a\nb\nc')
    expect(seen[0]?.messageId).toBe('1')
    expect(seen[0]?.merged.map(({ text }) => text)).toEqual(['a', 'b', 'c'])
    expect(names('message:').sort()).toEqual([
      'message:merged',
      'message:merged',
      'message:received',
      ...Array(3).fill('message:replied'),
    ])
  })

  it('merge: goes behind a task that runs, and the next ones join it there', async () => {
    const { send, hold, seen, until, clock } = await chat({ whenBusy: 'merge', mergeMs: 100 })
    const first = hold('a')
    const replies = [send('a')]
    await clock.advance(150)
    for (const text of ['b', 'c', 'd']) {
      replies.push(send(text))
      await clock.advance(200)
    }
    first.open(undefined)
    await until(Promise.all(replies))
    expect(seen.map(({ text }) => text)).toEqual(['a', 'b\nc\nd'])
  })

  it('merge: what together would be too large, or refused by the schema, is a message of its own', async () => {
    const short = defineTask('short', { input: z.object({ text: z.string().max(12) }) })
    const { app, until, clock } = await startApp({ messages: { task: short, whenBusy: 'merge', mergeMs: 100 } })
    const seen: string[] = []
    app.agent('talker', { handlers: [short.handler(({ text }) => void seen.push(text))] })
    const replies = ['12345', '67890', 'abcde'].map(async (text) => {
      await Promise.resolve()
      return app.processMessage({ text, from: 'x' })
    })
    await until(Promise.all(replies))
    expect(seen.join('\n').split('\n').sort()).toEqual(['12345', '67890', 'abcde'])
    expect(clock.now()).toBeGreaterThan(0)
  })
})
