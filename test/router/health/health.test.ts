import { VirtualClock } from 'batuta/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Health } from '../../../src/router/health/health.js'
import { type HealthOptions, healthSettings } from '../../../src/router/health/health-options.js'
import type { InstanceLoad } from '../../../src/router/instance-load.js'
import { Roster } from '../../../src/router/roster.js'

/** A node's health without a coordinator. Event names with their payloads, in order. */
function world(options: HealthOptions = {}) {
  const clock = new VirtualClock()
  const settings = healthSettings(options)
  const roster = new Roster(settings.slowStartMs)
  const events: { name: string; agentId?: string; until?: Date; ejections?: number; inPanic?: boolean }[] = []
  const health = new Health(settings, roster, clock, {
    emit: (name, payload) => events.push({ name, ...payload() }),
    healed: () => undefined,
  })
  const add = (id: string, lanes: readonly string[], capacity = 1) => {
    const load = roster.add({ instanceId: id, agentId: id, capacity })
    for (const lane of lanes) {
      const pool = roster.pool(lane)
      pool.join(load)
      health.joined(pool, load)
    }
    return load
  }
  let made = 0
  /** Attempts, one after the other. */
  const attempt = (load: InstanceLoad, verdict: 'success' | 'failure', times = 1, type = 'work') => {
    for (let i = 0; i < times; i++) {
      const token = `t${made++}`
      health.assigned(load, type, token)
      health.settled(load, type, token, verdict, 100, clock.monotonic())
    }
  }
  return { clock, roster, health, events, add, attempt }
}

const LANE = 'task:work:'

describe('ejection', () => {
  it('never takes more of any lane than it may, and panics exactly when too few are healthy', async () => {
    const laneNames = [LANE, 'task:work:a', 'task:other:', 'task:*:']
    const step = fc.record({
      do: fc.constantFrom('fail', 'fail', 'fail', 'succeed', 'pause', 'resume', 'leave', 'wait', 'breaker'),
      who: fc.nat(29),
    })
    const team = fc.array(fc.subarray(laneNames, { minLength: 1 }), { minLength: 1, maxLength: 30 })
    let ejections = 0
    let panics = 0
    await fc.assert(
      fc.asyncProperty(
        team,
        fc.array(step, { maxLength: 60, size: 'max' }),
        fc.constantFrom(0, 0.1, 0.3),
        async (lanes, steps, maxShare) => {
          const { clock, roster, health, events, add, attempt } = world({
            ejection: { failures: 2, maxShare },
            breaker: false,
          })
          const team = lanes.map((names, i) => ({ names, load: add(`i${i}`, names) }))
          const broken = new Set<InstanceLoad>()
          const ejected = (lane: string) =>
            team.filter(
              ({ names, load }) => names.includes(lane) && roster.has(load) && (load.health?.ejectedUntil ?? 0) > 0,
            )
          for (const { do: act, who } of steps) {
            const { load } = team[who % team.length] as (typeof team)[number]
            const before = new Map(laneNames.map((lane) => [lane, ejected(lane).length]))
            if (!roster.has(load)) continue
            if (act === 'fail') attempt(load, 'failure', 2)
            else if (act === 'succeed') attempt(load, 'success')
            else if (act === 'pause') load.stand('paused')
            else if (act === 'resume') load.stand('available')
            else if (act === 'leave') roster.remove(load)
            else if (act === 'wait') await clock.advance(who * 2_000)
            else if (broken.has(load)) broken.delete(load)
            else broken.add(load)
            for (const pool of roster.pools()) {
              if (act === 'breaker' && broken.has(load)) pool.bar(load, 'breaker_open')
              else if (act === 'breaker') pool.unbar(load, 'breaker_open')
              const out = ejected(pool.id)
              if (out.length > (before.get(pool.id) ?? 0)) {
                ejections++
                expect(out.length).toBeLessThanOrEqual(Math.max(1, Math.floor(maxShare * pool.members)))
              }
              const members = team.filter(({ names, load }) => names.includes(pool.id) && roster.has(load))
              const atWork = members.filter(({ load }) => load.standing === 'available')
              const well = atWork.filter(({ load }) => !broken.has(load) && !out.some((one) => one.load === load))
              const inPanic = out.length > 0 && well.length < 0.5 * atWork.length
              if (inPanic) panics++
              expect(pool.health).toMatchObject({
                inPanic,
                healthy: well.length,
                atWork: atWork.length,
                ejected: out.length,
              })
              const able = atWork.filter(
                (one) => !broken.has(one.load) && (inPanic || !out.some(({ load }) => load === one.load)),
              )
              expect(new Set(pool.list)).toEqual(new Set(able.map(({ load }) => load.view)))
              // The same for a pool that was narrowed from it.
              if (able.length > 0) expect(pool.narrow('all', () => 0).size).toBe(able.length)
            }
          }
          const told = new Map(laneNames.map((lane) => [lane, false]))
          for (const { name, inPanic, ...facts } of events) {
            if (name !== 'routing:panic') continue
            const { taskType, requires } = facts as unknown as { taskType: string; requires: string[] }
            const lane = `task:${taskType}:${requires.join(',')}`
            expect(inPanic).toBe(!told.get(lane))
            told.set(lane, inPanic === true)
          }
          health.stop()
          expect(clock.pendingTimers).toBe(0)
        },
      ),
      { numRuns: 150 },
    )
    expect(ejections).toBeGreaterThan(100)
    expect(panics).toBeGreaterThan(100)
  })

  it('lasts longer each time, up to a limit, and forgets while the agent does well', async () => {
    const { clock, events, add, attempt } = world({ ejection: { failures: 2, baseMs: 1_000, maxMs: 2_500 } })
    const load = add('bad', [LANE])
    for (let i = 0; i < 9; i++) add(`good${i}`, [LANE])
    const eject = async () => {
      attempt(load, 'failure', 2)
      const { until, ejections } = events.findLast(({ name }) => name === 'agent:ejected') ?? {}
      const forMs = (until?.getTime() ?? 0) - clock.now()
      await clock.advance(forMs)
      expect(load.health?.ejectedUntil).toBe(0)
      return [ejections, forMs]
    }
    expect(await eject()).toEqual([1, 1_000])
    expect(await eject()).toEqual([2, 2_000])
    expect(await eject()).toEqual([3, 2_500])
    await clock.advance(2_000)
    expect(await eject()).toEqual([2, 2_000])
    await clock.advance(600_000)
    expect(await eject()).toEqual([1, 1_000])
    expect(clock.pendingTimers).toBe(0)
  })

  it('counts failures in a row, and none of those that end while it is ejected', async () => {
    const { clock, events, add, attempt } = world({ breaker: false })
    const load = add('flaky', [LANE])
    for (let i = 0; i < 5; i++) {
      attempt(load, 'failure', 4)
      attempt(load, 'success')
    }
    expect(events).toEqual([])
    attempt(load, 'failure', 12)
    await clock.advance(30_000)
    attempt(load, 'failure', 4)
    expect(events.map(({ name }) => name).filter((name) => name.startsWith('agent:ej'))).toEqual(['agent:ejected'])
    attempt(load, 'failure')
    expect(events.filter(({ name }) => name === 'agent:ejected')).toHaveLength(2)
  })

  it('holds in lanes that come later', () => {
    const { roster, health, add, attempt } = world({ ejection: { panicBelow: 0 } })
    const load = add('bad', [LANE])
    attempt(load, 'failure', 5)
    const pool = roster.pool('task:new:')
    pool.join(load)
    health.joined(pool, load)
    expect(pool.refusalOf(load)).toBe('ejected')
    health.restore(load)
    expect([pool.refusalOf(load), roster.pool(LANE).refusalOf(load)]).toEqual([undefined, undefined])
  })
})

