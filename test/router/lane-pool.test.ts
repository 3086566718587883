import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/internal/random.js'
import type { Bar } from '../../src/router/bars.js'
import { InstanceLoad, type RefusalReason } from '../../src/router/instance-load.js'
import { LanePool } from '../../src/router/lane-pool.js'
import { Roster } from '../../src/router/roster.js'
import type { Candidate } from '../../src/router/routing-strategy.js'

const score = (candidate: Candidate) => candidate.inFlight / candidate.capacity
const rank = (candidate: Candidate) => candidate.capabilities.length
const capacity = (candidate: Candidate) => candidate.capacity
const random = seededRandom(1)

const CAUSES: readonly Bar[] = ['breaker_open', 'ejected', 'rate_limited', 'excluded']

interface Step {
  readonly do: 'join' | 'leave' | 'assign' | 'release' | 'pause' | 'resume' | BarAct | 'ask'
  readonly who: number
  readonly cause: Bar
}
type BarAct = 'bar' | 'unbar' | 'bar everywhere' | 'unbar everywhere'

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom(
    ...(['join', 'leave', 'assign', 'release', 'pause', 'resume', 'ask', 'ask'] as const),
    ...(['bar', 'unbar', 'bar everywhere', 'unbar everywhere'] as const),
  ),
  who: fc.nat(11),
  cause: fc.constantFrom(...CAUSES),
})

function makeLoads(): InstanceLoad[] {
  return Array.from({ length: 12 }, (_, i) => {
    const capabilities = Array.from({ length: i % 3 }, (_, j) => `skill-${j}`)
    return new InstanceLoad({ instanceId: `i${i}`, agentId: `a${i % 6}`, capabilities, capacity: 1 + (i % 4) })
  })
}

function lowestOf(loads: readonly InstanceLoad[], slotOf: Map<InstanceLoad, number>): InstanceLoad | undefined {
  return [...loads].sort(
    (a, b) =>
      score(a.view) - score(b.view) || a.lastAssigned - b.lastAssigned || (slotOf.get(a) ?? 0) - (slotOf.get(b) ?? 0),
  )[0]
}

/** Who is left out for what, kept naively. */
class Bars {
  readonly here = new Map<InstanceLoad, Set<Bar>>()
  readonly everywhere = new Map<InstanceLoad, Set<Bar>>()

  of(load: InstanceLoad, where: Map<InstanceLoad, Set<Bar>>): Set<Bar> {
    const causes = where.get(load) ?? new Set()
    where.set(load, causes)
    return causes
  }

  refusal(load: InstanceLoad): RefusalReason | undefined {
    if (load.standing !== 'available') return load.standing
    const has = (cause: Bar) => this.of(load, this.here).has(cause) || this.of(load, this.everywhere).has(cause)
    return CAUSES.find(has) ?? (load.inFlight < load.capacity ? undefined : 'full')
  }
}

