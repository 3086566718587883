import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TaskRef } from '../../src/engine/engine.js'
import { LaneWindow } from '../../src/engine/in-process/lane-window.js'

const LIMIT = 8
const TENANTS = ['a', 'b', 'c']

const inRankOrder = (x: TaskRef, y: TaskRef) => x.rank - y.rank || (x.id < y.id ? -1 : 1)

/** What is ready in storage, and a window over it: one node, unless `foreign` tasks are stored. */
class World {
  readonly ready = new Map<string, TaskRef>()
  readonly window = new LaneWindow('lane', LIMIT)
  readonly out = new Map<string, TaskRef>()
  readonly taken: TaskRef[] = []
  #read: { refs: TaskRef[]; isAll: boolean; offered: number } | undefined
  #made = 0

  make(tenant: string, rank: number): TaskRef {
    const ref = { id: `t${String(++this.#made).padStart(5, '0')}`, lane: 'lane', tenant, rank }
    this.ready.set(ref.id, ref)
    return ref
  }

  offer(ref: TaskRef): void {
    // A window's worth of offers at most comes while storage is read: more, and order is not promised.
    if (this.#read !== undefined && ++this.#read.offered >= LIMIT) this.endRefill()
    this.window.offer(ref)
  }

  /** The lowest of a tenant that is ready and not out. */
  lowest(tenant: string): TaskRef | undefined {
    const mine = [...this.ready.values()].filter((ref) => ref.tenant === tenant && !this.out.has(ref.id))
    return mine.sort(inRankOrder)[0]
  }

  take(tenant: string): TaskRef | undefined {
    const ref = this.window.take(tenant)
    if (ref === undefined) return undefined
    if (!this.ready.has(ref.id)) {
      // Read before it was claimed: the claim would be refused.
      this.window.finish(ref.id)
      return this.take(tenant)
    }
    this.out.set(ref.id, ref)
    return ref
  }

  claim(ref: TaskRef): void {
    this.out.delete(ref.id)
    this.ready.delete(ref.id)
    this.window.finish(ref.id)
    this.taken.push(ref)
  }

  beginRefill(more: number): void {
    if (!this.window.beginRefill()) return
    // As the engine does.
    const limit = more + this.window.outside
    const queues = TENANTS.map((tenant) =>
      [...this.ready.values()].filter((ref) => ref.tenant === tenant).sort(inRankOrder),
    )
    const refs: TaskRef[] = []
    for (let i = 0; i < this.ready.size; i++) refs.push(...queues.flatMap((queue) => queue[i] ?? []))
    this.#read = { refs: refs.slice(0, limit), isAll: refs.length < limit, offered: 0 }
  }

  endRefill(): void {
    const read = this.#read
    this.#read = undefined
    if (read !== undefined) this.window.endRefill(read.refs, read.isAll)
  }

  refill(limit = LIMIT): void {
    this.beginRefill(limit)
    this.endRefill()
  }
}

type Step =
  | { readonly do: 'offer' | 'foreign'; readonly tenant: string; readonly ranks: readonly number[] }
  | { readonly do: 'take'; readonly tenant: string; readonly keep: boolean }
  | { readonly do: 'giveBack' | 'end' | 'fail' }
  | { readonly do: 'begin'; readonly limit: number }

const tenant = fc.constantFrom(...TENANTS)
const ranks = fc.array(fc.nat(40), { minLength: 1, maxLength: 12, size: 'max' })
const steps = (...more: Step['do'][]): fc.Arbitrary<Step[]> => {
  const kinds: { weight: number; arbitrary: fc.Arbitrary<Step> }[] = [
    { weight: 3, arbitrary: fc.record({ do: fc.constant('offer' as const), tenant, ranks }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constant('take' as const), tenant, keep: fc.boolean() }) },
    { weight: 2, arbitrary: fc.constantFrom<Step>({ do: 'giveBack' }, { do: 'end' }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('begin' as const), limit: fc.constantFrom(3, LIMIT, LIMIT) }) },
  ]
  if (more.includes('foreign'))
    kinds.push({ weight: 2, arbitrary: fc.record({ do: fc.constant('foreign' as const), tenant, ranks }) })
  if (more.includes('fail')) kinds.push({ weight: 1, arbitrary: fc.constant<Step>({ do: 'fail' }) })
  return fc.array(fc.oneof(...kinds), { maxLength: 120, size: 'max' })
}

