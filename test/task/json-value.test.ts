import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isBatutaError } from '../../src/errors/base-error.js'
import { copyJson, inputHash } from '../../src/task/json-value.js'

const MAX = 1_048_576
const copy = (value: unknown) => copyJson(value, { maxBytes: MAX })

/** What was refused, and where. */
function refusal(value: unknown): { path: string; found: string } {
  try {
    copy(value)
  } catch (error) {
    if (isBatutaError(error, 'PAYLOAD_NOT_JSON')) return { ...error.data }
    throw error
  }
  throw new Error('was accepted')
}

describe('copyJson', () => {
  it('gives what JSON gives, and its exact length in UTF-8', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary', noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value)
        if (text.includes('"__proto__"')) return
        const made = copy(value)
        expect(JSON.stringify(made.value)).toBe(text)
        expect(made.bytes).toBe(Buffer.byteLength(text))
      }),
    )
  })

  it('counts any text as JSON.stringify writes it, lone surrogates included', () => {
    const unit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code))
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 100 }), (units) => {
        const text = units.join('')
        expect(copy(text).bytes).toBe(Buffer.byteLength(JSON.stringify(text)))
      }),
      { numRuns: 500 },
    )
    const long = 'añ😀'.repeat(50)
    expect(copy(long).bytes).toBe(Buffer.byteLength(JSON.stringify(long)))
  })

  it('copies deeply, so that later changes by the caller do not show', () => {
    const input = { list: [{ n: 1 }] }
    const { value } = copy(input)
    input.list.push({ n: 2 })
    expect(value).toEqual({ list: [{ n: 1 }] })
  })

  it('takes undefined as a whole for "no value"', () => {
    expect(copy(undefined)).toEqual({ value: undefined, bytes: 0 })
  })

  it('makes -0 a 0 and plain objects of objects without a prototype', () => {
    expect(Object.is(copy(-0).value, 0)).toBe(true)
    const bare = Object.assign(Object.create(null), { a: 1 })
    expect(Object.getPrototypeOf(copy(bare).value)).toBe(Object.prototype)
  })

  it('takes an object that appears twice without being a cycle', () => {
    const shared = { n: 1 }
    expect(copy({ a: shared, b: [shared] }).value).toEqual({ a: { n: 1 }, b: [{ n: 1 }] })
  })

  class Price {
    amount = 1
  }
  const sparse = [1, 2]
  sparse[3] = 4
  const cycle: { items: unknown[] } = { items: [1] }
  cycle.items.push({ back: cycle })
  it.each<[string, unknown, { path: string; found: string }]>([
    ['undefined in an object', { a: { b: undefined } }, { path: 'a.b', found: 'undefined' }],
    ['undefined in an array', [1, undefined], { path: '[1]', found: 'undefined' }],
    ['a Date', { at: new Date() }, { path: 'at', found: 'a Date' }],
    ['a Map', { items: [new Map()] }, { path: 'items[0]', found: 'a Map' }],
    ['a Uint8Array', new Uint8Array(2), { path: '', found: 'an Uint8Array' }],
    ['a class instance', { 'unit price': new Price() }, { path: '["unit price"]', found: 'a Price' }],
    ['an array of a subclass', new (class Rows extends Array {})(), { path: '', found: 'a Rows' }],
    ['an array with a property', /(a)/.exec('a'), { path: '', found: 'an array with a property "index"' }],
    ['bigint', { n: 1n }, { path: 'n', found: 'a bigint' }],
    ['NaN', { n: Number.NaN }, { path: 'n', found: 'NaN' }],
    ['-Infinity', [-Infinity], { path: '[0]', found: '-Infinity' }],
    ['a function', { f: () => 1 }, { path: 'f', found: 'a function' }],
    ['a symbol', { s: Symbol('x') }, { path: 's', found: 'a symbol' }],
    ['a symbol key', { [Symbol('x')]: 1 }, { path: '', found: 'an object with a symbol as a key' }],
    ['a hole', sparse, { path: '[2]', found: 'a hole in an array' }],
    [
      '__proto__',
      JSON.parse('{"a":{"__proto__":{"admin":true}}}'),
      { path: 'a.__proto__', found: 'a key named __proto__' },
    ],
    ['a cycle', cycle, { path: 'items[1].back', found: 'a cycle' }],
  ])('refuses %s, naming the path', (_what, value, found) => {
    expect(refusal(value)).toEqual(found)
  })

  it('refuses what throws when it is read, and keeps why', () => {
    const cause = new Error('no')
    const hostile = {
      get a() {
        throw cause
      },
    }
    expect(refusal(hostile).path).toBe('a')
    expect(() => copy(hostile)).toThrow(expect.objectContaining({ cause }))
  })

  it('refuses nesting that parsers would choke on, instead of overflowing the stack', () => {
    let deep: unknown = 1
    for (let i = 0; i < 100_000; i++) deep = [deep]
    expect(refusal(deep).found).toBe('nesting deeper than 1000')
  })

  it('is exact at the limit', () => {
    const value = { text: 'x'.repeat(89) }
    expect(copyJson(value, { maxBytes: 100 }).bytes).toBe(100)
    expect(() => copyJson({ text: 'x'.repeat(90) }, { maxBytes: 100, what: 'input' })).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', data: { bytes: 101, maxBytes: 100 } }),
    )
  })

  it('stops at the limit when a small value would grow without end', () => {
    let value: unknown = 'x'
    for (let i = 0; i < 60; i++) value = [value, value]
    expect(() => copy(value)).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }))
  })
})

describe('inputHash', () => {
  it('does not depend on the order of keys, but on the order of items', () => {
    expect(inputHash({ a: 1, b: { d: [1, 2], c: null } })).toBe(inputHash({ b: { c: null, d: [1, 2] }, a: 1 }))
    expect(inputHash([1, 2])).not.toBe(inputHash([2, 1]))
  })

  it('tells values apart that print alike', () => {
    const hashes = [undefined, null, '', 'null', 0, '0', [], {}, [[]], { a: 1 }, ['a', 1]].map(inputHash)
    expect(new Set(hashes).size).toBe(hashes.length)
  })

  it('is SHA-256 of the canonical JSON', () => {
    // printf '{"a":[true],"b":"x"}' | sha256sum
    expect(inputHash({ b: 'x', a: [true] })).toBe('299bd1894e21bd91bb574aae3c812ad34326c50bd7c1428fbb052e11537d5207')
  })
})
