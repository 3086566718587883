import { VirtualClock } from 'batuta/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TaskRef } from '../../src/engine/engine.js'
import { HEAD_START_MS, MAX_HEAD_START_MS } from '../../src/engine/in-process/head-starts.js'
import { inProcessEngine } from '../../src/engine/in-process/in-process-engine.js'

const LANE = 'work'
const NEWS_MS = 2
const ref = (rank: number, tenant = 'ana'): TaskRef => ({ id: `t${rank}`, lane: LANE, tenant, rank })

/** An engine that shares its storage with others, whose reads the test answers. What ends in a zero is for others first. */
async function make({ windowSize = 1_000, isAlone = false } = {}) {
  const clock = new VirtualClock()
  const engine = inProcessEngine({ windowSize })
  const reads: { limit: number; answer(refs: readonly TaskRef[]): Promise<void>; fail(): Promise<void> }[] = []
  let woken = 0
  await engine.start({
    clock,
    pollMs: 1_000,
    newsMs: NEWS_MS,
    placeOf: isAlone ? undefined : ({ rank }) => (rank % 10 === 0 ? 1 : 0),
    readReady: (_lane, limit) =>
      new Promise((resolve, reject) => {
        const settling = (settle: () => void) => {
          settle()
          return clock.settle()
        }
        reads.push({
          limit,
          answer: (refs) => settling(() => resolve(refs)),
          fail: () => settling(() => reject(new Error('away'))),
        })
      }),
    wake: () => {
      woken++
    },
    onError: () => undefined,
  })
  const take = () => engine.want([LANE], 1)[0]?.rank
  return {
    engine,
    clock,
    reads,
    take,
    answer: (refs: readonly TaskRef[]) => reads.pop()?.answer(refs),
    woken: () => woken,
  }
}

describe('what storage has not shown for a while', () => {
  it('is tried in order, one for each read', async () => {
    const { clock, take, answer, reads } = await make()
    take()
    const seen = [ref(1), ref(2), ref(3)]
    await answer(seen)
    await clock.advance(HEAD_START_MS + 1)
    expect(take()).toBe(1)
    expect(reads).toHaveLength(1)
    expect(take()).toBeUndefined()
    expect(reads).toHaveLength(1)
    // Others had taken the second one.
    await answer([ref(3)])
    expect(take()).toBe(3)
  })

  it('goes before what has just been made ready here', async () => {
    const { engine, clock, take, answer } = await make()
    take()
    await answer([ref(1)])
    await clock.advance(200)
    engine.offer([ref(7)])
    expect(take()).toBe(1)
    expect(take()).toBe(7)
  })

  it('is left to others, unless it is old and this node has nothing of its own', async () => {
    const { engine, clock, take, answer } = await make()
    take()
    await answer([ref(10)])
    await clock.advance(500)
    expect(take()).toBeUndefined()
    await answer([ref(10)])
    await clock.advance(550)
    await answer([ref(10)])
    await clock.advance(MAX_HEAD_START_MS)
    engine.offer([ref(17), ref(18)])
    expect(take()).toBe(17)
    expect(take()).toBe(18)
    expect(take()).toBe(10)
  })
})

describe('a hint of tasks that others made ready', () => {
  it('while a read is under way has the host ask again, and then it is read', async () => {
    const { engine, take, answer, reads, woken } = await make()
    take()
    await answer([])
    engine.hint?.([LANE])
    take()
    engine.hint?.([LANE])
    const before = woken()
    // What the first hint told of was taken by somebody else; what the second one tells of came too late for this read.
    await answer([])
    expect(woken()).toBe(before + 1)
    take()
    expect(reads).toHaveLength(1)
    await answer([])
    expect(woken()).toBe(before + 1)
  })

  it('is not lost with a read that fails', async () => {
    const { engine, take, answer, reads } = await make()
    take()
    await answer([])
    engine.hint?.([LANE])
    take()
    await reads.pop()?.fail()
    take()
    expect(reads).toHaveLength(1)
  })
})

describe('references that are handed out and not finished', () => {
  it('keep nobody from what ranks behind them, however many they are', async () => {
    const made = fc.array(fc.record({ tenant: fc.constantFrom('ana', 'beto'), isParked: fc.boolean() }), {
      maxLength: 60,
      size: 'max',
    })
    await fc.assert(
      fc.asyncProperty(made, fc.nat(30), async (made, first) => {
        const { engine, clock, reads } = await make({ windowSize: 4, isAlone: true })
        // Those that are parked for ever may be the first of all.
        const tasks = [...Array.from({ length: first }, () => ({ tenant: 'ana', isParked: true })), ...made]
        const parked = new Set(tasks.flatMap(({ isParked }, rank) => (isParked ? [`t${rank}`] : [])))
        let ready = tasks.map(({ tenant }, rank) => ref(rank, tenant))
        const inTurn = (limit: number) => {
          const queues = ['ana', 'beto'].map((tenant) => ready.filter((ref) => ref.tenant === tenant))
          return ready.flatMap((_, i) => queues.flatMap((queue) => queue[i] ?? [])).slice(0, limit)
        }
        for (let poll = 0; poll < 10; poll++) {
          for (let idle = 0; idle < 3; idle++) {
            for (let refs = engine.want([LANE], 1); refs.length > 0; refs = engine.want([LANE], 1)) {
              const claimed = refs.filter(({ id }) => !parked.has(id))
              ready = ready.filter((ref) => !claimed.includes(ref))
              engine.finish(claimed)
              idle = 0
            }
            for (let read = reads.pop(); read !== undefined; read = reads.pop()) await read.answer(inTurn(read.limit))
          }
          await clock.advance(1_000)
        }
        expect(ready.filter(({ id }) => !parked.has(id))).toEqual([])
        await engine.stop({ graceMs: 0 })
      }),
      { numRuns: 100 },
    )
  })

  it('cost a read so much more, and no more than ten queries', async () => {
    const { engine, reads, answer } = await make({ windowSize: 100_000, isAlone: true })
    engine.want([LANE], 1)
    await answer(Array.from({ length: 30_000 }, (_, rank) => ref(rank)))
    engine.want([LANE], 70)
    engine.hint?.([LANE])
    engine.want([LANE], 30_000)
    expect(reads.pop()?.limit).toBe(256 + 10_000)
  })
})