describe('breakers', () => {
  const options: HealthOptions = { ejection: false, slowStartMs: 0 }

  it('leave the instance out of all lanes of the type, and of no other', async () => {
    const { clock, roster, health, add, attempt } = world(options)
    const load = add('a', [LANE, 'task:work:x', 'task:other:', 'task:*:'], 9)
    attempt(load, 'failure', 20)
    const refusals = () => [...roster.pools()].map((pool) => pool.refusalOf(load))
    expect(refusals()).toEqual(['breaker_open', 'breaker_open', undefined, undefined])
    expect(roster.pool(LANE).refusals()).toEqual(['breaker_open', 1, clock.now() + 10_000])
    const late = roster.pool('task:work:y')
    late.join(load)
    health.joined(late, load)
    expect(late.refusalOf(load)).toBe('breaker_open')
    await clock.advance(9_999)
    expect(late.size).toBe(0)
    await clock.advance(1)
    expect([...roster.pools()].map((pool) => pool.size)).toEqual([1, 1, 1, 1, 1])
    // One probe, whichever lane it comes from; given back, the next one tries.
    health.assigned(load, 'work', 'probe 1')
    expect([roster.pool(LANE).size, late.size]).toEqual([0, 0])
    health.settled(load, 'work', 'earlier', 'success', 1, clock.monotonic())
    expect(late.size).toBe(0)
    health.givenBack(load, 'work', 'probe 1')
    expect([roster.pool(LANE).size, late.size]).toEqual([1, 1])
    health.assigned(load, 'work', 'probe 2')
    health.settled(load, 'work', 'probe 2', 'failure', 1, clock.monotonic())
    expect(roster.pool(LANE).refusals()).toEqual(['breaker_open', 1, clock.now() + 20_000])
    await clock.advance(20_000)
    attempt(load, 'success')
    expect([roster.pool(LANE).size, late.size, load.health?.tripped]).toEqual([1, 1, 0])
    expect(clock.pendingTimers).toBe(0)
  })

  it('tell what they saw, and in what state they are', async () => {
    const { clock, health, events, add, attempt } = world(options)
    const load = add('a', [LANE])
    attempt(load, 'success', 15)
    attempt(load, 'failure', 15)
    const until = new Date(clock.now() + 10_000)
    expect(health.view(load).breakers).toEqual([{ taskType: 'work', state: 'open', calls: 30, failures: 15, until }])
    await clock.advance(10_000)
    expect(health.view(load).breakers).toEqual([{ taskType: 'work', state: 'half_open', calls: 30, failures: 15 }])
    attempt(load, 'success')
    expect(health.view(load).breakers).toEqual([])
    const facts = { name: 'agent:breaker', agentId: 'a', taskType: 'work' }
    expect(events).toEqual([
      { ...facts, state: 'open', until, calls: 30, failures: 15 },
      { ...facts, state: 'half_open' },
      { ...facts, state: 'closed' },
    ])
  })

  it('may be off, and end with their instance', async () => {
    const off = world({ breaker: false, ejection: false })
    const load = off.add('a', [LANE])
    off.attempt(load, 'failure', 100)
    expect([off.roster.pool(LANE).size, off.events]).toEqual([1, []])
    const { clock, roster, events, add, attempt } = world(options)
    const gone = add('a', [LANE])
    attempt(gone, 'failure', 20)
    roster.remove(gone)
    await clock.advance(60_000)
    expect(events).toHaveLength(1)
  })
})