describe('LanePool', () => {
  it('answers like a pool that filters all its members for each question', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
        const loads = makeLoads()
        const pool = new LanePool('lane')
        const other = new LanePool('other')
        const members = new Set<InstanceLoad>()
        const left = new Bars()
        let sequence = 0
        for (const { do: act, who, cause } of steps) {
          const load = loads[who] as InstanceLoad
          if (act === 'join') {
            pool.join(load)
            other.join(load)
            members.add(load)
          } else if (act === 'leave') {
            pool.leave(load)
            members.delete(load)
            left.here.delete(load)
          } else if (act === 'assign' && load.inFlight < load.capacity) load.assign(++sequence)
          else if (act === 'release' && load.inFlight > 0) load.release()
          else if (act === 'pause') load.stand('paused')
          else if (act === 'resume') load.stand('available')
          else if (act === 'bar' && members.has(load)) {
            expect(pool.bar(load, cause)).toBe(!left.of(load, left.here).has(cause))
            left.of(load, left.here).add(cause)
          } else if (act === 'unbar') expect(pool.unbar(load, cause)).toBe(left.of(load, left.here).delete(cause))
          else if (act === 'bar everywhere') {
            load.bar(cause)
            left.of(load, left.everywhere).add(cause)
          } else if (act === 'unbar everywhere') {
            load.unbar(cause)
            left.of(load, left.everywhere).delete(cause)
          } else if (act === 'ask') compare(pool, members, left)
        }
        compare(pool, members, left)
        // Only now: who was chosen is scored again, which would hide a change that nobody took note of.
        for (const load of loads) expect(pool.chosen(load.view)).toBe(pool.get(load.instanceId))
      }),
      { numRuns: 300 },
    )
  })

  function compare(pool: LanePool, members: Set<InstanceLoad>, left: Bars): void {
    const able = [...members].filter((load) => left.refusal(load) === undefined)
    expect(pool.size).toBe(able.length)
    expect(new Set(pool.list)).toEqual(new Set(able.map((load) => load.view)))
    const counts = new Map<RefusalReason, number>()
    for (const load of members) {
      const reason = left.refusal(load)
      expect(pool.refusalOf(load)).toBe(reason)
      if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1)
    }
    expect(pairs(pool)).toEqual(new Map(counts))

    const circle = inCircle(pool)
    expect(new Set(circle)).toEqual(new Set(able.map((load) => load.view)))
    const slotOf = new Map(able.map((load) => [load, circle.indexOf(load.view)]))
    expect(pool.view.lowest('score', score)).toBe(lowestOf(able, slotOf)?.view)
    const least = Math.min(...able.map((load) => rank(load.view)))
    const part = able.filter((load) => rank(load.view) === least)
    const narrowed = pool.view.narrow('rank', rank)
    expect(narrowed.size).toBe(part.length)
    for (const load of part) expect(narrowed.get(load.instanceId)).toBe(load.view)
    for (const load of members) expect(pool.view.get(load.instanceId)).toBe(able.includes(load) ? load.view : undefined)
    const slots = able.reduce((sum, load) => sum + load.capacity, 0)
    expect(pool.view.total('slots', capacity)).toBe(slots)
    const drawn = pool.view.draw('slots', capacity, random)
    expect(drawn === undefined).toBe(able.length === 0)
    if (drawn !== undefined) expect(able.map((load) => load.view)).toContain(drawn)
    expect(pool.view.draw('slots', capacity, random, drawn) === undefined).toBe(able.length <= 1)
    const busy = [...members].filter((load) => left.refusal(load) === 'full')
    for (const load of members) expect(pool.isBusy(load.instanceId)).toBe(busy.includes(load))
    for (const ids of [['a0'], ['a1', 'a2', 'a1'], ['a0', 'a1', 'a2', 'a3', 'a4', 'a5']]) {
      const others = (loads: readonly InstanceLoad[]) => loads.filter((load) => !ids.includes(load.agentId)).length
      expect(pool.areOthersBusy(ids)).toBe(others(able) === 0 && others(busy) > 0)
    }
    for (const agentId of ['a0', 'a1'])
      expect(new Set(pool.ofAgent(agentId))).toEqual(new Set([...members].filter((load) => load.agentId === agentId)))
  }

  function inCircle(pool: LanePool): Candidate[] {
    const met: Candidate[] = []
    let at = 0
    for (;;) {
      const found = pool.view.nextInCircle(at)
      if (found === undefined || met.includes(found.candidate)) return met
      met.push(found.candidate)
      at = found.next
    }
  }

  function pairs(pool: LanePool): Map<RefusalReason, number> {
    const list = pool.refusals()
    return new Map(list.flatMap((reason, i) => (i % 3 === 0 ? [[reason as RefusalReason, list[i + 1] as number]] : [])))
  }

  it('is not told of an instance again before it has looked', () => {
    const load = new InstanceLoad({ instanceId: 'i', agentId: 'a', capacity: 100 })
    const pools = Array.from({ length: 50 }, (_, i) => new LanePool(`lane-${i}`))
    let told = 0
    for (const pool of pools) {
      pool.join(load)
      expect(pool.size).toBe(1)
      const touched = pool.touched.bind(pool)
      pool.touched = (member) => {
        told++
        touched(member)
      }
    }
    for (let i = 1; i <= 20; i++) load.assign(i)
    expect(told).toBe(50)
    expect(pools[0]?.size).toBe(1)
    load.release()
    expect(told).toBe(51)
  })

  it('says when the last of those left out for a cause comes back', () => {
    const pool = new LanePool('lane')
    const [a, b, c] = makeLoads() as [InstanceLoad, InstanceLoad, InstanceLoad]
    for (const load of [a, b, c]) pool.join(load)
    pool.bar(a, 'breaker_open', 2_000)
    pool.bar(b, 'breaker_open', 1_000)
    c.bar('ejected', 5_000)
    expect(pool.refusals()).toEqual(['breaker_open', 2, 2_000, 'ejected', 1, 5_000])
    pool.bar(b, 'breaker_open', 3_000)
    expect(pool.refusals().slice(0, 3)).toEqual(['breaker_open', 2, 3_000])
    c.unbar('ejected')
    expect(pool.refusals().length).toBe(3)
    c.bar('ejected', 4_000)
    expect(pool.refusals().slice(3)).toEqual(['ejected', 1, 4_000])
    // It can be left out again, for longer, before anybody looks.
    c.unbar('ejected')
    c.bar('ejected', 6_000)
    expect(pool.refusals().slice(3)).toEqual(['ejected', 1, 6_000])
    expect([c.barredUntil('ejected'), c.barredUntil('rate_limited')]).toEqual([6_000, undefined])
  })

  it('watches an instance once, however often it was barred meanwhile', () => {
    const load = new InstanceLoad({ instanceId: 'i', agentId: 'a', capacity: 9 })
    const pool = new LanePool('lane')
    pool.join(load)
    for (let i = 0; i < 10; i++) {
      if (i % 2 === 0) pool.bar(load, 'excluded')
      else pool.unbar(load, 'excluded')
      expect(pool.size).toBe(i % 2)
    }
    let told = 0
    pool.touched = () => told++
    load.assign(1)
    expect(told).toBe(1)
  })

  it('scores again whoever was chosen, for strategies that keep notes about candidates', () => {
    const pool = new LanePool('lane')
    for (const load of makeLoads().slice(0, 3)) pool.join(load)
    const deadlines = new WeakMap<Candidate, number>()
    const earliest = (candidate: Candidate) => deadlines.get(candidate) ?? 0
    const chosen = Array.from({ length: 6 }, () => {
      const first = pool.view.lowest('earliest', earliest) as Candidate
      deadlines.set(first, earliest(first) + 1)
      return pool.chosen(first)?.instanceId
    })
    expect(chosen).toEqual(['i0', 'i1', 'i2', 'i0', 'i1', 'i2'])
  })

  it('asks every score but those of changed candidates once', () => {
    const { roster, pool } = { roster: new Roster(), pool: new LanePool('lane') }
    for (let i = 0; i < 100; i++) pool.join(roster.add({ instanceId: `i${i}`, agentId: `a${i}`, capacity: 3 }))
    let asked = 0
    const counted = (candidate: Candidate) => {
      asked++
      return score(candidate)
    }
    pool.view.lowest('counted', counted)
    expect(asked).toBe(100)
    roster.get('i7')?.assign(1)
    roster.get('i8')?.assign(2)
    pool.view.lowest('counted', counted)
    expect(asked).toBe(102)
  })

  it('stays in order when a score throws', () => {
    const pool = new LanePool('lane')
    const loads = makeLoads()
    for (const load of loads) pool.join(load)
    const failing = (candidate: Candidate) => {
      if (candidate.instanceId === 'i5') throw new Error('no score')
      return score(candidate)
    }
    expect(() => pool.view.lowest('key', failing)).toThrow('no score')
    loads[0]?.assign(1)
    expect(pool.view.lowest('key', score)).toBe(loads[1]?.view)
  })

  it('keeps the 8 indexes that were asked last', () => {
    const pool = new LanePool('lane')
    for (const load of makeLoads()) pool.join(load)
    let asked = 0
    const counted = () => asked++
    for (let i = 0; i < 9; i++) {
      pool.view.lowest('first', counted)
      pool.view.lowest(`key-${i}`, () => 0)
    }
    expect(asked).toBe(12)
    for (let i = 0; i < 9; i++) pool.view.lowest(`more-${i}`, () => 0)
    pool.view.lowest('first', counted)
    expect(asked).toBe(24)
  })

  it('draws in proportion to weights, and never who is left out', () => {
    const pool = new LanePool('lane')
    const loads = [1, 2, 5].map((capacity, i) => new InstanceLoad({ instanceId: `i${i}`, agentId: `a${i}`, capacity }))
    for (const load of loads) pool.join(load)
    const shares = (except?: Candidate) => {
      const counts = [0, 0, 0]
      for (let i = 0; i < 8_000; i++) {
        const drawn = pool.view.draw('slots', capacity, random, except)
        const at = loads.findIndex((load) => load.view === drawn)
        counts[at] = (counts[at] ?? 0) + 1 / 8_000
      }
      return counts
    }
    shares().forEach((share, i) => {
      expect(share).toBeCloseTo((loads[i]?.capacity ?? 0) / 8, 1)
    })
    const [first = 0, second = 0, third] = shares(loads[2]?.view)
    expect([third, second / first]).toEqual([0, expect.closeTo(2, 0)])
  })

  it('leaves nobody out of a draw for one who has left, and whose slot another has now', () => {
    const pool = new LanePool('lane')
    const [gone, next] = makeLoads() as [InstanceLoad, InstanceLoad]
    pool.join(gone)
    expect(pool.size).toBe(1)
    pool.leave(gone)
    pool.join(next)
    expect(pool.view.draw('slots', capacity, random, gone.view)).toBe(next.view)
  })

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY])(
    'refuses the weight %d, and draws again when it is mended',
    (bad) => {
      const pool = new LanePool('lane')
      for (const load of makeLoads()) pool.join(load)
      const failing = (candidate: Candidate) => (candidate.instanceId === 'i5' ? bad : 1)
      expect(() => pool.view.draw('key', failing, random)).toThrow('The weight of a5 must be a finite number from 0')
      expect(pool.view.total('key', () => 1)).toBe(12)
    },
  )

  it('waits for nobody whose slots are all stuck', () => {
    const pool = new LanePool('lane')
    const [failed, other] = ['a', 'b'].map((id) => new InstanceLoad({ instanceId: id, agentId: id }))
    for (const load of [failed, other]) pool.join(load as InstanceLoad)
    expect(pool.areOthersBusy(['a'])).toBe(false)
    other?.assign(1)
    expect([pool.areOthersBusy(['a']), pool.isBusy('b')]).toEqual([true, true])
    other?.abandon()
    expect([pool.areOthersBusy(['a']), pool.isBusy('b')]).toEqual([false, false])
    other?.returned()
    expect(pool.size).toBe(2)
  })

  it('knows a candidate from its likeness', () => {
    const pool = new LanePool('lane')
    const [load, stranger] = makeLoads() as [InstanceLoad, InstanceLoad]
    pool.join(load)
    for (const answer of [stranger.view, { ...load.view }, load, load.snapshot(), null, 'i0', 7])
      expect(pool.chosen(answer)).toBeUndefined()
    expect(pool.chosen(load.view)).toBe(load)
  })
})

