import { describe, expect, it } from 'vitest'
import type { TaskRef } from '../../src/engine/engine.js'
import { HEAD_START_MS, HeadStarts, MAX_HEAD_START_MS } from '../../src/engine/in-process/head-starts.js'

const ref = (id: string): TaskRef => ({ id, lane: 'work', tenant: 'default', rank: 0 })

/** Head starts by a clock that is moved by hand. */
function make() {
  const clock = {
    at: 1_000,
    now: () => clock.at,
    monotonic: () => clock.at,
    setTimer: () => ({ cancel: () => undefined }),
  }
  return { clock, starts: new HeadStarts(clock, 100) }
}

describe('sightings', () => {
  it('of tasks that storage shows no more are forgotten after a minute', () => {
    const { clock, starts } = make()
    for (let i = 0; i < 3_000; i++) {
      starts.shown(ref(`t${i}`), clock.at)
      clock.at += 100
    }
    // What was seen in the last minute, at ten a second.
    expect(starts.size).toBeLessThanOrEqual(602)
    expect(starts.size).toBeGreaterThan(500)
  })

  it('of a task that still waits are kept, however long that takes', () => {
    const { clock, starts } = make()
    for (let i = 0; i < 600; i++) {
      starts.shown(ref('old'), clock.at)
      starts.shown(ref(`t${i}`), clock.at)
      clock.at += 1_000
    }
    starts.shown(ref('old'), clock.at)
    expect(starts.isOld(ref('old'))).toBe(true)
    expect(starts.distance(ref('old'), 3)).toBe(3)
    expect(starts.isOld(ref('new'))).toBe(false)
    expect(starts.size).toBeLessThan(70)
  })

  it('leave a task to the nodes before this one, each for its time', () => {
    const { clock, starts } = make()
    const seenAt = clock.at
    starts.shown(ref('theirs'), seenAt)
    expect(starts.distance(ref('theirs'), 1)).toBeUndefined()
    expect(starts.waitMs(ref('theirs'), 1)).toBe(HEAD_START_MS)
    clock.at = seenAt + HEAD_START_MS
    starts.shown(ref('theirs'), clock.at)
    expect(starts.distance(ref('theirs'), 1)).toBe(1)
    expect(starts.distance(ref('theirs'), 2)).toBeUndefined()
  })

  it('let its own be tried when storage has not shown it for a while, and of others’ what is old', () => {
    const { clock, starts } = make()
    const seenAt = clock.at
    starts.shown(ref('own'), seenAt)
    clock.at = seenAt + HEAD_START_MS
    expect(starts.distance(ref('own'), 0)).toBeUndefined()
    // Who made it ready takes it as its own until the others have heard of it.
    expect(starts.distance(ref('own'), 0, true)).toBeUndefined()
    clock.at = seenAt + 100
    expect(starts.distance(ref('own'), 0, true)).toBe(0)
    expect(starts.distance(ref('own'), 2, true)).toBeUndefined()
    clock.at = seenAt + 1_001
    expect(starts.distance(ref('own'), 2, true)).toBe(2)
    expect(starts.distance(ref('own'), 2)).toBeUndefined()
  })

  it('need no look at what was made ready here, while it is for this node first and the others have not heard of it', () => {
    const { clock, starts } = make()
    starts.offered(ref('ours'))
    clock.at += 99
    expect(starts.distance(ref('ours'), 0)).toBe(0)
    expect(starts.distance(ref('ours'), 1)).toBeUndefined()
    clock.at += 1
    expect(starts.distance(ref('ours'), 0)).toBeUndefined()
  })
})

describe('a head start', () => {
  /** So many reads and claims that take so long. */
  function work({ clock, starts }: ReturnType<typeof make>, count: number, readMs: number, claimMs: number): void {
    for (let i = 0; i < count; i++) {
      const [task, beganAt] = [ref(`w${clock.at}`), clock.at]
      clock.at += readMs
      starts.read(beganAt)
      starts.shown(task, beganAt)
      starts.taken(task)
      clock.at += claimMs
      starts.claimed(task)
    }
  }

  it('lasts four times as long as a read and a claim take, within its bounds', () => {
    const made = make()
    const { clock, starts } = made
    expect(starts.ms).toBe(HEAD_START_MS)
    work(made, 300, 1, 2)
    expect(starts.ms).toBe(HEAD_START_MS)
    work(made, 300, 4, 11)
    expect(starts.ms).toBeCloseTo(60, 0)
    const seenAt = clock.at
    starts.shown(ref('theirs'), seenAt)
    expect(starts.waitMs(ref('theirs'), 1)).toBeCloseTo(60, 0)
    clock.at = seenAt + 55
    starts.shown(ref('theirs'), clock.at)
    expect(starts.distance(ref('theirs'), 1)).toBeUndefined()
    clock.at = seenAt + 65
    starts.shown(ref('theirs'), clock.at)
    expect(starts.distance(ref('theirs'), 1)).toBe(1)
    work(made, 300, 80, 90)
    expect(starts.ms).toBe(MAX_HEAD_START_MS)
  })

  it('is soon as short as it was after an outage', () => {
    const made = make()
    work(made, 300, 1, 2)
    work(made, 1, 60_000, 60_000)
    expect(made.starts.ms).toBeGreaterThan(3 * HEAD_START_MS)
    work(made, 40, 1, 2)
    expect(made.starts.ms).toBe(HEAD_START_MS)
  })

  it('has nothing to do with how long a task was parked', () => {
    const { clock, starts } = make()
    for (let i = 0; i < 300; i++) {
      starts.shown(ref('parked'), clock.at)
      starts.taken(ref('parked'))
      clock.at += 5_000
      starts.putBack(ref('parked'))
      starts.claimed(ref('parked'))
    }
    expect(starts.ms).toBe(HEAD_START_MS)
  })
})
