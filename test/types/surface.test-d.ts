import * as z from 'zod'
import type { Claim } from '../../src/coordinator/agents/claim-types.js'
import type { TaskHandle } from '../../src/coordinator/callers/handle-types.js'
import { Router } from '../../src/router/router.js'
import type { RoutingStrategy } from '../../src/router/routing-strategy.js'
import type { BatutaEvent } from '../../src/task/events.js'
import {
  app,
  createOrchestrator,
  defineAgent,
  defineTask,
  isBatutaError,
  type MessageInput,
  same,
  TaskFailedError,
} from './app.js'

const quote = defineTask('quote', {
  input: z.object({
    product: z.string(),
    areaM2: z.number(),
    at: z
      .string()
      .transform((text) => new Date(text))
      .optional(),
  }),
  output: z.object({ total: z.number(), on: z.string().transform((text) => new Date(text)) }),
  stream: z.object({ token: z.string() }),
})
const tick = defineTask('tick', { output: z.number() })
const maybe = defineTask('maybe', { input: z.string().optional() })

export async function submitting() {
  const task = await app.submit(quote, { product: 'isodec', areaM2: 50 }, { priority: 'high', delayMs: undefined })
  same<typeof task, TaskHandle<{ total: number; on: Date }, { token: string }>>()
  const { on } = await task.result({ waitMs: 5_000, signal: AbortSignal.timeout(5) })
  same<typeof on, Date>()
  for await (const part of task.stream()) same<typeof part.data, { token: string }>()
  const explained: string = String(await task.explain())
  await task.cancel('left')

  const { output } = await app.run(quote, { product: 'isodec', areaM2: 50 }, { waitMs: 5_000 })
  same<typeof output, { total: number; on: Date }>()

  // Input may be left out exactly where undefined is one.
  const ticked = await app.run(tick)
  same<typeof ticked.output, number>()
  await app.run(maybe)
  await app.run(maybe, undefined, { tenant: 'a' })
  // @ts-expect-error this one has an input
  await app.run(quote)
  // @ts-expect-error this one has an input
  await app.submit(quote)
  // @ts-expect-error undefined is not an input of it
  await app.submit(quote, undefined)

  // Excess and missing properties are found, and the input does not widen the definition.
  // @ts-expect-error a misspelled property
  await app.submit(quote, { product: 'isodec', areaM2: 50, aera: 1 })
  // @ts-expect-error a missing property
  await app.run(quote, { product: 'isodec' })
  // @ts-expect-error the input side is text
  await app.submit(quote, { product: 'isodec', areaM2: 50, at: new Date() })
  // @ts-expect-error a misspelled option
  await app.submit(quote, { product: 'isodec', areaM2: 50 }, { prioritty: 'high' })
  // @ts-expect-error waiting is for run and result
  await app.submit(quote, { product: 'isodec', areaM2: 50 }, { waitMs: 5 })

  // The untyped form takes one object; a definition is not one.
  const loose = await app.run({ requires: ['quote'], input: { areaM2: 50 }, waitMs: 5 })
  loose.output.whatever.it.is
  // @ts-expect-error options go into the object
  await app.run({ requires: ['quote'] }, { priority: 'high' })
  // @ts-expect-error a misspelled property
  await app.submit({ require: ['quote'], input: 1 })

  const many = await app.submitMany(quote, [{ product: 'a', areaM2: 1 }], (input, index) => ({
    idempotencyKey: `${input.product}-${index}`,
  }))
  same<typeof many, TaskHandle<{ total: number; on: Date }, { token: string }>[]>()
  // @ts-expect-error one of the inputs lacks a property
  await app.submitMany(quote, [{ product: 'a', areaM2: 1 }, { product: 'b' }])

  const found = await app.getTask('id', quote)
  same<typeof found, TaskHandle<{ total: number; on: Date }, { token: string }> | undefined>()
  const any = await app.getTask('id')
  same<typeof any, TaskHandle<unknown, unknown> | undefined>()
  return explained
}