describe('what strategies see', () => {
  it('cannot be changed', () => {
    const pool = new LanePool('lane')
    const load = new InstanceLoad({
      instanceId: 'i',
      agentId: 'a',
      capabilities: ['b', 'a', 'b'],
      metadata: { tier: 1 },
    })
    pool.join(load)
    const seen = pool.view.at(0) as Candidate
    const attempts: (() => unknown)[] = [
      () => Object.assign(seen, { inFlight: 9 }),
      () => Object.defineProperty(seen, 'inFlight', { value: 9 }),
      () => (seen.capabilities as string[]).push('c'),
      () => Object.assign(seen.metadata, { tier: 2 }),
      () => (pool.list as Candidate[]).pop(),
      () => Object.assign(pool.view, { size: 0 }),
    ]
    for (const attempt of attempts) expect(attempt).toThrow(TypeError)
    expect([seen.inFlight, seen.capabilities, seen.metadata, pool.size]).toEqual([0, ['a', 'b'], { tier: 1 }, 1])
  })
})

describe('InstanceLoad', () => {
  it('counts stuck and cooling slots as taken', () => {
    const load = new InstanceLoad({ instanceId: 'i', agentId: 'a', capacity: 3 })
    for (let i = 1; i <= 3; i++) load.assign(i)
    load.abandon()
    load.cool()
    load.release()
    expect([load.inFlight, load.stuck, load.cooling, load.refusal]).toEqual([2, 1, 1, undefined])
    load.returned()
    load.cooled()
    expect([load.inFlight, load.stuck, load.cooling]).toEqual([0, 0, 0])
  })

  it('refuses to give back more than was taken', () => {
    const load = new InstanceLoad({ instanceId: 'i', agentId: 'a' })
    expect(() => load.release()).toThrow('more often than taken')
  })

  it('learns latency from successes alone, and nothing from neutral outcomes', () => {
    const load = new InstanceLoad({ instanceId: 'i', agentId: 'a' })
    load.record('quote', 'failure', 5, 0)
    load.record('quote', 'neutral', 5, 0)
    expect([load.latencyMs('quote'), load.failed, load.completed]).toEqual([undefined, 1, 0])
    expect(load.successRate).toBeCloseTo(0.8)
    load.record('quote', 'success', 80, 0)
    expect(load.latencyMs('quote')).toBe(80)
    expect(load.successRate).toBeCloseTo(0.84)
  })
})

