import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Breaker, type BreakerState, type Verdict } from '../../../src/router/health/breaker.js'
import { OutcomeWindow } from '../../../src/router/health/outcome-window.js'

describe('the window of outcomes', () => {
  it('holds what a list of all outcomes says is in it', () => {
    const call = fc.record({ isFailure: fc.boolean(), afterMs: fc.oneof(fc.nat(3), fc.nat(40)) })
    const sizes = fc.record({ maxCalls: fc.integer({ min: 1, max: 40 }), windowMs: fc.integer({ min: 1, max: 100 }) })
    fc.assert(
      fc.property(sizes, fc.array(call, { maxLength: 150, size: 'max' }), ({ maxCalls, windowMs }, calls) => {
        const window = new OutcomeWindow(maxCalls, windowMs)
        const all: { at: number; isFailure: boolean }[] = []
        let now = 0
        for (const { isFailure, afterMs } of calls) {
          now += afterMs
          window.add(isFailure, now)
          all.push({ at: now, isFailure })
          const held = all.filter(({ at }) => now - at < windowMs).slice(-maxCalls)
          expect([window.calls, window.failures]).toEqual([held.length, held.filter((one) => one.isFailure).length])
        }
      }),
    )
  })
})

const SETTINGS = { failureRate: 0.5, minCalls: 4, maxCalls: 10, windowMs: 100, openMs: 50, maxOpenMs: 300 }

/** What the breaker should be, from a list of everything that happened. */
class Model {
  state: BreakerState = 'closed'
  openUntil = 0
  probe: string | undefined
  failed = 0
  counted: { at: number; isFailure: boolean }[] = []

  settle(token: string, verdict: Verdict, now: number): void {
    if (this.state === 'closed') {
      if (verdict === 'neutral') return
      this.counted.push({ at: now, isFailure: verdict === 'failure' })
      const held = this.counted.filter(({ at }) => now - at < SETTINGS.windowMs).slice(-SETTINGS.maxCalls)
      const failures = held.filter(({ isFailure }) => isFailure).length
      if (verdict === 'failure' && held.length >= SETTINGS.minCalls && failures >= held.length * SETTINGS.failureRate)
        this.open(now)
    } else if (token === this.probe) {
      this.probe = undefined
      if (verdict === 'success') this.state = 'closed'
      if (verdict === 'success') this.failed = 0
      if (verdict === 'failure') {
        this.failed++
        this.open(now)
      }
    }
  }

  open(now: number): void {
    this.state = 'open'
    this.openUntil = now + Math.min(300, 50 * 2 ** this.failed)
    this.counted = []
  }

  get letsThrough(): boolean {
    return this.state === 'closed' || (this.state === 'half_open' && this.probe === undefined)
  }
}

const act = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('assign' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      who: fc.nat(5),
      verdict: fc.constantFrom<Verdict>('success', 'failure', 'failure', 'neutral'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.oneof(fc.nat(10), fc.nat(80)) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const) }) },
)

describe('a breaker', () => {
  it('opens, tries and closes as the list of outcomes says, with one probe at a time', () => {
    let halfOpen = 0
    fc.assert(
      fc.property(fc.array(act, { maxLength: 120, size: 'max' }), (acts) => {
        const breaker = new Breaker('work', SETTINGS)
        const model = new Model()
        const underWay: string[] = []
        let now = 0
        let made = 0
        for (const one of acts) {
          if (one.do === 'wait') {
            now += one.ms
            const isDue = model.state === 'open' && now >= model.openUntil
            if (isDue) model.state = 'half_open'
            expect(breaker.due(now)).toBe(isDue)
          } else if (one.do === 'assign' && model.letsThrough) {
            const token = `t${made++}`
            underWay.push(token)
            const isProbe = model.state === 'half_open'
            expect(breaker.assigned(token)).toBe(isProbe)
            if (isProbe) model.probe = token
            if (isProbe) halfOpen++
          } else if (one.do === 'settle' && underWay.length > 0) {
            const [token] = underWay.splice(one.who % underWay.length, 1) as [string]
            model.settle(token, one.verdict, now)
            breaker.settled(token, one.verdict, now)
          } else if (one.do === 'close') {
            expect(breaker.close()).toBe(model.state !== 'closed')
            Object.assign(model, new Model())
          }
          expect([breaker.state, breaker.probe, breaker.blocks]).toEqual([model.state, model.probe, !model.letsThrough])
        }
      }),
      { numRuns: 300 },
    )
    expect(halfOpen).toBeGreaterThan(20)
  })

  it('remembers what it saw when it opened, and begins anew when it closes', () => {
    const breaker = new Breaker('work', SETTINGS)
    const end = (verdict: Verdict, now: number, token = '') => breaker.settled(token, verdict, now)
    for (const verdict of ['failure', 'success', 'success', 'neutral'] as const) expect(end(verdict, 0)).toBe(false)
    expect(end('failure', 10)).toBe(true)
    expect(breaker).toMatchObject({ state: 'open', openUntil: 60, calls: 4, failures: 2 })
    expect([breaker.due(59), breaker.due(60), breaker.state]).toEqual([false, true, 'half_open'])
    expect([breaker.assigned('a'), breaker.assigned('b')]).toEqual([true, false])
    expect([end('success', 61, 'b'), end('neutral', 62, 'a'), breaker.state]).toEqual([false, true, 'half_open'])
    expect([breaker.assigned('c'), end('success', 63, 'c'), breaker.state]).toEqual([true, true, 'closed'])
    for (let i = 0; i < 3; i++) expect(end('failure', 64)).toBe(false)
    expect(end('failure', 64)).toBe(true)
  })
})