function perform(world: World, step: Step, onTake: (ref: TaskRef | undefined, tenant: string) => void): void {
  switch (step.do) {
    case 'offer':
      for (const rank of step.ranks) world.offer(world.make(step.tenant, rank))
      return
    case 'foreign':
      for (const rank of step.ranks) world.make(step.tenant, rank)
      return
    case 'take': {
      const ref = world.take(step.tenant)
      onTake(ref, step.tenant)
      if (ref !== undefined && !step.keep) world.claim(ref)
      return
    }
    case 'giveBack': {
      const [ref] = world.out.values()
      if (ref === undefined) return
      world.out.delete(ref.id)
      world.window.finish(ref.id)
      world.offer(ref)
      return
    }
    case 'begin':
      world.beginRefill(step.limit)
      return
    case 'end':
      world.endRefill()
      return
    case 'fail':
      world.window.failRefill()
  }
}

describe('the window of a lane', () => {
  it('of one node hands out in rank order, whatever is offered, read, trimmed and given back meanwhile', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(tenant, fc.nat(40)), { maxLength: 30, size: 'max' }), steps(), (before, steps) => {
        const world = new World()
        // Ready before this node began: it knows of them from its first refill on.
        for (const [tenant, rank] of before) world.make(tenant, rank)
        world.refill()
        for (const step of steps) {
          const lowest = step.do === 'take' ? world.lowest(step.tenant) : undefined
          perform(world, step, (ref) => {
            if (ref !== undefined) expect(ref).toEqual(lowest)
          })
        }
      }),
      { numRuns: 1_500 },
    )
  })

  it('never holds more than two windows, or two for each tenant when there are more of those', () => {
    fc.assert(
      fc.property(steps('foreign', 'fail'), (steps) => {
        const world = new World()
        for (const step of steps) {
          perform(world, step, () => undefined)
          expect(world.window.size).toBeLessThanOrEqual(2 * LIMIT)
        }
      }),
      { numRuns: 500 },
    )
    const window = new LaneWindow('lane', LIMIT)
    for (let i = 0; i < 300; i++) window.offer({ id: `t${i}`, lane: 'lane', tenant: `tenant-${i % 30}`, rank: i })
    expect(window.size).toBeLessThanOrEqual(60)
  })

  it('hands out nothing twice before it is finished, and never what was not ready', () => {
    fc.assert(
      fc.property(steps('foreign', 'fail'), (steps) => {
        const world = new World()
        const held = new Set<string>()
        for (const step of steps) {
          const known = new Set(world.ready.keys())
          const out = new Set(world.out.keys())
          perform(world, step, (ref) => {
            if (ref === undefined) return
            expect(known.has(ref.id)).toBe(true)
            expect(out.has(ref.id)).toBe(false)
            held.add(ref.id)
          })
        }
      }),
      { numRuns: 500 },
    )
  })

  it('starves nobody: refilled often enough, it hands out all that is ready, whatever stays out', () => {
    fc.assert(
      fc.property(steps('foreign', 'fail'), (steps) => {
        const world = new World()
        for (const step of steps) perform(world, step, () => undefined)
        world.endRefill()
        world.window.failRefill()
        for (let idle = 0; idle < 3; idle++) {
          for (const tenant of TENANTS) {
            for (let ref = world.take(tenant); ref !== undefined; ref = world.take(tenant)) {
              world.claim(ref)
              idle = 0
            }
          }
          // As the engine does: all of a window that is empty.
          world.refill()
        }
        expect([...world.ready.keys()].filter((id) => !world.out.has(id))).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  it('says that it is low when it left something in storage and has little left', () => {
    const world = new World()
    expect(world.window.isLow).toBe(true)
    world.refill()
    expect(world.window.isLow).toBe(false)
    for (let i = 0; i < 3 * LIMIT; i++) world.offer(world.make('a', i))
    expect(world.window.isLow).toBe(false)
    while (world.window.size > LIMIT / 4) world.claim(world.take('a') as TaskRef)
    expect(world.window.isLow).toBe(true)
    expect(world.window.beginRefill()).toBe(true)
    expect(world.window.beginRefill()).toBe(false)
  })

  it('takes a tenant in at once whose tasks have all been read, though others fill the window', () => {
    const world = new World()
    for (let i = 0; i < 4 * LIMIT; i++) world.make('a', i)
    world.make('b', 1)
    world.refill()
    expect(world.window.offer(world.make('b', 1_000))).toBe(true)
    expect(world.window.offer(world.make('a', 1_000))).toBe(false)
    expect(world.window.peek('b')?.rank).toBe(1)
    expect(world.window.peek('nobody')).toBeUndefined()
    expect(world.window.take('nobody')).toBeUndefined()
  })
})
