import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Committer } from '../../src/coordinator/commit/committer.js'
import { sizeOfSet } from '../../src/coordinator/commit/size-of-set.js'
import { StorageTime } from '../../src/coordinator/commit/storage-time.js'
import { EventHub } from '../../src/coordinator/event-hub.js'
import { BatutaError } from '../../src/errors/base-error.js'
import { silentLogger } from '../../src/internal/logger.js'
import { seededRandom } from '../../src/internal/random.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import type { Storage, Write, WriteSet } from '../../src/storage/storage.js'
import { FaultyStorage } from '../../src/testing/faults/faulty-storage.js'
import { KIT_SCHEMA } from '../../src/testing/storage-conformance/schema.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

const away = () => new BatutaError('STORAGE_UNAVAILABLE', 'away', { data: { storage: 'test' } })
const unknown = () => new BatutaError('STORAGE_OUTCOME_UNKNOWN', 'unsure', { data: { storage: 'test' } })

/** A committer over a memory storage whose commits can be looked at, held up and made to fail. */
async function world() {
  const clock = new VirtualClock()
  const inner = memoryStorage({ now: () => clock.now() })
  await inner.open(KIT_SCHEMA)
  const commits: (readonly WriteSet[])[] = []
  /** What happens to the next commits; `applied` is done and then fails. */
  const fates: ({ readonly error: Error; readonly applied?: boolean } | undefined)[] = []
  /** Records that somebody else's transaction holds. */
  const locked = new Set<string>()
  /** Records that will not be taken, and with them no commit. */
  const poisoned = new Set<string>()
  let latencyMs = 0
  /** Commits of more sets are not answered in time. */
  let limit = Number.POSITIVE_INFINITY
  let underWay = 0
  let mostUnderWay = 0
  const storage: Storage = {
    name: 'test',
    durable: false,
    outcomeAlwaysKnown: false,
    open: (schema) => inner.open(schema),
    read: (keys) => inner.read(keys),
    query: (index, query) => inner.query(index, query),
    count: (index, range) => inner.count(index, range),
    close: () => inner.close(),
    async commit(sets) {
      commits.push(sets)
      mostUnderWay = Math.max(mostUnderWay, ++underWay)
      try {
        if (latencyMs > 0) await new Promise<void>((resolve) => clock.setTimer(resolve, latencyMs))
        if (sets.length > limit) await new Promise<void>((resolve) => clock.setTimer(resolve, 2_500))
        if (sets.length > limit) throw unknown()
        if (limit < Number.POSITIVE_INFINITY) await new Promise<void>((resolve) => clock.setTimer(resolve, 20))
        const fate = fates.shift()
        if (sets.some(({ writes }) => writes.some(({ id }) => poisoned.has(id)))) throw new Error('poisoned')
        if (fate === undefined && locked.size === 0) return await inner.commit(sets)
        if (fate === undefined) {
          const isBusy = (one: WriteSet) => one.writes.some(({ id }) => locked.has(id))
          const { now, results } = await inner.commit(sets.filter((one) => !isBusy(one)))
          const free = results[Symbol.iterator]()
          const busy = { applied: false, reason: 'busy' } as const
          return { now, results: sets.map((one) => (isBusy(one) ? busy : (free.next().value ?? busy))) }
        }
        if (fate.applied === true) await inner.commit(sets)
        throw fate.error
      } finally {
        underWay--
      }
    },
  }
  const events = new EventHub(clock, silentLogger)
  const heard: string[] = []
  events.on('storage:*', (event) => heard.push(event.type))
  const committer = new Committer(storage, clock, new StorageTime(clock), events)
  const n = { version: 0 }
  const write = (id: string, expect: string | null = null, version = `v${++n.version}`): Write => {
    return { kind: 'item', id, expect, leave: { version, value: { n: n.version } } }
  }
  const set = (...writes: Write[]): WriteSet => ({ writes, notAfter: clock.now() + 60_000 })
  return {
    clock,
    commits,
    fates,
    locked,
    poisoned,
    committer,
    heard,
    write,
    set,
    slow: (ms: number) => {
      latencyMs = ms
    },
    setLimit: (sets: number) => {
      limit = sets
    },
    mostUnderWay: () => mostUnderWay,
    read: async (id: string) => (await inner.read([{ kind: 'item', id }])).records[0]?.version,
    ids: () => commits.map((sets) => sets.map((one) => one.writes[0]?.id)),
  }
}

