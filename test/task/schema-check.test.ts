import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { defineTask } from '../../src/task/define-task.js'
import type { AnyTaskDefinition } from '../../src/task/definition.js'
import { checkInput, checkOutput, checkPart } from '../../src/task/schema-check.js'

const at = new Date(5)

describe('checkInput', () => {
  it.each<[string, AnyTaskDefinition]>([
    ['zod', defineTask('t', { input: z.object({ at: z.number().transform((ms) => new Date(ms)) }) })],
    [
      'valibot',
      defineTask('t', {
        input: v.object({
          at: v.pipe(
            v.number(),
            v.transform((ms) => new Date(ms)),
          ),
        }),
      }),
    ],
    ['arktype', defineTask('t', { input: type({ at: type('number').pipe((ms) => new Date(ms)) }) })],
  ])('gives what %s parsed', (_library, definition) => {
    expect(checkInput(definition, { at: 5 })).toEqual({ at })
  })

  it.each<[string, AnyTaskDefinition]>([
    ['zod', defineTask('t', { input: z.object({ items: z.array(z.object({ n: z.number() })) }) })],
    ['valibot', defineTask('t', { input: v.object({ items: v.array(v.object({ n: v.number() })) }) })],
    ['arktype', defineTask('t', { input: type({ items: type({ n: 'number' }).array() }) })],
  ])('names the path of what %s refuses', (_library, definition) => {
    expect(() => checkInput(definition, { items: [{ n: 1 }, { n: 'x' }] }, 3)).toThrow(
      expect.objectContaining({
        code: 'INPUT_INVALID',
        message: expect.stringMatching(/^Input 3 of "t" does not fit its schema: items\[1\]\.n(: | must)/),
        data: { taskType: 't', index: 3, issues: [{ path: ['items', 1, 'n'], message: expect.any(String) }] },
      }),
    )
  })

  it('without a schema is the value itself', () => {
    const value = { any: 'thing' }
    expect(checkInput(defineTask('t'), value)).toBe(value)
    expect(checkInput(defineTask('t'), undefined)).toBeUndefined()
  })

  it('names three issues and counts the rest', () => {
    const definition = defineTask('t', {
      input: z.object({ a: z.string(), b: z.string(), c: z.string(), d: z.string() }),
    })
    expect(() => checkInput(definition, {})).toThrow(/a: .*; b: .*; c: .*; and 1 more\. Send/)
  })
})

describe('a broken schema', () => {
  const cause = new Error('boom')
  const boom = (): string => {
    throw cause
  }

  it('that throws is told from an input that does not fit', () => {
    const throwing = defineTask('t', { input: v.pipe(v.string(), v.transform(boom)) })
    expect(() => checkInput(throwing, 'x')).toThrow(expect.objectContaining({ code: 'SCHEMA_BROKEN', cause }))
  })

  it('of zod that throws answers with a promise, and is refused for that', () => {
    const throwing = defineTask('t', { input: z.string().transform(boom) })
    expect(() => checkInput(throwing, 'x')).toThrow(
      expect.objectContaining({ code: 'SCHEMA_BROKEN', message: expect.stringContaining('transforms never throw') }),
    )
  })

  it('that answers with a promise is refused, and its rejection ends nobody', async () => {
    const rejections: unknown[] = []
    const note = (reason: unknown) => rejections.push(reason)
    process.on('unhandledRejection', note)
    const validate = () => Promise.reject(cause)
    const slow = defineTask('t', { input: { '~standard': { version: 1, vendor: 'x', validate } } })
    expect(() => checkInput(slow, 'x')).toThrow(
      expect.objectContaining({ code: 'SCHEMA_BROKEN', message: expect.stringContaining('answers with a promise') }),
    )
    await new Promise((resolve) => setTimeout(resolve, 20))
    process.off('unhandledRejection', note)
    expect(rejections).toEqual([])
  })

  it.each([undefined, null, 5, {}])('that answers %s is refused', (answer) => {
    const validate = () => answer as never
    const odd = defineTask('t', { output: { '~standard': { version: 1, vendor: 'x', validate } } })
    expect(() => checkOutput(odd, 'x')).toThrow(expect.objectContaining({ code: 'SCHEMA_BROKEN' }))
  })
})

describe('checkOutput and checkPart', () => {
  const definition = defineTask('t', {
    output: z.object({ total: z.string().transform(Number) }),
    stream: z.object({ token: z.string() }),
  })

  it('give what the schemas parse', () => {
    expect(checkOutput(definition, { total: '5' })).toEqual({ total: 5 })
    expect(checkPart(definition, { token: 'x' })).toEqual({ token: 'x' })
  })

  it('refuse the rest', () => {
    const code = 'OUTPUT_INVALID'
    expect(() => checkOutput(definition, undefined)).toThrow(expect.objectContaining({ code }))
    expect(() => checkPart(definition, { token: 5 })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining('What the handler wrote') }),
    )
  })
})
