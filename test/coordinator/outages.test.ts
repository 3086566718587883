import { describe, expect, it } from 'vitest'
import { Outages } from '../../src/coordinator/limits/outages.js'
import { DEFAULT_RETRY } from '../../src/task/retry-policy.js'
import type { TaskRecord } from '../../src/task/task-record.js'
import { aClaim, aTask, BOOM, NOW } from '../task/tasks.js'

/** A task with so many failed attempts, the last of which ended at NOW. */
function failedTask(failures: number, own: Partial<TaskRecord> = {}): TaskRecord {
  const { agentId, instanceId, ownerId, token } = aClaim()
  const attempts = Array.from({ length: failures }, (_, i) => ({
    ...{ number: i + 1, agentId, instanceId, ownerId, token, startedAt: NOW, endedAt: NOW },
    ...{ outcome: 'failed' as const, error: BOOM },
  }))
  return { ...aTask(), attempts, ...own }
}

/** Of a type that worked, and then failed so often. */
function failing(failures: number): Outages {
  const outages = new Outages()
  outages.settled('quote', 'success')
  for (let i = 0; i < failures; i++) outages.settled('quote', 'failure')
  return outages
}

const keptBack = (outages: Outages, task = failedTask(3), now = NOW, hasFallback = false) =>
  outages.keptBackMs(task, DEFAULT_RETRY, hasFallback, now)

describe('the last retry of a task', () => {
  it('is kept back when its type worked here and has failed five times since', () => {
    expect(keptBack(failing(5))).toBe(1_000)
    expect(keptBack(failing(4))).toBe(0)
  })

  it('is kept back for as long as it has waited, each time, until maxDelayMs after its failure', () => {
    const outages = failing(9)
    const waits: number[] = []
    for (let now = NOW; ; ) {
      const ms = keptBack(outages, failedTask(3), now)
      if (ms === 0) break
      waits.push(ms)
      now += ms
    }
    expect(waits).toEqual([1_000, 1_000, 2_000, 4_000, 8_000, 16_000, 28_000])
  })

  it('goes when one of the type succeeds, and is not held by what is no fault of agents', () => {
    const outages = failing(9)
    outages.settled('quote', 'neutral')
    expect(keptBack(outages)).toBeGreaterThan(0)
    outages.settled('quote', 'success')
    expect(keptBack(outages)).toBe(0)
  })

  it('is not kept back when its type never worked here: it may be what is broken', () => {
    const outages = new Outages()
    for (let i = 0; i < 50; i++) outages.settled('quote', 'failure')
    expect(keptBack(outages)).toBe(0)
  })

  it('is not kept back for another type, and earlier retries and tasks with fallbacks never are', () => {
    const outages = failing(9)
    expect(keptBack(outages, failedTask(3, { type: 'other' }))).toBe(0)
    expect(keptBack(outages, failedTask(2))).toBe(0)
    expect(keptBack(outages, failedTask(3, { fallbackAgents: ['b'] }))).toBe(0)
    expect(keptBack(outages, failedTask(3), NOW, true)).toBe(0)
  })
})
