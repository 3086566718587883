import { describe, expect, it } from 'vitest'
import type { ChaosLine } from './chaos-log.js'
import { takeovers } from './takeovers.js'

/** `victim` is killed at 1000 with a task running, which starts in `heir` at 4000; what else happened stands between. */
function found(...between: readonly ChaosLine[]) {
  return takeovers([
    { t: 'owner', life: 'victim', owner: 'o1', at: 10 },
    { t: 'owner', life: 'heir', owner: 'o2', at: 10 },
    { t: 'start', id: 'task', attempt: 1, life: 'victim', at: 900 },
    { t: 'killed', life: 'victim', at: 1_000 },
    ...between,
    { t: 'start', id: 'task', attempt: 2, life: 'heir', at: 4_000 },
  ])
}

const stopped = (life: string, from: number, until: number, keepsFile: boolean): ChaosLine => ({
  t: 'stopped',
  life,
  from,
  until,
  keepsFile,
})

describe('the time from a kill to the first start elsewhere', () => {
  it('is measured while a process watched', () => {
    expect(found()).toEqual([{ ms: 3_000, isWatched: true }])
  })

  it('is nothing where the handler had ended before', () => {
    expect(found({ t: 'end', id: 'task', attempt: 1, life: 'victim', at: 950 })).toEqual([])
  })

  it('counts as not watched when the only other process was stopped or killed meanwhile', () => {
    expect(found(stopped('heir', 1_500, 2_000, false))).toEqual([{ ms: 3_000, isWatched: false }])
    expect(found({ t: 'killed', life: 'heir', at: 2_000 })).toEqual([{ ms: 3_000, isWatched: false }])
  })

  it('counts as not watched when a third one was stopped with the file locked meanwhile', () => {
    expect(found(stopped('third', 1_500, 2_000, false))).toEqual([{ ms: 3_000, isWatched: true }])
    expect(found(stopped('third', 1_500, 2_000, true))).toEqual([{ ms: 3_000, isWatched: false }])
    expect(found(stopped('third', 500, 900, true))).toEqual([{ ms: 3_000, isWatched: true }])
  })
})
