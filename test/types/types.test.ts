import { describe, expect, it } from 'vitest'
import { type Complaint, compile, typeTests } from './compile.js'

const SLOW = 120_000

const HEAD = `
import * as z from 'zod'
import { app, createOrchestrator, defineTask, same } from './app.js'
const quote = defineTask('quote', { input: z.object({ product: z.string(), areaM2: z.number() }), output: z.string() })
`.trim()

/** Compiles each line on its own under {@link HEAD}, all in one go, and gives what is said of each. */
function complaintsOf(lines: readonly string[]): Complaint[][] {
  const programs = Object.fromEntries(
    lines.map((line, i) => [`pin-${i}.ts`, `${HEAD}\n${line}\nexport {}\nvoid [app, createOrchestrator, quote, same]`]),
  )
  const { complaints } = compile(programs)
  return lines.map((_, i) => complaints.filter(({ file }) => file === `pin-${i}.ts`))
}

describe('types', () => {
  it(
    'every type test compiles, the expected errors included',
    () => {
      expect(compile(typeTests()).complaints).toEqual([])
    },
    SLOW,
  )

  it(
    'the commonest errors point at what is wrong',
    () => {
      const lines = [
        "await app.run(quote, { product: 'isodec', aeraM2: 50 })",
        "await app.run(quote, { product: 5, areaM2: 50 }, { priority: 'high' })",
        "await app.run(quote, { product: 'isodec', areaM2: 50 }, { prioritty: 'high' })",
        'await app.run(quote)',
        "await app.submit(quote, { product: 'isodec' })",
        "await createOrchestrator({ name: 'x', router: 'least_buzy' })",
        "await app.run({ type: 'x', priority: 'urgent', input: 1 })",
        'quote.handler(async (input) => input.areaM2)',
        "app.on('task:complete', () => undefined)",
      ]
      const found = complaintsOf(lines).map((said, i) => {
        const [first] = said
        return [lines[i], said.length, first?.at, first?.text, first?.message.split('\n')[0]]
      })
      expect(found).toMatchInlineSnapshot(`
        [
          [
            "await app.run(quote, { product: 'isodec', aeraM2: 50 })",
            1,
            "4:43",
            "aeraM2",
            "Object literal may only specify known properties, but 'aeraM2' does not exist in type '{ product: string; areaM2: number; }'. Did you mean to write 'areaM2'?",
          ],
          [
            "await app.run(quote, { product: 5, areaM2: 50 }, { priority: 'high' })",
            1,
            "4:24",
            "product",
            "Type 'number' is not assignable to type 'string'.",
          ],
          [
            "await app.run(quote, { product: 'isodec', areaM2: 50 }, { prioritty: 'high' })",
            1,
            "4:59",
            "prioritty",
            "Object literal may only specify known properties, but 'prioritty' does not exist in type 'SubmitOptions & WaitOptions'. Did you mean to write 'priority'?",
          ],
          [
            "await app.run(quote)",
            1,
            "4:15",
            "quote",
            "No overload matches this call.",
          ],
          [
            "await app.submit(quote, { product: 'isodec' })",
            1,
            "4:25",
            "{ product: 'isodec' }",
            "Argument of type '{ product: string; }' is not assignable to parameter of type '{ product: string; areaM2: number; }'.",
          ],
          [
            "await createOrchestrator({ name: 'x', router: 'least_buzy' })",
            1,
            "4:39",
            "router",
            "Type '"least_buzy"' is not assignable to type 'Router | StrategyName | RoutingStrategy | undefined'. Did you mean '"least_busy"'?",
          ],
          [
            "await app.run({ type: 'x', priority: 'urgent', input: 1 })",
            1,
            "4:28",
            "priority",
            "No overload matches this call.",
          ],
          [
            "quote.handler(async (input) => input.areaM2)",
            1,
            "4:32",
            "input.areaM2",
            "Type 'Promise<number>' is not assignable to type 'string | Promise<string>'.",
          ],
          [
            "app.on('task:complete', () => undefined)",
            1,
            "4:8",
            "'task:complete'",
            "Argument of type '"task:complete"' is not assignable to parameter of type 'EventPattern'.",
          ],
        ]
      `)
    },
    SLOW,
  )

  it(
    'an input left out is said to be what is missing',
    () => {
      const [[said] = []] = complaintsOf(['await app.run(quote)'])
      expect(said?.message).toContain(
        `Type 'undefined' is not assignable to type '{ product: string; areaM2: number; }'`,
      )
    },
    SLOW,
  )

  it(
    'the proof of equal types tells types apart',
    () => {
      const codes = complaintsOf([
        'same<string, string>()',
        'same<string, unknown>()',
        'same<{ a: 1 }, { readonly a: 1 }>()',
        'same<any, unknown>()',
        'same<never, string>()',
      ]).map((said) => said.map(({ code }) => code))
      const EXPECTED_ARGUMENTS = 2554
      expect(codes).toEqual([[], ...Array.from({ length: 4 }, () => [EXPECTED_ARGUMENTS])])
    },
    SLOW,
  )

  it(
    'a hundred definitions cost less than 200,000 instantiations above their schemas',
    () => {
      const schemas = Array.from(
        { length: 100 },
        (_, i) => `
const input${i} = z.object({ id: z.string(), n${i}: z.number(), at: z.string().transform((text) => new Date(text)) })
const output${i} = z.object({ total${i}: z.number(), note: z.string().optional() })
export type Types${i} = [z.input<typeof input${i}>, z.output<typeof input${i}>, z.input<typeof output${i}>, z.output<typeof output${i}>]`,
      )
      const uses = schemas.map(
        (_, i) => `
const task${i} = defineTask('task${i}', { input: input${i}, output: output${i}, requires: ['x'] })
handlers.push(task${i}.handler(async (input) => ({ total${i}: input.n${i} })))
app.run(task${i}, { id: 'x', n${i}: 1, at: 'now' }).then(({ output }) => output.total${i})`,
      )
      const head =
        "import * as z from 'zod'\nimport { app, defineTask, type TaskHandler } from './app.js'\nexport const handlers: TaskHandler[] = []\n"
      const alone = compile({ 'cost.ts': `${head}${schemas.join('')}\nvoid [app, defineTask]` })
      const used = compile({ 'cost.ts': `${head}${schemas.join('')}${uses.join('')}` })
      expect([...alone.complaints, ...used.complaints]).toEqual([])
      const cost = used.instantiations - alone.instantiations
      expect(cost).toBeGreaterThan(0)
      expect(cost).toBeLessThan(200_000)
    },
    SLOW,
  )
})