describe('group commit', () => {
  it('sends the sets of a moment as one commit, each answered on its own', async () => {
    const { committer, set, write, ids } = await world()
    const results = await Promise.all([
      committer.commit(set(write('a'))),
      committer.commit(set(write('b', 'somebody else'))),
      committer.commit(set(write('c'))),
    ])
    expect(ids()).toEqual([['a', 'b', 'c']])
    expect(results.map((result) => result.applied)).toEqual([true, false, true])
  })

  it('has one commit in flight, and what comes meanwhile goes together in the next', async () => {
    const { committer, set, write, ids, slow, clock, mostUnderWay } = await world()
    slow(10)
    const all = [committer.commit(set(write('a')))]
    await clock.advance(1)
    for (const id of ['b', 'c', 'd']) all.push(committer.commit(set(write(id))))
    await clock.advance(30)
    await Promise.all(all)
    expect(ids()).toEqual([['a'], ['b', 'c', 'd']])
    expect(mostUnderWay()).toBe(1)
  })

  it('is bounded in count and in bytes', async () => {
    const { committer, set, write, commits } = await world()
    await Promise.all(Array.from({ length: 1_200 }, (_, i) => committer.commit(set(write(`n${i}`)))))
    expect(commits.map((sets) => sets.length)).toEqual([512, 512, 176])
    commits.length = 0
    const bytes = 1024 * 1024
    await Promise.all(Array.from({ length: 10 }, (_, i) => committer.commit(set(write(`b${i}`)), { bytes })))
    expect(commits.map((sets) => sets.length)).toEqual([4, 4, 2])
  })

  it('answers the others while the record of one is held, and sends that one again until it is free', async () => {
    const { committer, set, write, locked, clock, ids, read, heard } = await world()
    locked.add('held')
    let answered = false
    const held = committer.commit(set(write('held'), write('with it'))).finally(() => {
      answered = true
    })
    expect(await committer.commit(set(write('a')))).toEqual({ applied: true })
    await clock.advance(20_000)
    expect(await committer.commit(set(write('b')))).toEqual({ applied: true })
    expect([answered, await read('with it'), committer.isHealthy, heard]).toEqual([false, undefined, true, []])
    // Not so often that it is a burden.
    expect(ids().length).toBeLessThan(100)
    locked.clear()
    await clock.advance(500)
    expect(await held).toEqual({ applied: true })
  })

  it('gives up a set whose record is held for longer than it may wait, with nothing written', async () => {
    const { committer, set, write, locked, clock, read } = await world()
    locked.add('held')
    const outcome = committer.commit(set(write('held')), { waitMs: 1_000 }).catch((error: unknown) => error)
    await clock.advance(1_000)
    expect(await outcome).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
    locked.clear()
    await clock.advance(5_000)
    expect(await read('held')).toBeUndefined()
  })

  it('still says that it does not know when a set that may have been applied is held up afterwards', async () => {
    const { committer, set, write, locked, fates, clock } = await world()
    locked.add('held')
    fates.push({ error: unknown() })
    const outcome = committer.commit(set(write('held')), { waitMs: 1_000 }).catch((error: unknown) => error)
    await clock.advance(1_500)
    expect(await outcome).toMatchObject({ code: 'STORAGE_OUTCOME_UNKNOWN' })
  })

  it('gives up what is held up when it stops, and leaves no timer', async () => {
    const { committer, set, write, locked, clock } = await world()
    locked.add('held')
    const outcome = committer.commit(set(write('held'))).catch((error: unknown) => error)
    await clock.advance(100)
    committer.stop()
    expect(await outcome).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    expect(clock.pendingTimers).toBe(0)
  })

  it('lets a heartbeat go before what waits', async () => {
    const { committer, set, write, ids } = await world()
    await Promise.all([committer.commit(set(write('a'))), committer.commit(set(write('beat')), { isUrgent: true })])
    expect(ids()).toEqual([['beat', 'a']])
  })

  it('holds a set back that touches a record of an earlier one, and nothing that touches it overtakes', async () => {
    const { committer, set, write, ids, read } = await world()
    const results = await Promise.all([
      committer.commit(set(write('a', null, 'a1'))),
      committer.commit(set(write('a', 'a1', 'a2'), write('b', null, 'b1'))),
      committer.commit(set(write('b', 'b1', 'b2'))),
      committer.commit(set(write('c'))),
    ])
    expect(results.map((result) => result.applied)).toEqual([true, true, true, true])
    expect(ids()).toEqual([['a', 'c'], ['a'], ['b']])
    expect([await read('a'), await read('b')]).toEqual(['a2', 'b2'])
  })

  it('lets sets share a record that they only expect', async () => {
    const { committer, set, write, commits } = await world()
    const guard: Write = { kind: 'item', id: 'g', expect: null }
    await Promise.all([committer.commit(set(write('a'), guard)), committer.commit(set(write('b'), guard))])
    expect(commits).toHaveLength(1)
    await Promise.all([committer.commit(set(write('c'), guard)), committer.commit(set(write('g')))])
    expect(commits.slice(1).map((sets) => sets.length)).toEqual([1, 1])
  })

  it('never has one record in two sets of a commit where one writes it, and keeps the order of each record', async () => {
    const ids = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(fc.array(ids, { minLength: 1, maxLength: 30 }), async (plan) => {
        const { committer, set, commits } = await world()
        const stands = new Map<string, string>()
        const sets = plan.map((ids, i) => {
          const writes = ids.map((id): Write => {
            const expect = stands.get(id) ?? null
            stands.set(id, `${id}${i}`)
            return { kind: 'item', id, expect, leave: { version: `${id}${i}`, value: { n: i } } }
          })
          return set(...writes)
        })
        // Each expects what the one before it leaves, so any overtaking would be refused.
        const results = await Promise.all(sets.map((one) => committer.commit(one)))
        expect(results.every((result) => result.applied)).toBe(true)
        for (const sent of commits) {
          const touched = sent.flatMap((one) => one.writes.map((write) => write.id))
          expect(new Set(touched).size).toBe(touched.length)
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('sets that are made late', () => {
  it('are made when they are sent, once, behind the changes that wait', async () => {
    const { committer, set, write, ids, slow, clock, fates } = await world()
    slow(10)
    const made: string[] = []
    const late = (id: string) =>
      committer.commitLate(() => {
        made.push(id)
        return set(write(id))
      })
    const all = [committer.commit(set(write('a')))]
    await clock.advance(1)
    all.push(late('new 1'), committer.commit(set(write('b'))), late('new 2'))
    expect(made).toEqual([])
    await clock.advance(10)
    expect(made).toEqual(['new 1', 'new 2'])
    await clock.advance(15)
    fates.push({ error: away() })
    all.push(late('new 3'))
    await clock.advance(100)
    expect((await Promise.all(all)).map((result) => result.applied)).toEqual(Array(5).fill(true))
    expect(ids()).toEqual([['a'], ['b', 'new 1', 'new 2'], ['new 3'], ['new 3']])
    expect(made).toEqual(['new 1', 'new 2', 'new 3'])
  })

  it('have a share of every commit, however many changes wait', async () => {
    const { committer, set, write, commits } = await world()
    const changes = Array.from({ length: 1_000 }, (_, i) => committer.commit(set(write(`c${i}`))))
    const news = Array.from({ length: 200 }, (_, i) => committer.commitLate(() => set(write(`n${i}`))))
    await Promise.all([...changes, ...news])
    const newOnes = commits.map((sets) => sets.filter((one) => one.writes[0]?.id.startsWith('n')).length)
    expect(commits.map((sets) => sets.length)).toEqual([512, 512, 176])
    expect(newOnes).toEqual([128, 72, 0])
  })

  it('that can not be made are refused alone', async () => {
    const { committer, set, write } = await world()
    const broken = committer.commitLate(() => {
      throw new Error('busy')
    })
    const other = committer.commitLate(() => set(write('a')))
    await expect(broken).rejects.toThrow('busy')
    expect((await other).applied).toBe(true)
  })

  it('are not made any more once the committer has stopped', async () => {
    const { committer, set, write, slow, clock } = await world()
    slow(10)
    const first = committer.commit(set(write('a')))
    await clock.advance(1)
    let isMade = false
    const late = committer.commitLate(() => {
      isMade = true
      return set(write('b'))
    })
    committer.stop()
    await expect(late).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    await clock.advance(20)
    await first
    expect(isMade).toBe(false)
  })
})

describe('sizeOfSet', () => {
  it('is about the length of the JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (input) => {
        const write = { kind: 'task', id: 'x', expect: null, leave: { version: 'v', value: { input } } }
        const bytes = sizeOfSet({ writes: [write], notAfter: 0 })
        const length = JSON.stringify(write.leave.value).length
        expect(bytes).toBeGreaterThan(length / 3)
        expect(bytes).toBeLessThan(128 + 8 * length)
      }),
    )
  })
})

describe('a storage that is away', () => {
  it('is sent the identical sets again until it answers, and both are told', async () => {
    const { committer, set, write, fates, commits, heard, clock } = await world()
    fates.push({ error: away() }, { error: away() })
    const committed = committer.commit(set(write('a')))
    await clock.advance(10)
    expect(committer.isHealthy).toBe(false)
    await clock.advance(200)
    await expect(committed).resolves.toEqual({ applied: true })
    expect(committer.isHealthy).toBe(true)
    expect(commits).toHaveLength(3)
    expect(commits[1]).toEqual(commits[0])
    expect(commits[2]).toEqual(commits[0])
    expect(heard).toEqual(['storage:unavailable', 'storage:recovered'])
  })

  it('is given up after waitMs: nothing was written', async () => {
    const { committer, set, write, fates, clock, read } = await world()
    for (let i = 0; i < 20; i++) fates.push({ error: away() })
    const outcome = committer.commit(set(write('a')), { waitMs: 500 }).catch((error) => error.code)
    const patient = committer.commit(set(write('b')))
    await clock.advance(1_000)
    expect(await outcome).toBe('STORAGE_UNAVAILABLE')
    expect(await read('a')).toBeUndefined()
    fates.length = 0
    await clock.advance(2_000)
    await expect(patient).resolves.toEqual({ applied: true })
  })

  it('is tried once more just before waitMs ends', async () => {
    const { committer, set, write, fates, clock } = await world()
    // Long pauses by then: the last of these tries comes after 0.8 s, and another one would come after 1.6.
    for (let i = 0; i < 6; i++) fates.push({ error: away() })
    const outcome = committer.commit(set(write('a')), { waitMs: 1_500 })
    await clock.advance(1_600)
    await expect(outcome).resolves.toEqual({ applied: true })
  })

  it('that stays away is not asked the more often for sets that are given up one after another', async () => {
    const { committer, set, write, fates, clock, commits } = await world()
    for (let i = 0; i < 1_000; i++) fates.push({ error: away() })
    const outcomes = Array.from({ length: 200 }, (_, i) =>
      committer.commit(set(write(`n${i}`)), { waitMs: 5_000 + 25 * i }).catch((error) => error.code),
    )
    await clock.advance(11_000)
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['STORAGE_UNAVAILABLE']))
    expect(commits.length).toBeLessThan(120)
  })

  it('that does not say whether it wrote is asked again, and what was applied counts as applied', async () => {
    const { committer, set, write, fates, clock } = await world()
    fates.push({ error: unknown(), applied: true })
    const committed = committer.commit(set(write('a')))
    await clock.advance(100)
    await expect(committed).resolves.toEqual({ applied: true })
  })

  it('that never says whether it wrote leaves the outcome unknown, though later it was only away', async () => {
    const { committer, set, write, fates, clock } = await world()
    fates.push({ error: unknown(), applied: true })
    for (let i = 0; i < 20; i++) fates.push({ error: away() })
    const outcome = committer.commit(set(write('a')), { waitMs: 300 }).catch((error) => error.code)
    await clock.advance(1_000)
    expect(await outcome).toBe('STORAGE_OUTCOME_UNKNOWN')
  })

  it('that takes nothing any more leaves the outcome unknown of what was sent before', async () => {
    const { committer, set, write, fates, clock } = await world()
    fates.push({ error: unknown(), applied: true }, { error: new Error('read-only') })
    const outcome = committer.commit(set(write('a'))).catch((error) => error.code)
    await clock.advance(1_000)
    expect(await outcome).toBe('STORAGE_OUTCOME_UNKNOWN')
  })

  it.each([
    ['does not answer', unknown],
    ['gives up', away],
  ])('that %s because too much was sent at once is sent less, until it answers', async (_, why) => {
    const { committer, set, write, fates, clock, commits } = await world()
    fates.push({ error: why() }, { error: why() }, { error: why() })
    const all = Array.from({ length: 1_000 }, (_, i) => committer.commit(set(write(`n${i}`))))
    await clock.advance(5_000)
    expect((await Promise.all(all)).every(({ applied }) => applied)).toBe(true)
    expect(commits.map((sets) => sets.length)).toEqual([512, 256, 128, 64, 128, 256, 256, 256, 40])
    await clock.advance(1_000)
    commits.length = 0
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => committer.commit(set(write(`m${i}`)))))
    expect(commits.map((sets) => sets.length)).toEqual([256, 512, 232])
  })

  it('is not sent less because a few sets were not answered: that was not too much', async () => {
    const { committer, set, write, fates, clock, commits } = await world()
    fates.push(...Array.from({ length: 5 }, () => ({ error: unknown() })))
    const beats = Array.from({ length: 8 }, (_, i) => committer.commit(set(write(`b${i}`))))
    await clock.advance(5_000)
    await Promise.all(beats)
    commits.length = 0
    await Promise.all(Array.from({ length: 600 }, (_, i) => committer.commit(set(write(`n${i}`)))))
    expect(commits.map((sets) => sets.length)).toEqual([512, 88])
  })

  it('of a hundred sets goes in halves of these', async () => {
    const { committer, set, write, fates, clock, commits } = await world()
    fates.push({ error: unknown() }, { error: unknown() })
    const all = Array.from({ length: 100 }, (_, i) => committer.commit(set(write(`n${i}`))))
    await clock.advance(5_000)
    await Promise.all(all)
    expect(commits.map((sets) => sets.length).slice(0, 4)).toEqual([100, 50, 25, 50])
  })

  it('because the link never carries a full commit is not asked for one all the time, and heartbeats are answered', async () => {
    const { committer, set, write, setLimit, clock, commits } = await world()
    setLimit(100)
    let beats = 0
    const beat = (i: number) => {
      const sent = committer.commit(set(write(`beat${i}`)), { isUrgent: true })
      void sent.then(() => beats++).catch(() => undefined)
      clock.setTimer(() => beat(i + 1), 1_000)
    }
    const work = async (i: number): Promise<void> => {
      await Promise.all(Array.from({ length: 600 }, (_, j) => committer.commit(set(write(`n${i}-${j}`)))))
      return work(i + 1)
    }
    beat(0)
    void work(0).catch(() => undefined)
    await clock.advance(120_000)
    expect(commits.filter((sets) => sets.length > 100).length).toBeLessThan(12)
    expect(beats).toBeGreaterThan(90)
    committer.stop()
  })

  it('holds submit back when too much waits, and lets it go on when half of that is done', async () => {
    const { committer, set, write, slow, clock } = await world()
    expect(committer.room()).toBeUndefined()
    slow(1)
    const all = Array.from({ length: 9_000 }, (_, i) => committer.commit(set(write(`n${i}`))))
    let hasRoom = false
    const held = committer.room()?.then(() => {
      hasRoom = true
    })
    expect(held).toBeDefined()
    await clock.advance(3)
    expect(hasRoom).toBe(false)
    await clock.advance(60)
    await held
    await Promise.all(all)
    expect(committer.room()).toBeUndefined()
  })

  it('over a bad network: every set is applied once, in order, or its outcome is told', async () => {
    const clock = new VirtualClock()
    const random = seededRandom(7)
    const inner = memoryStorage({ now: () => clock.now() })
    await inner.open(KIT_SCHEMA)
    const faults = { unavailable: 0.2, outcomeUnknown: 0.2, duplicated: 0.1, lostAnswer: 0.05, timeoutMs: 200 }
    const storage = new FaultyStorage(inner, { clock, random, faults })
    const committer = new Committer(storage, clock, new StorageTime(clock), new EventHub(clock, silentLogger))
    // A chain on one record: the last version tells whether all were applied, each after the one before.
    const chain = Array.from({ length: 50 }, (_, i) => {
      const expect = i === 0 ? null : `v${i - 1}`
      const write: Write = { kind: 'item', id: 'chain', expect, leave: { version: `v${i}`, value: { n: i } } }
      return committer.commit({ writes: [write], notAfter: clock.now() + 3_600_000 })
    })
    const results = await clock.runUntil(Promise.all(chain))
    expect(results?.every((result) => result.applied)).toBe(true)
    expect((await inner.read([{ kind: 'item', id: 'chain' }])).records[0]?.version).toBe('v49')
  })
})

