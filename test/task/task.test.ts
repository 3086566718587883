import { describe, expect, it } from 'vitest'
import { defined, taskOf } from '../../src/task/task.js'
import { claimed, promoted, settled } from '../../src/task/task-life-cycle.js'
import { aClaim, aTask, BOOM, NOW, rules } from './tasks.js'

/** Changes all that can be changed. */
function spoil(value: object): void {
  for (const key of Object.keys(value)) {
    const inner: unknown = Reflect.get(value, key)
    if (typeof inner === 'object' && inner !== null) spoil(inner)
    else Reflect.set(value, key, 'spoilt')
    Reflect.set(value, 'more', true)
  }
}

describe('what users see of a task', () => {
  it('is its facts, with times as dates, and no key without a value', () => {
    expect(taskOf(aTask())).toStrictEqual({
      id: 'task-1',
      type: 'quote',
      tenant: 'default',
      status: 'pending',
      requires: [],
      priority: 'normal',
      createdAt: new Date(NOW),
      input: { n: 1 },
      attempts: [],
    })
  })

  it('tells each attempt, what came of it, and when the first one began', () => {
    const failed = settled(
      claimed(aTask(), aClaim({ strategy: 'balanced', score: 0.7 })),
      { type: 'failure', error: BOOM, retryable: true },
      rules(),
    )
    const seen = taskOf(failed)
    expect(seen).toMatchObject({
      status: 'pending',
      runAt: new Date(NOW + 600),
      startedAt: new Date(NOW + 10),
      error: BOOM,
    })
    expect(seen.attempts).toStrictEqual([
      {
        number: 1,
        agentId: 'ana',
        ownerId: 'owner-1',
        startedAt: new Date(NOW + 10),
        endedAt: new Date(NOW + 100),
        outcome: 'failed',
        error: BOOM,
        strategy: 'balanced',
        score: 0.7,
        fallback: false,
      },
    ])
    const second = claimed({ ...promoted(failed, true), fallbackStep: 1 }, aClaim({ token: 'token-2' }))
    expect(taskOf(second).attempts[1]).toStrictEqual({
      number: 2,
      agentId: 'ana',
      ownerId: 'owner-1',
      startedAt: new Date(NOW + 10),
      fallback: true,
    })
    expect(taskOf(second).runAt).toBeUndefined()
  })

  it('shows an ordering key as it was given, and no turn of a session', () => {
    const orderingKey = (turnKey: string) => taskOf(aTask({ turnKey })).orderingKey
    expect(orderingKey('default/user/a%2Fb%20c')).toBe('a/b c')
    expect(orderingKey('default/session/s1')).toBeUndefined()
  })

  it('is a copy: changing it changes nothing', () => {
    const record = settled(
      claimed(aTask({ metadata: { tags: ['a'] }, requires: ['x'] }), aClaim()),
      { type: 'success', output: { lines: [1] } },
      rules(),
    )
    const before = JSON.stringify(record)
    spoil(taskOf(record))
    expect(JSON.stringify(record)).toBe(before)
  })

  it('defined drops what is undefined, and keeps null, 0 and empty text', () => {
    expect(Object.keys(defined({ a: undefined, b: null, c: 0, d: '' }))).toEqual(['b', 'c', 'd'])
  })
})
