import { describe, expect, it } from 'vitest'
import { isBatutaError } from '../../src/errors/base-error.js'
import { seededRandom } from '../../src/internal/random.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { SCHEMA } from '../../src/storage/records.js'
import type { Storage, WriteSet } from '../../src/storage/storage.js'
import { FaultyStorage } from '../../src/testing/faults/faulty-storage.js'
import { ProcessClock } from '../../src/testing/faults/process-clock.js'
import type { StorageFaults } from '../../src/testing/faults/storage-faults.js'
import { EventLog } from '../../src/testing/simulation/event-log.js'
import { Journal } from '../../src/testing/simulation/journal.js'
import { VirtualClock } from '../../src/testing/virtual-clock.js'

const turn = (n: number) => ({ nextSeq: n, head: n, touchedAt: 0 })

function setup(faults: StorageFaults = {}, seed = 1) {
  const clock = new VirtualClock({ random: seededRandom(seed) })
  const log = new EventLog(() => clock.monotonic())
  const base = memoryStorage({ now: () => Math.floor(clock.now()) })
  const journal = new Journal(base, log, clock)
  const connect = (name: string) => {
    const process = new ProcessClock(clock)
    const random = seededRandom(seed * 31 + name.length)
    return { process, storage: new FaultyStorage(journal.view(name), { clock, process, random, faults }) }
  }
  return { clock, log, base, journal, connect }
}

const broken = (log: EventLog) => log.events.filter((event) => event.type === 'broken')

/** Adds one to a counter until it is done: the smallest protocol that is right under every fault of the port. */
async function increment(storage: Storage, clock: ProcessClock, newVersion: () => string): Promise<void> {
  const pause = () => new Promise<void>((resolve) => clock.setTimer(resolve, 20))
  const read = async () => {
    for (;;) {
      try {
        return await storage.read([{ kind: 'turn', id: 'counter' }])
      } catch {
        await pause()
      }
    }
  }
  for (;;) {
    const { records, now } = await read()
    const version = newVersion()
    const count = (records[0]?.value as { nextSeq: number } | undefined)?.nextSeq ?? 0
    const set: WriteSet = {
      notAfter: now + 60_000,
      writes: [
        {
          kind: 'turn',
          id: 'counter',
          expect: records[0]?.version ?? null,
          leave: { version, value: { ...turn(count + 1), last: [version] } },
        },
        // The proof that this very increment was applied, whatever came after it.
        { kind: 'turn', id: `proof ${version}`, expect: null, leave: { version, value: turn(0) } },
      ],
    }
    for (;;) {
      try {
        const [result] = (await storage.commit([set])).results
        if (result?.applied === true) return
        const proof = result?.reason === 'conflict' || result?.reason === 'late' ? result.found[1] : undefined
        if (proof !== undefined) return
        break
      } catch {
        await pause()
      }
    }
  }
}