describe('an error that is neither', () => {
  const broken = () => new BatutaError('STORAGE_CORRUPT', 'broken', { data: { storage: 'test' } })

  it('is of one set: it goes in halves until that one is alone', async () => {
    const { committer, set, write, fates, ids } = await world()
    fates.push({ error: broken() }, { error: broken() }, undefined, { error: broken() }, undefined)
    const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((id) => committer.commit(set(write(id)))))
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(ids()).toEqual([['a', 'b', 'c'], ['a', 'b'], ['a'], ['b'], ['c']])
  })

  it('is found in a few commits, and a heartbeat waits for one of them only', async () => {
    const { committer, set, write, poisoned, slow, clock, commits } = await world()
    slow(100)
    poisoned.add('n300')
    const told = (id: string) => committer.commit(set(write(id))).then(() => 'written', String)
    const all = Promise.all(Array.from({ length: 512 }, (_, i) => told(`n${i}`)))
    await clock.advance(50)
    const beat = committer.commit(set(write('beat')), { isUrgent: true })
    await clock.advance(160)
    expect(await beat).toEqual({ applied: true })
    await clock.advance(3_000)
    expect((await all).map((it, i) => (it === 'written' ? -1 : i)).filter((i) => i >= 0)).toEqual([300])
    expect(commits.length).toBeLessThan(25)
  })

  it('followed by a storage that does not answer keeps nobody longer than they may wait', async () => {
    const { committer, set, write, fates, slow, clock, heard } = await world()
    slow(2_500)
    fates.push({ error: broken() }, ...Array.from({ length: 1_000 }, () => ({ error: unknown() })))
    for (let i = 0; i < 512; i++) void committer.commit(set(write(`n${i}`))).catch(() => undefined)
    const late = committer.commit(set(write('late')), { waitMs: 5_000 }).catch((error) => error.code)
    await clock.advance(8_000)
    expect(await Promise.race([late, 'nothing'])).toBe('STORAGE_UNAVAILABLE')
    expect(heard).toEqual(['storage:unavailable'])
    committer.stop()
  })

  it('of a lone set is its own', async () => {
    const { committer, set, write, fates, commits } = await world()
    fates.push({ error: broken() })
    await expect(committer.commit(set(write('a')))).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
    expect(commits).toHaveLength(1)
  })

  it('followed by an absence sends what is left again, before what was held back behind it', async () => {
    const { committer, set, write, fates, ids, clock, read } = await world()
    fates.push({ error: broken() }, { error: away() }, undefined)
    const all = Promise.all([
      committer.commit(set(write('a', null, 'a1'))),
      committer.commit(set(write('b'))),
      committer.commit(set(write('a', 'a1', 'a2'))),
    ])
    await clock.advance(500)
    expect((await all).map((result) => result.applied)).toEqual([true, true, true])
    expect(ids()).toEqual([['a', 'b'], ['a'], ['a', 'b'], ['a']])
    expect(await read('a')).toBe('a2')
  })
})

