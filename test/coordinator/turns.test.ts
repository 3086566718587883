import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TurnEdit, turnIdOf } from '../../src/coordinator/turns.js'
import type { RecordValue, Write } from '../../src/storage/storage.js'
import { newTask } from '../../src/task/new-task.js'
import type { TaskRecord } from '../../src/task/task-record.js'

const ID = turnIdOf('default', 'user', 'k')
const BOOSTS = { low: 0, normal: 0, high: 0, critical: 0 }

/** What an edit writes, as the set builder is told. */
function written(edit: TurnEdit): Write['leave'] {
  let left: Write['leave']
  const put = (_kind: string, _id: string, _was: unknown, value: RecordValue) => {
    left = { version: 'v', value }
  }
  edit.write({ put } as never, 7)
  return left
}

const aTask = (): TaskRecord =>
  newTask({ type: 't', requires: [], tenant: 'default', priority: 'normal', input: undefined }, 'id', 0, BOOSTS)

describe('a turn', () => {
  it('has an id that tells tenants, spaces and keys apart, whatever they contain', () => {
    const names = ['a', 'a/b', '/', '', 'user', 'ü%2F']
    const ids = names.flatMap((tenant) =>
      names.flatMap((key) => [turnIdOf(tenant, 'user', key), turnIdOf(tenant, 'session', key)]),
    )
    expect(new Set(ids).size).toBe(names.length * names.length * 2)
  })

  it('goes to the first who comes; those who come later wait', () => {
    const edit = new TurnEdit(ID, undefined)
    expect(edit.isBusy).toBe(false)
    expect(edit.admit(aTask())).toMatchObject({ state: 'ready', turnKey: ID, seq: 1 })
    expect(edit.isBusy).toBe(true)
    expect(edit.admit(aTask())).toMatchObject({ state: 'waiting', seq: 2 })
    expect(written(edit)).toMatchObject({ value: { nextSeq: 3, head: 1, touchedAt: 7 } })
  })

  it('passes to the next who waits, over numbers that are gone, and is idle when nobody does', () => {
    const was = { id: ID, version: 'v1', value: { nextSeq: 9, head: 4, touchedAt: 0 } }
    const passed = new TurnEdit(ID, was)
    expect(passed.has(4)).toBe(true)
    passed.pass(7)
    expect(written(passed)).toMatchObject({ value: { nextSeq: 9, head: 7 } })
    const idle = new TurnEdit(ID, was)
    idle.pass(undefined)
    expect(idle.isBusy).toBe(false)
    expect(idle.admit(aTask())).toMatchObject({ state: 'ready', seq: 9 })
  })

  it('is written only when it has changed', () => {
    const edit = new TurnEdit(ID, { id: ID, version: 'v1', value: { nextSeq: 3, head: 2, touchedAt: 0 } })
    expect(edit.isChanged).toBe(false)
    edit.join()
    expect(edit.isChanged).toBe(true)
  })

  it('gives every number once and lets exactly the head go ahead, in any order of coming and passing', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('join' as const, 'pass' as const), { maxLength: 60 }), (steps) => {
        let was:
          | { id: string; version: string; value: { nextSeq: number; head: number; touchedAt: number } }
          | undefined
        const waiting: number[] = []
        const given: number[] = []
        for (const step of steps) {
          const edit = new TurnEdit(ID, was)
          if (step === 'join') {
            const { seq, hasTurn } = edit.join()
            expect(hasTurn).toBe(waiting.length === 0)
            waiting.push(seq)
            given.push(seq)
          } else if (waiting.length > 0) {
            expect(edit.has(waiting.shift() as number)).toBe(true)
            edit.pass(waiting[0])
          }
          expect(edit.isBusy).toBe(waiting.length > 0)
          if (edit.isChanged) was = { id: ID, version: 'v', value: written(edit)?.value as never }
        }
        expect(given).toEqual(given.map((_, i) => i + 1))
      }),
    )
  })
})
