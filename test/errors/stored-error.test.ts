import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatutaError } from '../../src/errors/base-error.js'
import { isNonRetryable, NonRetryableError, RetryAfterError, retryAfterOf } from '../../src/errors/retry-errors.js'
import { toStoredError } from '../../src/errors/stored-error.js'

describe('toStoredError', () => {
  it('keeps name, message, code and stack', () => {
    const stored = toStoredError(Object.assign(new TypeError('no'), { code: 'E_NO' }))
    expect(stored).toMatchObject({ name: 'TypeError', message: 'no', code: 'E_NO' })
    expect(stored.stack).toContain('stored-error.test')
  })

  it('writes causes at the end of the stack', () => {
    const stored = toStoredError(new Error('outer', { cause: new Error('inner', { cause: 'the wire' }) }))
    expect(stored.stack).toMatch(/outer[\s\S]*Caused by: Error: inner[\s\S]*Caused by: "the wire"$/)
  })

  it('ends with a chain of causes that goes in a circle', () => {
    const error = new Error('a')
    error.cause = error
    expect(toStoredError(error).message).toBe('a')
  })

  it.each<[unknown, string]>([
    ['boom', 'The handler threw "boom", which is not an Error.'],
    [undefined, 'The handler threw undefined, which is not an Error.'],
    [null, 'The handler threw null, which is not an Error.'],
    [42n, 'The handler threw 42, which is not an Error.'],
    [Symbol('s'), 'The handler threw Symbol(s), which is not an Error.'],
    [{ status: 500 }, 'The handler threw {"status":500}, which is not an Error.'],
    [() => 1, 'The handler threw a function, which is not an Error.'],
  ])('makes HANDLER_THREW of %s', (thrown, message) => {
    expect(toStoredError(thrown)).toEqual({ name: 'Error', message, code: 'HANDLER_THREW' })
  })

  it('knows errors of another realm', () => {
    expect(toStoredError(runInNewContext('new RangeError("far")'))).toMatchObject({
      name: 'RangeError',
      message: 'far',
    })
  })

  it('is bounded, and cuts no character in half', () => {
    const stored = toStoredError(new Error('😀'.repeat(10_000)))
    expect(stored.message.length).toBeLessThanOrEqual(4_096)
    expect(stored.message).not.toMatch(/[\ud800-\udbff]…/)
    expect(stored.stack?.length).toBeLessThanOrEqual(8_192)
    expect(toStoredError('x'.repeat(1e6)).message.length).toBeLessThanOrEqual(4_096)
  })

  const explode = () => {
    throw new Error('hostile')
  }
  const hostile: [string, unknown][] = [
    ['getters', Object.create(Error.prototype, { message: { get: explode }, stack: { get: explode } })],
    ['a proxy', new Proxy({}, { get: explode, getPrototypeOf: explode, has: explode })],
    ['a proxy of an error', new Proxy(new Error('x'), { get: explode, has: explode })],
    ['toJSON', { toJSON: explode }],
    ['a revoked proxy', revoked()],
    ['odd types', Object.assign(new Error('x'), { name: 3, message: {}, code: Symbol('s'), stack: [] })],
  ]
  // Not it.each, which reads what it is given to make a title of it.
  for (const [what, thrown] of hostile)
    it(`never throws: ${what}`, () => {
      const stored = toStoredError(thrown)
      expect(typeof stored.name).toBe('string')
      expect(typeof stored.message).toBe('string')
      expect(JSON.parse(JSON.stringify(stored))).toEqual(stored)
      expect(isNonRetryable(thrown)).toBe(false)
      expect(retryAfterOf(thrown, 0)).toBeUndefined()
    })

  it('never throws for anything', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withMap: true }), (thrown) => {
        expect(JSON.parse(JSON.stringify(toStoredError(thrown)))).toEqual(toStoredError(thrown))
      }),
    )
  })
})

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

describe('what handlers throw on purpose', () => {
  it('is known by a mark, not by its class', () => {
    expect(isNonRetryable(new NonRetryableError('no'))).toBe(true)
    expect(isNonRetryable({ [Symbol.for('batuta.nonRetryable')]: true })).toBe(true)
    expect(isNonRetryable(new Error('no'))).toBe(false)
    expect(isNonRetryable(new BatutaError('NO_SESSION', 'x', { data: { taskId: 't' } }))).toBe(false)
  })

  it('keeps its cause', () => {
    const cause = new Error('underneath')
    expect(new NonRetryableError('no', { cause }).cause).toBe(cause)
    expect(new RetryAfterError('later', 5, { cause }).cause).toBe(cause)
    expect('cause' in new NonRetryableError('no')).toBe(false)
  })

  it('says how long to wait, in milliseconds or until a moment', () => {
    expect(retryAfterOf(new RetryAfterError('later', 1_500.2), 0)).toBe(1_501)
    expect(retryAfterOf(new RetryAfterError('later', new Date(5_000)), 2_000)).toBe(3_000)
    expect(retryAfterOf(new RetryAfterError('later', new Date(1_000)), 2_000)).toBe(0)
    expect(retryAfterOf(new RetryAfterError('later', -5), 0)).toBe(0)
    expect(retryAfterOf(new RetryAfterError('later', Number.NaN), 0)).toBeUndefined()
    expect(retryAfterOf(new Error('x'), 0)).toBeUndefined()
  })
})