describe('FaultyStorage', () => {
  it('counts right with many processes under every fault, and late copies change nothing', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const faults: StorageFaults = {
        latencyMs: [0, 30],
        slow: 0.05,
        unavailable: 0.1,
        outcomeUnknown: 0.2,
        duplicated: 0.2,
        lostAnswer: 0.05,
        timeoutMs: 500,
      }
      const { clock, log, journal, connect } = setup(faults, seed)
      let versions = 0
      const work: Promise<void>[] = []
      for (const name of ['a', 'bb', 'ccc']) {
        const { storage, process } = connect(name)
        const run = async () => {
          await storage.open(SCHEMA).catch(() => journal.view(name).open(SCHEMA))
          for (let i = 0; i < 15; i++) await increment(storage, process, () => `${name}.${versions++}`)
        }
        work.push(run())
      }
      await clock.runUntil(Promise.all(work))
      await clock.advance(200_000)
      expect(broken(log)).toEqual([])
      expect(journal.get('turn', 'counter')?.value).toMatchObject({ nextSeq: 45 })
      const applied = log.events.filter((event) => event.type === 'commit').length
      expect(applied).toBe(45)
    }
  })

  it('gives the same run for the same seed and another one for another', async () => {
    const digest = async (seed: number) => {
      const { clock, log, connect } = setup({ latencyMs: [0, 30], outcomeUnknown: 0.3, duplicated: 0.3 }, seed)
      const { storage, process } = connect('a')
      let versions = 0
      const work = (async () => {
        await storage.open(SCHEMA)
        for (let i = 0; i < 10; i++) await increment(storage, process, () => `a.${versions++}`)
      })()
      await clock.runUntil(work)
      await clock.advance(100_000)
      return log.digest()
    }
    expect(await digest(3)).toBe(await digest(3))
    expect(await digest(3)).not.toBe(await digest(4))
  })

  it('says that outcomes are not always known, whatever lies under it', () => {
    const { base, connect } = setup()
    expect(base.outcomeAlwaysKnown).toBe(true)
    expect(connect('a').storage.outcomeAlwaysKnown).toBe(false)
  })

  it('answers some sets of a commit busy, writes exactly the others, and never those later', async () => {
    const { clock, journal, connect } = setup({ busy: 0.5, duplicated: 1 })
    const { storage } = connect('a')
    await journal.view('a').open(SCHEMA)
    const ids = Array.from({ length: 60 }, (_, i) => `x${i}`)
    const sets: WriteSet[] = ids.map((id) => ({
      notAfter: clock.now() + 60_000,
      writes: [{ kind: 'turn', id, expect: null, leave: { version: `${id}.1`, value: turn(1) } }],
    }))
    const answer = await clock.runUntil(storage.commit(sets))
    await clock.advance(100_000)
    const results = answer?.results ?? []
    const busy = ids.filter((_, i) => results[i]?.applied === false)
    expect(busy.length).toBeGreaterThan(15)
    expect(busy.length).toBeLessThan(45)
    expect(ids.filter((id) => journal.get('turn', id) === undefined)).toEqual(busy)
    expect(results.filter((result) => !result.applied).every(({ reason }) => reason === 'busy')).toBe(true)
  })

  it('fails as the port says: unavailable did nothing, unknown did anything', async () => {
    const { clock, journal, connect } = setup({ unavailable: 1 })
    const { storage } = connect('a')
    await journal.view('a').open(SCHEMA)
    const set: WriteSet = {
      notAfter: clock.now() + 60_000,
      writes: [{ kind: 'turn', id: 'x', expect: null, leave: { version: '1', value: turn(1) } }],
    }
    const failing = clock.runUntil(storage.commit([set]))
    await expect(failing).rejects.toSatisfy((error: unknown) => isBatutaError(error, 'STORAGE_UNAVAILABLE'))
    await clock.advance(100_000)
    expect(journal.get('turn', 'x')).toBeUndefined()
    storage.setFaults({ outcomeUnknown: 1, appliedLater: 1, copyAfterMs: [1_000, 2_000] })
    await expect(clock.runUntil(storage.commit([set]))).rejects.toSatisfy((error: unknown) =>
      isBatutaError(error, 'STORAGE_OUTCOME_UNKNOWN'),
    )
    await expect(clock.runUntil(storage.read([]))).resolves.toBeDefined()
    await clock.advance(2_500)
    expect(storage.inFlight).toBe(0)
  })

  it('refuses copies that come after notAfter', async () => {
    const { clock, journal, connect } = setup({ outcomeUnknown: 1, appliedLater: 1, copyAfterMs: [70_000, 80_000] })
    const { storage } = connect('a')
    await journal.view('a').open(SCHEMA)
    const ids = Array.from({ length: 20 }, (_, i) => `x${i}`)
    const sets = ids.map(
      (id): WriteSet => ({
        notAfter: clock.now() + 60_000,
        writes: [{ kind: 'turn', id, expect: null, leave: { version: '1', value: turn(1) } }],
      }),
    )
    await clock.runUntil(storage.commit(sets)).catch(() => undefined)
    const atOnce = ids.filter((id) => journal.get('turn', id) !== undefined).length
    expect(atOnce).toBeGreaterThan(0)
    expect(atOnce).toBeLessThan(20)
    await clock.advance(100_000)
    expect(ids.filter((id) => journal.get('turn', id) !== undefined)).toHaveLength(atOnce)
  })

  it('cuts a process off, in both ways, and lets it back', async () => {
    const { clock, journal, connect } = setup({ timeoutMs: 700 })
    const { storage } = connect('a')
    await journal.view('a').open(SCHEMA)
    storage.partition('fail')
    await expect(clock.runUntil(storage.read([]))).rejects.toThrow(/STORAGE_UNAVAILABLE/)
    expect(clock.monotonic()).toBeLessThan(10)
    storage.partition('hang')
    const before = clock.monotonic()
    await expect(clock.runUntil(storage.commit([]))).rejects.toThrow(/STORAGE_OUTCOME_UNKNOWN/)
    expect(clock.monotonic() - before).toBe(700)
    storage.heal()
    await expect(clock.runUntil(storage.read([]))).resolves.toBeDefined()
  })

  it('answers nobody who is dead or frozen', async () => {
    const { clock, journal, connect } = setup()
    const { storage, process } = connect('a')
    await journal.view('a').open(SCHEMA)
    let answers = 0
    void storage.read([]).then(() => answers++)
    process.freeze()
    await clock.advance(10_000)
    expect(answers).toBe(0)
    process.thaw()
    await clock.advance(10)
    expect(answers).toBe(1)
    void storage.read([]).then(() => answers++)
    process.kill()
    storage.kill()
    await clock.advance(10_000)
    expect(answers).toBe(1)
  })
})

