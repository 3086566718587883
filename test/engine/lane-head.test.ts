import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TaskRef } from '../../src/engine/engine.js'
import { HEAD, LaneHead, type Nearest, ranksBefore, SHARED_HEAD } from '../../src/engine/in-process/lane-head.js'
import { Heap } from '../../src/internal/heap.js'

const ref = (rank: number): TaskRef => ({ id: `t${rank}`, lane: 'work', tenant: 'default', rank })

/** A queue of these ranks, and the head of it. */
function make(ranks: readonly number[]) {
  const queue = new Heap<TaskRef>(ranksBefore)
  for (const rank of ranks) queue.push(ref(rank))
  return { queue, head: new LaneHead(queue) }
}

const never = () => false

/** What a look at each of the lowest ranks would find, one by one. */
function sought(ranks: readonly number[], isOwn: (ref: TaskRef) => boolean, isOld: (ref: TaskRef) => boolean) {
  let old = 0
  for (const rank of [...ranks].sort((a, b) => a - b).slice(0, SHARED_HEAD)) {
    if (isOwn(ref(rank))) return rank
    if (isOld(ref(rank)) && ++old >= HEAD) return undefined
  }
  return undefined
}

describe('the own of a head', () => {
  it('is the lowest that a look at each would find, whatever is taken and added', () => {
    const ranks = fc.uniqueArray(fc.nat(5_000), { minLength: 1, maxLength: 1_400, size: 'max' })
    const steps = fc.array(fc.option(fc.nat(5_000), { freq: 3 }), { maxLength: 120, size: 'max' })
    fc.assert(
      fc.property(
        ranks,
        steps,
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 2, max: 9 }),
        (given, steps, of, age) => {
          const isOwn = ({ rank }: TaskRef) => rank % of === 0
          const isOld = ({ rank }: TaskRef) => rank % age === 0
          const { queue, head } = make(given)
          const left = new Set(given)
          for (const added of steps) {
            if (added !== null) {
              if (left.has(added)) continue
              left.add(added)
              queue.push(ref(added))
              head.add(ref(added))
              continue
            }
            const found = head.own(isOwn, isOld)
            expect(found?.ref.rank).toBe(sought([...left], isOwn, isOld))
            if (found === undefined) continue
            const before = [...left].filter((rank) => rank < found.ref.rank).length
            expect(found.passed).toBe(before)
            head.take(found)
            for (const item of queue.values()) if (item.rank === found.ref.rank) queue.remove(item)
            left.delete(found.ref.rank)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('is found without passing over the others’ again for each', () => {
    const { queue, head } = make(Array.from({ length: SHARED_HEAD }, (_, rank) => rank))
    let looks = 0
    const isOwn = ({ rank }: TaskRef) => ++looks > 0 && rank % 4 === 3
    let taken = 0
    for (let found = head.own(isOwn, never); found !== undefined; found = head.own(isOwn, never)) {
      head.take(found)
      queue.remove(found.ref)
      taken++
    }
    expect(taken).toBe(SHARED_HEAD / 4)
    // One look at each, and some where the head is filled up again. One by one it would be 8,000.
    expect(looks).toBeLessThan(2 * SHARED_HEAD)
    const before = looks
    expect(head.own(isOwn, never)).toBeUndefined()
    expect(looks).toBe(before)
  })
})

describe('what others left lying', () => {
  it('is taken nearest first, from the back, and what is old from the front', () => {
    const { head } = make([1, 2, 3, 4, 5, 6])
    const distances: Record<number, number> = { 2: 2, 3: 1, 5: 1, 6: 2 }
    const distanceOf = ({ rank }: TaskRef) => distances[rank]
    const rankOf = (nearest: Nearest | undefined) => nearest?.ref.rank
    expect(rankOf(head.leftLying(distanceOf, never))).toBe(5)
    expect(rankOf(head.leftLying(distanceOf, ({ rank }) => rank === 3))).toBe(3)
  })

  it('is sought again where the head was filled up', () => {
    const { queue, head } = make(Array.from({ length: 300 }, (_, rank) => rank))
    expect(head.leftLying(() => undefined, never)).toBeUndefined()
    const own = head.own(({ rank }) => rank === 0, never)
    expect(own?.ref.rank).toBe(0)
    if (own !== undefined) head.take(own)
    queue.pop()
    expect(head.own(never, never)).toBeUndefined()
    expect(head.leftLying(({ rank }) => (rank === SHARED_HEAD ? 1 : undefined), never)?.ref.rank).toBe(SHARED_HEAD)
  })

  it('is not sought again once there is nothing, until storage is read', () => {
    const { head } = make([1, 2, 3])
    let looks = 0
    const nothing = () => {
      looks++
      return undefined
    }
    expect(head.leftLying(nothing, never)).toBeUndefined()
    expect(head.leftLying(nothing, never)).toBeUndefined()
    expect(looks).toBe(3)
  })
})
