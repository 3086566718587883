import { describe, expect, it } from 'vitest'
import { laneOf } from '../../src/task/lane.js'
import { newTask, type TaskSpec } from '../../src/task/new-task.js'
import { DEFAULT_BOOSTS } from '../../src/task/priority.js'
import { aTask, NOW } from './tasks.js'

describe('a new task', () => {
  it('is ready, due now, in its lane, without attempts', () => {
    expect(aTask({ requires: ['a'], priority: 'high' })).toEqual({
      id: 'task-1',
      type: 'quote',
      tenant: 'default',
      state: 'ready',
      lane: laneOf('quote', ['a']),
      requires: ['a'],
      priority: 'high',
      createdAt: NOW,
      dueAt: NOW,
      rank: NOW - 300_000,
      input: { n: 1 },
      attempts: [],
    })
  })

  it('with a delay is scheduled, and its rank counts from when it is due', () => {
    expect(aTask({ runAt: NOW + 500 })).toMatchObject({
      state: 'scheduled',
      runAt: NOW + 500,
      dueAt: NOW + 500,
      rank: NOW + 500 - 60_000,
      createdAt: NOW,
    })
  })

  it('with a delay that has passed is ready now', () => {
    for (const runAt of [NOW, NOW - 1, 0]) {
      const task = aTask({ runAt })
      expect(task).toMatchObject({ state: 'ready', dueAt: NOW })
      expect(task.runAt).toBeUndefined()
    }
  })

  it('keeps everything that was decided about it', () => {
    const spec: TaskSpec = {
      type: 'quote',
      requires: [],
      tenant: 'acme',
      priority: 'low',
      input: null,
      expiresAt: NOW + 9,
      timeoutMs: 5,
      strategy: 'balanced',
      fallbackAgents: ['b'],
      metadata: { source: 'web' },
      idempotencyKey: 'once',
      turnKey: 'acme/user/k',
      sessionId: 's',
      parentId: 'p',
      redriveOf: 'r',
      answers: true,
      merge: true,
    }
    expect(newTask(spec, 'id', NOW, DEFAULT_BOOSTS)).toMatchObject(spec)
  })

  it('says nothing of what is not so', () => {
    const task = JSON.parse(JSON.stringify(aTask({ answers: undefined, merge: false, metadata: undefined })))
    for (const absent of ['answers', 'merge', 'metadata', 'seq', 'holder', 'error'])
      expect(task).not.toHaveProperty(absent)
  })
})