export async function polling() {
  for (const claim of await app.claimTasks('agent', { max: 5, waitMs: 1_000 })) {
    same<typeof claim.input, unknown>()
    if (claim.is(quote)) {
      same<typeof claim.input.at, Date | undefined>()
      await claim.complete({ total: 1, on: '2026-01-01' })
      // @ts-expect-error the return side is text
      await claim.complete({ total: 1, on: new Date() })
      const narrowed: Claim<{ product: string }, { total: number; on: string }> = claim
      await narrowed.extend(5_000)
    } else if (claim.is(tick)) await claim.complete(5)
    else await claim.complete('anything')
    await claim.fail(new Error('no'), { retryable: false })
  }
}

export function listening() {
  const stop: () => void = app.on('task:completed', (event) => {
    same<typeof event, BatutaEvent<'task:completed'>>()
    same<typeof event.type, 'task:completed'>()
    return event.task.output
  })
  app.on('task:*', async (event) => {
    if (event.type === 'task:retrying') event.runAt.getTime()
    // @ts-expect-error an agent event is none of the tasks'
    if (event.type === 'agent:registered') stop()
  })
  app.once('*', (event) => {
    if (event.type === 'agent:status') same<typeof event.was, typeof event.status>()
    return event.at.getTime()
  })
  app.on('storage:*', (event) => event.storage)
  // @ts-expect-error there is no such event
  app.on('task:done', () => undefined)
  // @ts-expect-error nor such a family
  app.on('owner:*', () => undefined)
}

const subset = defineTask('answer', {
  input: z.object({ text: z.string(), sessionId: z.string() }),
  output: z.object({ say: z.string() }),
})
const more = defineTask('greedy', { input: z.object({ text: z.string(), mood: z.string() }) })

export async function messages() {
  const chat = await createOrchestrator({ messages: { task: subset, whenBusy: 'merge', mergeMs: 300 } })
  const { reply, sessionId } = await chat.processMessage({ text: 'hi', from: 'ana', channel: undefined })
  same<typeof reply, { say: string }>()
  same<typeof sessionId, string>()
  // @ts-expect-error messages have no mood
  await createOrchestrator({ messages: { task: more } })
  await createOrchestrator({ messages: { task: defineTask('any') } })
  const none = await createOrchestrator()
  const nothing = await none.processMessage({ text: 'hi', from: 'ana' })
  same<typeof nothing.reply, unknown>()
  const input: MessageInput | undefined = undefined
  return input
}

export async function options() {
  const mine: RoutingStrategy = { name: 'mine', select: ({ candidates }) => candidates[0] }
  await createOrchestrator({ router: 'balanced', logger: console, agents: undefined })
  await createOrchestrator({ router: mine })
  await createOrchestrator({ router: new Router({ strategy: 'least_busy' }) })
  // @ts-expect-error a misspelled strategy
  await createOrchestrator({ router: 'least_buzy' })
  // @ts-expect-error a misspelled option
  await createOrchestrator({ heartBeatMs: 5 })
  await using disposed = await createOrchestrator({ retention: { failed: { ageMs: 5 } } })
  return disposed.health().ok
}

// A handler may use the app that it is part of: nothing is circular, since the app is generic in the reply only.
export async function circular() {
  const helper = defineAgent('helper', {
    handlers: [
      quote.handler(async (input) => {
        const inner = await app2.run(tick)
        return { total: inner.output + input.areaM2, on: '2026-01-01' }
      }),
    ],
  })
  const app2 = await createOrchestrator({ agents: [helper], router: 'balanced' })
  app2.agent('late', { handler: async () => (await app2.status()).name })
  return app2
}

export function errors(error: unknown) {
  if (isBatutaError(error, 'INPUT_INVALID')) same<typeof error.data.taskType, string>()
  if (isBatutaError(error) && error.code === 'TASK_TIMEOUT') same<typeof error.data.timeoutMs, number>()
  // @ts-expect-error there is no such code
  isBatutaError(error, 'INPUT_WRONG')
  if (error instanceof TaskFailedError) return error.attempts.map((attempt) => attempt.error?.message)
  return []
}
