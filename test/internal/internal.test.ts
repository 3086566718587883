import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatutaError, isBatutaError } from '../../src/errors/base-error.js'
import { type Clock, realClock } from '../../src/internal/clock.js'
import { createDeferred } from '../../src/internal/deferred.js'
import { fnv1a } from '../../src/internal/hash.js'
import { Heap } from '../../src/internal/heap.js'
import { createIdFactory } from '../../src/internal/id.js'
import { importPeer } from '../../src/internal/import-peer.js'
import { guardedLogger, type Logger, silentLogger } from '../../src/internal/logger.js'
import { cryptoRandom, seededRandom } from '../../src/internal/random.js'

describe('heap', () => {
  it('gives back what was put in, the least first, through any mixture of puts and takes', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer(), { nil: undefined }), { size: 'large' }), (steps) => {
        const heap = new Heap<number>((a, b) => a < b)
        const model: number[] = []
        for (const step of steps) {
          if (step === undefined) expect(heap.pop()).toBe(model.shift())
          else {
            heap.push(step)
            model.push(step)
            model.sort((a, b) => a - b)
          }
          expect(heap.peek()).toBe(model[0])
          expect(heap.size).toBe(model.length)
          expect([...heap.values()].sort((a, b) => a - b)).toEqual(model)
        }
      }),
    )
  })
})

describe('ids', () => {
  /** A clock that says these times, one for each id, and stays at the last. */
  function saying(times: readonly number[]): Clock {
    let i = 0
    return { ...realClock, now: () => times[Math.min(i++, times.length - 1)] ?? 0 }
  }

  it('sort in the order in which they were made, whatever the clock does, and never repeat', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 1, size: 'large' }), fc.nat(), (times, seed) => {
        const newId = createIdFactory(saying(times.map((ms) => 1_700_000_000_000 + ms)), seededRandom(seed))
        const ids = times.map(() => newId())
        expect(ids).toEqual([...ids].sort())
        expect(new Set(ids).size).toBe(ids.length)
        for (const id of ids) expect(id).toMatch(/^[0-9a-hjkmnp-tv-z]{23}$/)
      }),
    )
  })

  it('keep their order beyond what the counter of one millisecond holds', () => {
    const newId = createIdFactory(saying([5]), seededRandom(1))
    let last = newId()
    for (let i = 0; i < 2 ** 20 + 10; i++) {
      const id = newId()
      if (id <= last) throw new Error(`${id} after ${last}`)
      last = id
    }
  })

  it('of two makers at the same moment differ', () => {
    const [a, b] = [1, 2].map((seed) => createIdFactory(saying([5]), seededRandom(seed)))
    expect(a?.()).not.toBe(b?.())
  })
})

describe('random', () => {
  it('with a seed repeats itself, and differs from another seed', () => {
    const draw = (seed: number) => Array.from({ length: 20 }, () => seededRandom(seed).next())
    expect(draw(7)).toEqual(draw(7))
    const [a, b] = [seededRandom(1), seededRandom(2)]
    expect(Array.from({ length: 5 }, () => a.next())).not.toEqual(Array.from({ length: 5 }, () => b.next()))
  })

  it.each([
    ['seeded', seededRandom(42)],
    ['of the operating system', cryptoRandom()],
  ])('%s is even in [0, 1)', (_name, random) => {
    const buckets = new Array<number>(10).fill(0)
    for (let i = 0; i < 20_000; i++) {
      const number = random.next()
      expect(number >= 0 && number < 1).toBe(true)
      const at = Math.floor(number * 10)
      buckets[at] = (buckets[at] ?? 0) + 1
    }
    // 2,000 expected in each; 6 standard deviations are 255.
    for (const count of buckets) expect(Math.abs(count - 2_000)).toBeLessThan(255)
  })
})

describe('hash', () => {
  it('is FNV-1a of 32 bits', () => {
    expect([fnv1a(''), fnv1a('a'), fnv1a('foobar')]).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968])
  })

  it('shares ids out evenly', () => {
    const newId = createIdFactory(realClock, seededRandom(1))
    const shares = [0, 0, 0]
    for (let i = 0; i < 9_000; i++) {
      const at = fnv1a(newId()) % 3
      shares[at] = (shares[at] ?? 0) + 1
    }
    for (const share of shares) expect(Math.abs(share - 3_000)).toBeLessThan(300)
  })
})