describe('stop', () => {
  it('gives up what waits and what comes later: certainly not written', async () => {
    const { committer, set, write, commits } = await world()
    const waiting = committer.commit(set(write('a'))).catch((error) => error.code)
    committer.stop()
    const later = committer.commit(set(write('b'))).catch((error) => error.code)
    expect([await waiting, await later]).toEqual(['STORAGE_UNAVAILABLE', 'STORAGE_UNAVAILABLE'])
    expect(commits).toEqual([])
  })

  it('lets a commit that is under way be answered', async () => {
    const { committer, set, write, slow, clock } = await world()
    slow(10)
    const committed = committer.commit(set(write('a')))
    await clock.advance(1)
    committer.stop()
    await clock.advance(20)
    await expect(committed).resolves.toEqual({ applied: true })
  })

  it('during a pause gives up what was to be sent again, saying what is known of it', async () => {
    for (const [error, code] of [
      [away(), 'STORAGE_UNAVAILABLE'],
      [unknown(), 'STORAGE_OUTCOME_UNKNOWN'],
    ] as const) {
      const { committer, set, write, fates, clock } = await world()
      fates.push({ error })
      const outcome = committer.commit(set(write('a'))).catch((thrown) => thrown.code)
      await clock.advance(5)
      committer.stop()
      await clock.advance(100)
      expect(await outcome).toBe(code)
    }
  })

  it('while sets are tried in halves leaves nobody waiting for ever', async () => {
    const { committer, set, write, fates, slow, clock } = await world()
    slow(10)
    fates.push({ error: new Error('odd') }, { error: away() }, { error: away() })
    const outcomes = Promise.all(['a', 'b'].map((id) => committer.commit(set(write(id))).catch((error) => error.code)))
    await clock.advance(15)
    committer.stop()
    await clock.advance(100)
    expect(await outcomes).toEqual(['STORAGE_UNAVAILABLE', 'STORAGE_UNAVAILABLE'])
  })

  it('lets those go on who waited for room', async () => {
    const { committer, set, write, slow } = await world()
    slow(1)
    const all = Array.from({ length: 9_000 }, (_, i) => committer.commit(set(write(`n${i}`))).catch(() => undefined))
    const held = committer.room()
    committer.stop()
    await held
    expect(committer.room()).toBeUndefined()
    await Promise.all(all)
  })
})
