import { type ClientSession, MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Storage, Write } from '../../../src/storage/storage.js'
import { MongodbServer, whyNoMongodb } from '../../support/mongodb-server.js'
import { commit, commitAtLast, idsOf, leave, opened, setOf, stopping } from './support.js'

const APPLIED = { applied: true }
const BUSY = { applied: false, reason: 'busy' }
/** A fraction of the 60 s for which the server keeps a lock, and many times what is needed: machines may be busy. */
const SOON_MS = 15_000

let server: MongodbServer
let other: MongoClient
let storage: Storage
let prefix: string
let prefixes = 0
let sessions: ClientSession[]

/** Another client changes records in a transaction, and then does nothing any more. */
async function lock(...ids: readonly string[]): Promise<ClientSession> {
  const session = other.startSession()
  sessions.push(session)
  session.startTransaction()
  const items = other.db('locked').collection<{ _id: string }>(`${prefix}_item`)
  for (const _id of ids) await items.updateOne({ _id }, { $set: { guards: 1 } }, { session, upsert: true })
  return session
}

async function timed<T>(work: Promise<T>): Promise<{ readonly ms: number; readonly value: T }> {
  const began = performance.now()
  const value = await work
  return { ms: performance.now() - began, value }
}

describe.skipIf(whyNoMongodb)('MongoDB storage, beside a client that stopped inside a transaction', () => {
  beforeAll(async () => {
    server = await MongodbServer.start()
    other = await new MongoClient(server.uri).connect()
  }, 60_000)
  afterAll(async () => {
    await other.close()
    await server.stop()
  })

  beforeEach(async () => {
    sessions = []
    prefix = `p${Date.now()}-${++prefixes}`
    storage = await opened({ uri: server.uri, database: 'locked', prefix })
  })
  afterEach(async () => {
    await Promise.all(sessions.map((session) => session.endSession()))
    await storage.close()
  })

  it('answers what touches none of its records at once, and says of the rest that nothing was written', async () => {
    const [single, pair, gone] = [leave('single', { n: 1 }), leave('pair', { n: 1 }), leave('gone', {})]
    await storage.commit([setOf(single), setOf(pair), setOf(gone)])
    const session = await lock('single', 'pair', 'gone', 'absent')
    const versionOf = ({ leave }: Write) => leave?.version ?? ''
    const sets = [
      setOf(leave('a', {})),
      setOf(leave('single', { n: 2 }, versionOf(single))),
      setOf(leave('b', {})),
      setOf(leave('pair', { n: 2 }, versionOf(pair)), leave('pair', {}, null, 'note')),
      setOf(leave('c', {}), leave('c', {}, null, 'note')),
      setOf({ kind: 'item', id: 'gone', expect: versionOf(gone), leave: null }),
      setOf(leave('absent', {})),
      setOf(leave('a', {}, 'nobody', 'note')),
      setOf(leave('d', {}), { kind: 'note', id: 'd', expect: null }),
    ]
    const expected = [
      APPLIED,
      BUSY,
      APPLIED,
      BUSY,
      APPLIED,
      BUSY,
      BUSY,
      { applied: false, reason: 'conflict', found: [undefined] },
      APPLIED,
    ]
    const first = await timed(storage.commit(sets))
    expect(first.value.results).toEqual(expected)
    expect(first.ms).toBeLessThan(SOON_MS)
    expect(await idsOf(storage)).toEqual(['a', 'b', 'c', 'd', 'gone', 'pair', 'single'])
    // What stands in the way is known from now on: the others need not wait for it again.
    const again = await timed(storage.commit([...sets.slice(1, 2), setOf(leave('e', {}))]))
    expect(again.value.results).toEqual([BUSY, APPLIED])
    expect(again.ms).toBeLessThan(SOON_MS)
    await session.abortTransaction()
    expect((await storage.commit(sets)).results).toEqual(sets.map((_, i) => (i === 7 ? expected[7] : APPLIED)))
    expect(await idsOf(storage)).toEqual(['a', 'absent', 'b', 'c', 'd', 'e', 'pair', 'single'])
  }, 40_000)

  it('tells a set that moved meanwhile, and one that came too late, from one that is held up', async () => {
    const write = leave('x', { n: 1 })
    await commit(storage, write)
    const session = await lock('x')
    const late = { writes: [leave('x', { n: 2 }, write.leave?.version ?? '')], notAfter: Date.now() - 1 }
    expect((await storage.commit([late])).results).toMatchObject([{ reason: 'late' }])
    expect(await commit(storage, leave('x', { n: 3 }, 'another'))).toMatchObject({ reason: 'conflict' })
    await session.commitTransaction()
  })

  it('finds the free ones among many, many of which are locked', async () => {
    const ids = Array.from({ length: 100 }, (_, i) => `i${String(i).padStart(3, '0')}`)
    const isLocked = (i: number) => i % 20 === 0
    await lock(...ids.filter((_, i) => isLocked(i)))
    const pairs = ids.map((id) => setOf(leave(id, {}), leave(id, {}, null, 'note')))
    const { ms, value } = await timed(storage.commit(pairs))
    expect(value.results).toEqual(ids.map((_, i) => (isLocked(i) ? BUSY : APPLIED)))
    expect(ms).toBeLessThan(SOON_MS)
  }, 40_000)
  for (const isThere of [true, false]) {
    it(`ends what a batuta process left open, long before the server does: ${isThere ? 'a change' : 'a creation'}`, async () => {
      const before = leave('x', {})
      if (isThere) await commit(storage, before)
      const version = isThere ? (before.leave?.version ?? null) : null
      const { client, stopped } = stopping(other)
      const dying = await opened({ client, database: 'locked', prefix, commandTimeoutMs: 30_000 })
      void dying
        .commit([setOf(leave('x', { by: 'dying' }, version), leave('x', {}, null, 'note'))])
        .catch(() => undefined)
      await stopped
      const seen: string[] = []
      const set = setOf(leave('x', { by: 'other' }, version))
      const { ms, value } = await timed(commitAtLast(storage, [set], seen))
      expect(value).toEqual([APPLIED])
      expect(seen).toContain('busy')
      expect(ms).toBeLessThan(SOON_MS)
      const records = await storage.read([
        { kind: 'item', id: 'x' },
        { kind: 'note', id: 'x' },
      ])
      expect(records.records.map((record) => record?.value)).toEqual([{ by: 'other' }, undefined])
    }, 40_000)
  }

  it('leaves alone what is not of batuta, though it is of the same user and in the way', async () => {
    const before = leave('x', {})
    await commit(storage, before)
    const session = await lock('x')
    const giveUpAt = performance.now() + 4_000
    while (performance.now() < giveUpAt) {
      expect((await storage.commit([setOf(leave('x', {}, before.leave?.version ?? ''))])).results).toEqual([BUSY])
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await session.commitTransaction()
  }, 40_000)

  it('forgets the sessions of a storage that was closed, and those that nobody used for a day', async () => {
    const meta = other.db('locked').collection<{ _id: string; at?: Date; sessions?: unknown[] }>(`${prefix}_meta`)
    const written = () => meta.find({ _id: /^sessions/ }).toArray()
    await meta.insertOne({ _id: 'sessions/old', sessions: [], at: new Date(Date.now() - 2 * 86_400_000) })
    const another = await opened({ uri: server.uri, database: 'locked', prefix })
    expect((await written()).map(({ sessions }) => sessions?.length)).toEqual([4, 4])
    await another.close()
    expect((await written()).length).toBe(1)
  })
})