describe('Roster', () => {
  it('lets success rates recover once a second, until they are whole', () => {
    const roster = new Roster()
    const load = roster.add({ instanceId: 'i', agentId: 'a' })
    for (let i = 0; i < 30; i++) load.record('quote', 'failure', 5, 0)
    expect(roster.recovering).toBe(true)
    roster.recover(0)
    const low = load.successRate
    roster.recover(999)
    expect(load.successRate).toBe(low)
    roster.recover(1_000)
    expect(load.successRate).toBeGreaterThan(low)
    roster.recover(600_000)
    expect([load.successRate, roster.recovering]).toEqual([1, false])
  })

  it('takes an instance out of every pool, once', () => {
    const roster = new Roster()
    const load = roster.add({ instanceId: 'i', agentId: 'a' })
    expect(() => roster.add({ instanceId: 'i', agentId: 'b' })).toThrow('here already')
    roster.pool('one').join(load)
    roster.pool('two').join(load)
    expect(roster.pool('one').size).toBe(1)
    roster.remove(load)
    roster.remove(load)
    expect([roster.pool('one').size, roster.pool('two').members, roster.size, roster.ofAgent('a').length]).toEqual([
      0, 0, 0, 0,
    ])
    expect([...roster.pools()].map(({ id }) => id)).toEqual(['one', 'two'])
    roster.dropPool('one')
    expect([...roster.pools()].length).toBe(1)
  })
})
