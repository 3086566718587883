import { type } from 'arktype'
import * as v from 'valibot'
import * as z from 'zod'
import {
  type AgentDefinition,
  type AnyTaskDefinition,
  app,
  defineAgent,
  defineTask,
  type InferHandler,
  type InferInput,
  type InferOutput,
  type InferPart,
  same,
  staticSchema,
  type TaskDefinition,
  type TaskHandler,
} from './app.js'

// Each schema library gives the same four types, and two for parts.
const byZod = defineTask('zod', {
  input: z.object({ at: z.string().transform((text) => new Date(text)), note: z.string().optional() }),
  output: z.object({ total: z.string().transform(Number) }),
  stream: z.object({ token: z.string().transform((text) => text.length) }),
})
same<InferInput<typeof byZod>, { at: string; note?: string | undefined }>()
same<InferOutput<typeof byZod>, { total: number }>()
same<InferPart<typeof byZod>, { token: number }>()

const byValibot = defineTask('valibot', {
  input: v.object({
    at: v.pipe(
      v.string(),
      v.transform((text) => new Date(text)),
    ),
  }),
  output: v.object({ total: v.pipe(v.string(), v.transform(Number)) }),
})
same<InferInput<typeof byValibot>, { at: string }>()
same<InferOutput<typeof byValibot>, { total: number }>()

const byArktype = defineTask('arktype', {
  input: type({ product: 'string', areaM2: 'number > 0' }),
  output: type('string').pipe((text) => text.length),
})
same<InferInput<typeof byArktype>, { product: string; areaM2: number }>()
same<InferOutput<typeof byArktype>, number>()

const byType = defineTask('static', { input: staticSchema<{ id: string }>(), output: staticSchema<number>() })
same<InferInput<typeof byType>, { id: string }>()
same<InferOutput<typeof byType>, number>()

const bare = defineTask('bare')
same<InferInput<typeof bare>, unknown>()
same<InferOutput<typeof bare>, unknown>()
const inputOnly = defineTask('input-only', { input: z.string(), requires: ['x'], timeoutMs: undefined })
same<InferOutput<typeof inputOnly>, unknown>()

// The handler gets what the schema parsed, and returns what the output schema takes.
byZod.handler((input, ctx) => {
  same<typeof input, { at: Date; note?: string | undefined }>()
  ctx.write({ token: 'abc' })
  // @ts-expect-error the write side is a string
  ctx.write({ token: 3 })
  ctx.progress(0.5, 'half')
  ctx.submit(byType, { id: 'x' })
  // @ts-expect-error `idd` is not in the input
  ctx.submit(byType, { idd: 'x' })
  // @ts-expect-error a staged task can't have an idempotency key
  ctx.submit(byType, { id: 'x' }, { idempotencyKey: 'k' })
  ctx.submit(bare)
  return { total: '3' }
})
byZod.handler(async () => ({ total: '3' }))
// @ts-expect-error the return side is a string
byZod.handler(() => ({ total: 3 }))
// @ts-expect-error nothing is returned
byZod.handler(() => undefined)
// @ts-expect-error a promise of the wrong thing
byZod.handler(async () => ({ total: 3 }))
byZod.handler(({ at }: { at: Date }) => ({ total: String(at) }))
// @ts-expect-error the handler wants more than it gets
byZod.handler(({ at, more }: { at: Date; more: string }) => ({ total: String(at) + more }))
bare.handler((input) => {
  same<typeof input, unknown>()
  return 5
})

const apart: InferHandler<typeof byZod> = async (input) => ({ total: input.at.toISOString() })
byZod.handler(apart)

// A fallback function does not widen what the schemas say.
defineTask('with-fallback', {
  input: z.object({ n: z.number() }),
  output: z.object({ total: z.number() }),
  fallback: (input, ctx) => {
    same<typeof input, { n: number }>()
    same<typeof ctx.error, unknown>()
    return { total: 0 }
  },
})
defineTask('with-wrong-fallback', {
  output: z.object({ total: z.number() }),
  // @ts-expect-error not what the output schema takes
  fallback: () => ({ total: 'none' }),
})

// Mixed lists keep their members whatever the types.
export const definitions: AnyTaskDefinition[] = [byZod, byValibot, byArktype, byType, bare, inputOnly]
export const handlers: TaskHandler[] = [
  byZod.handler(() => ({ total: '1' })),
  byArktype.handler((input) => String(input.areaM2)),
  bare.handler(() => undefined),
]
export const agents: AgentDefinition[] = [
  defineAgent('typed', { capabilities: ['x'], handlers }),
  defineAgent('catch-all', { handler: async (input) => input.anything.goes }),
  defineAgent('polling', { accepts: [byZod, 'other_type'], leaseMs: 5_000 }),
]

// @ts-expect-error an agent polls or runs handlers, not both
defineAgent('both', { accepts: [byZod], handlers })
// @ts-expect-error a lease is for agents that poll
defineAgent('lease', { handlers, leaseMs: 5 })
// @ts-expect-error a misspelled option
defineAgent('typo', { handlers, capabilites: ['x'] })
// @ts-expect-error a handler that no definition made
defineAgent('loose', { handlers: [async () => 1] })
// @ts-expect-error a misspelled option
defineTask('typo', { timeout: 5 })
// @ts-expect-error not a priority
defineTask('typo', { priority: 'urgent' })
// @ts-expect-error not a schema
defineTask('typo', { input: { n: 'number' } })

// Definitions are contravariant in their input and covariant in their output.
declare function needs(definition: TaskDefinition<{ id: string; more: number }, unknown>): void
needs(byType)
// @ts-expect-error it needs a product
needs(byArktype)
// @ts-expect-error outputs don't go the other way
export const narrowed: TaskDefinition<never, string> = byType

void app
