import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkTaskDefinition } from '../../src/task/check-task.js'
import { defineTask } from '../../src/task/define-task.js'
import {
  ANY_TYPE,
  agentLane,
  contentsOf,
  fallbackLane,
  isFallbackLane,
  laneOf,
  parseLane,
} from '../../src/task/lane.js'
import { resolveSubmitOptions } from '../../src/task/resolve-submit.js'
import { thrownBy } from './thrown-by.js'

/** Any text that options let pass: whole characters, and something of them. */
const name = fc.string({ unit: 'binary', minLength: 1 })
const type = name.filter((text) => text !== ANY_TYPE)
const requires = fc.uniqueArray(name, { maxLength: 5 }).map((all) => all.sort())

describe('the name of a lane', () => {
  it('can be read back, whatever the texts', () => {
    fc.assert(
      fc.property(type, requires, (type, requires) => {
        expect(parseLane(laneOf(type, requires))).toEqual({ kind: 'tasks', type, requires })
        expect(parseLane(laneOf(undefined, requires))).toEqual({ kind: 'tasks', type: undefined, requires })
        expect(parseLane(agentLane(type))).toEqual({ kind: 'agent', agentId: type })
        expect(parseLane(fallbackLane(type))).toEqual({ kind: 'fallback', type })
      }),
    )
  })

  it('differs when anything differs', () => {
    fc.assert(
      fc.property(type, requires, type, requires, (typeA, a, typeB, b) => {
        const isSame = typeA === typeB && JSON.stringify(a) === JSON.stringify(b)
        expect(laneOf(typeA, a) === laneOf(typeB, b)).toBe(isSame)
      }),
    )
    const names = ['a,b', 'a', 'b', 'a:b', 'task', '%2C', '*x'].flatMap((text) => [
      laneOf(text, []),
      laneOf('t', [text]),
    ])
    expect(new Set([...names, laneOf('t', ['a', 'b']), agentLane('t'), fallbackLane('t'), laneOf('*', [])]).size).toBe(
      18,
    )
  })

  it('has no reserved character in its parts, so that storages and people can read it', () => {
    expect(laneOf('price quote', ['a:b', 'c,d'])).toBe('task:price%20quote:a%3Ab,c%2Cd')
    expect(laneOf('price_quote', ['x'])).toBe('task:price_quote:x')
    expect(laneOf(undefined, [])).toBe('task:*:')
    expect(laneOf(ANY_TYPE, [])).toBe('task:*:')
  })

  it('is told to those who submit in their own words', () => {
    expect(contentsOf(laneOf('price quote', ['a', 'b']))).toEqual({ type: 'price quote', requires: ['a', 'b'] })
    expect(contentsOf(laneOf(undefined, ['a']))).toEqual({ type: '*', requires: ['a'] })
    expect(contentsOf(fallbackLane('quote'))).toEqual({ type: 'quote', requires: [] })
    expect(contentsOf(agentLane('ana'))).toEqual({ type: '*', requires: [] })
  })

  it('says whether it is that of fallback functions', () => {
    expect(isFallbackLane(fallbackLane('t'))).toBe(true)
    expect([laneOf('fallback', []), agentLane('fallback'), laneOf(undefined, [])].map(isFallbackLane)).toEqual([
      false,
      false,
      false,
    ])
  })
})

describe('a name with half a surrogate pair', () => {
  it('is refused before it reaches a lane or a storage, where it could not be told from another', () => {
    expect(thrownBy(() => checkTaskDefinition(defineTask('quote\ud800'))).code).toBe('DEFINITION_INVALID')
    const requires = thrownBy(() => checkTaskDefinition(defineTask('t', { requires: ['ok', '\udc00'] })))
    expect(requires).toMatchObject({ code: 'OPTIONS_INVALID', paths: ['requires.1'] })
    for (const name of ['orderingKey', 'sessionId', 'tenant', 'idempotencyKey', 'strategy']) {
      const refused = thrownBy(() => resolveSubmitOptions(defineTask('t'), { [name]: 'x\ud83d' }, { now: 0 }))
      expect(refused).toMatchObject({ code: 'OPTIONS_INVALID', paths: [name] })
    }
  })

  it('is fine when the pair is whole', () => {
    const options = { orderingKey: 'grin \ud83d\ude00' }
    expect(resolveSubmitOptions(defineTask('t\ud83d\ude00'), options, { now: 0 })).toMatchObject(options)
  })
})