describe('deferred', () => {
  it('is a promise with both ends in reach', async () => {
    const good = createDeferred<number>()
    good.resolve(1)
    await expect(good.promise).resolves.toBe(1)
    const bad = createDeferred<number>()
    bad.reject(new Error('no'))
    await expect(bad.promise).rejects.toThrow('no')
  })
})

describe('logger', () => {
  const fields = { taskId: 't' }

  it('is silent by default', () => {
    for (const level of ['debug', 'info', 'warn', 'error'] as const) expect(silentLogger[level](fields)).toBeUndefined()
  })

  it('passes on level, fields and message, with the logger as `this`', () => {
    class Recorder implements Logger {
      readonly lines: unknown[] = []
      debug(...args: unknown[]): void {
        this.lines.push(['debug', ...args])
      }
      info(...args: unknown[]): void {
        this.lines.push(['info', ...args])
      }
      warn(...args: unknown[]): void {
        this.lines.push(['warn', ...args])
      }
      error(...args: unknown[]): void {
        this.lines.push(['error', ...args])
      }
    }
    const recorder = new Recorder()
    const guarded = guardedLogger(recorder)
    for (const level of ['debug', 'info', 'warn', 'error'] as const) guarded[level](fields, level)
    expect(recorder.lines).toEqual(['debug', 'info', 'warn', 'error'].map((level) => [level, fields, level]))
  })

  it('that throws harms nobody', () => {
    const broken = () => {
      throw new Error('disk full')
    }
    const guarded = guardedLogger({ debug: broken, info: broken, warn: broken, error: broken })
    for (const level of ['debug', 'info', 'warn', 'error'] as const) expect(() => guarded[level](fields)).not.toThrow()
  })
})

describe('importPeer', () => {
  it('gives what was loaded', async () => {
    await expect(importPeer('fs', 'a test', () => import('node:fs'))).resolves.toHaveProperty('readFileSync')
  })

  it('says which package is missing, for what, and how to install it', async () => {
    for (const code of ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND']) {
      const cause = Object.assign(new Error('no such module'), { code })
      const error = await importPeer('pg', 'postgresStorage', () => Promise.reject(cause)).catch((thrown) => thrown)
      if (!isBatutaError(error, 'PEER_MISSING')) throw error
      expect(error.data).toEqual({ packageName: 'pg' })
      expect(error.message).toContain('postgresStorage')
      expect(error.message).toContain('npm install pg')
      expect(error.cause).toBe(cause)
    }
  })

  it('passes on whatever else went wrong', async () => {
    const broken = new BatutaError('STORAGE_CORRUPT', 'broken', { data: { storage: 'x' } })
    await expect(importPeer('pg', 'x', () => Promise.reject(broken))).rejects.toBe(broken)
    await expect(importPeer('pg', 'x', () => Promise.reject(undefined))).rejects.toBeUndefined()
  })
})

describe('the real clock', () => {
  it('tells time that goes on, and runs what it is told to, unless it is taken back', async () => {
    const before = realClock.monotonic()
    expect(Math.abs(realClock.now() - Date.now())).toBeLessThan(1_000)
    const order: string[] = []
    realClock.setTimer(() => order.push('cancelled'), 1).cancel()
    await new Promise<void>((resolve) => {
      realClock.setTimer(() => order.push('negative'), -5)
      realClock.defer?.(() => order.push('deferred'))
      realClock.setTimer(() => resolve(), 20)
    })
    expect(order.sort()).toEqual(['deferred', 'negative'])
    expect(realClock.monotonic()).toBeGreaterThan(before)
  })

  it('does not fire at once for a delay that a timer of Node can not hold', async () => {
    let fired = false
    const timer = realClock.setTimer(() => {
      fired = true
    }, 2 ** 31)
    await new Promise((resolve) => setTimeout(resolve, 10))
    timer.cancel()
    expect(fired).toBe(false)
  })
})