describe('slots freed by failures', () => {
  const setUp = () => {
    const one = world({ ejection: false })
    const [a, b] = [one.add('a', [LANE], 2), one.add('b', [LANE])]
    const pool = one.roster.pool(LANE)
    const { cooling } = one.health
    /** Takes a slot and fails at once. */
    const fail = (load: InstanceLoad) => {
      load.assign(one.roster.nextSequence())
      if (!cooling.hold(load, 'work', pool)) load.release()
    }
    return { ...one, a, b, pool, cooling, fail }
  }

  it('are held back for the median time of successes', async () => {
    const { clock, a, b, cooling, fail } = setUp()
    fail(a)
    expect(a.inFlight).toBe(0)
    for (const ms of [10, 5_000, 200, 90_000, 40]) cooling.learn('work', ms)
    fail(a)
    expect([a.inFlight, a.cooling, a.working]).toEqual([1, 1, 0])
    await clock.advance(100)
    fail(a)
    expect([a.cooling, a.refusal]).toEqual([2, 'full'])
    await clock.advance(100)
    expect([a.cooling, a.refusal]).toEqual([1, undefined])
    await clock.advance(100)
    expect([a.inFlight, clock.pendingTimers]).toEqual([0, 0])
    for (let i = 0; i < 64; i++) cooling.learn('work', 80_000)
    fail(b)
    await clock.advance(29_999)
    expect(b.inFlight).toBe(1)
    await clock.advance(1)
    expect(b.inFlight).toBe(0)
  })

  it('are let go when nobody else can take the work', () => {
    const { roster, a, b, pool, cooling, fail, health, clock } = setUp()
    cooling.learn('work', 1_000)
    fail(a)
    fail(a)
    expect([a.refusal, pool.size, pool.health.heldBack]).toEqual(['full', 1, a])
    b.assign(roster.nextSequence())
    expect([pool.size, pool.hasRoom]).toEqual([0, true])
    cooling.letGo(pool.health.heldBack)
    expect([pool.size, a.cooling]).toEqual([1, 1])
    cooling.letAllGo(a)
    expect([a.inFlight, pool.health.heldBack]).toEqual([0, undefined])
    // And not held back in the first place while nobody else can.
    fail(a)
    expect(a.inFlight).toBe(0)
    b.release()
    fail(a)
    expect(a.cooling).toBe(1)
    health.stop()
    expect([a.inFlight, clock.pendingTimers]).toEqual([0, 0])
    fail(a)
    expect(a.inFlight).toBe(0)
  })
})

describe('slow starts', () => {
  it('are for those who come to a team that has worked for a while', async () => {
    const { clock, health, add, attempt } = world()
    const first = add('first', [LANE])
    health.came(first)
    await clock.advance(100_000)
    attempt(first, 'success')
    await clock.advance(29_999)
    const early = add('early', [LANE])
    health.came(early)
    await clock.advance(1)
    const late = add('late', [LANE])
    health.came(late)
    expect([first.weight, early.weight, late.weight]).toEqual([1, 1, 0.1])
    expect(health.view(late).slowStartUntil).toEqual(new Date(clock.now() + 30_000))
  })

  it('are for those who have recovered', async () => {
    const { clock, health, add, attempt } = world()
    const load = add('a', [LANE])
    for (let i = 0; i < 9; i++) add(`other${i}`, [LANE])
    attempt(load, 'failure', 5)
    expect(health.view(load)).toMatchObject({ ejected: { by: 'failures', ejections: 1 } })
    await clock.advance(30_000)
    expect(load.weight).toBe(0.1)
    expect(health.view(load).ejected).toBeUndefined()
  })
})