describe('Journal', () => {
  const write = (expected: string | null, version: string, id = 'x'): WriteSet => ({
    notAfter: Date.UTC(2026, 0, 1) + 60_000,
    writes: [{ kind: 'turn', id, expect: expected, leave: { version, value: turn(1) } }],
  })

  it('writes down what was applied, once, however often it is sent', async () => {
    const { log, journal } = setup()
    const view = journal.view('a')
    await view.open(SCHEMA)
    await view.commit([write(null, '1')])
    await view.commit([write(null, '1')])
    await view.commit([write(null, '2')])
    await view.commit([write('1', '3')])
    const commits = log.events.filter((event) => event.type === 'commit')
    expect(commits.map((event) => event.changes.map((change) => change.after?.version))).toEqual([['1'], ['3']])
    expect(broken(log)).toEqual([])
  })

  it('notices a storage that breaks its contract', async () => {
    const { log } = setup()
    const clock = new VirtualClock()
    const base = memoryStorage()
    const careless: Storage = {
      name: 'careless',
      outcomeAlwaysKnown: true,
      durable: false,
      open: (schema) => base.open(schema),
      read: (keys) => base.read(keys),
      query: (index, query) => base.query(index, query),
      count: (index, range) => base.count(index, range),
      commit: async (sets) => ({ now: 0, results: sets.map(() => ({ applied: true as const })) }),
      close: () => base.close(),
    }
    const view = new Journal(careless, log, clock).view('a')
    await view.commit([write('nobody wrote this', '1')])
    expect(broken(log)).toHaveLength(1)
  })

  it('notices committers that break the rules of the port, and freezes values', async () => {
    const { log, clock, journal } = setup()
    const view = journal.view('a')
    await view.open(SCHEMA)
    await view.commit([write(null, '1', 'x'), { ...write(null, '2', 'x') }])
    expect(broken(log).map((event) => event.text)).toEqual([expect.stringContaining('in two sets of one commit')])
    await view.commit([{ ...write(null, '1', 'y'), notAfter: clock.now() + 70_000 }])
    expect(broken(log)).toHaveLength(2)
    const value = journal.get('turn', 'x')?.value
    expect(Object.isFrozen(value)).toBe(true)
  })
})
