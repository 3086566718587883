import { MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Storage } from '../../../src/storage/storage.js'
import { MongodbServer, whyNoFaults } from '../../support/mongodb-server.js'
import { commit, failure, idsOf, leave, opened, setOf } from './support.js'

const DATABASE = 'pool'
const APPLIED = { applied: true }
const LIMIT_MS = 700
/** A call may take its limit, and what the machine takes on top of it; less than three limits. */
const IN_TIME_MS = 1_900
/** Longer than all calls together. */
const BLOCKED_MS = 6_500

let server: MongodbServer
let prefix: string
let prefixes = 0

/** Every kind of call. */
const CALLS: Readonly<Record<string, (storage: Storage) => Promise<unknown>>> = {
  'a read': (storage) => storage.read([{ kind: 'item', id: 'a' }]),
  'a query': (storage) => storage.query('times', { limit: 10 }),
  'a count': (storage) => storage.count('times', {}),
  'a set of one record': (storage) => commit(storage, leave('one', { at: 1 })),
  'many sets of two records': (storage) => storage.commit(pairs(500)),
}

function pairs(count: number) {
  return Array.from({ length: count }, (_, i) => setOf(leave(`pair${i}`, {}), leave(`pair${i}`, {}, null, 'note')))
}

async function timed(work: Promise<unknown>) {
  const began = performance.now()
  const error = await failure(work)
  return { error, ms: performance.now() - began }
}

describe.skipIf(whyNoFaults)('MongoDB storage whose only connection is taken', () => {
  beforeAll(async () => {
    server = await MongodbServer.start()
  }, 60_000)
  afterAll(() => server.stop())
  beforeEach(() => {
    prefix = `p${Date.now()}-${++prefixes}`
  })
  afterEach(() => server.heal())

  it('by a command of its own that is slow: fails what waits for it in time, and goes on without it', async () => {
    const options = { maxPoolSize: 1 }
    const storage = await opened({ uri: server.uri, options, database: DATABASE, prefix, commandTimeoutMs: LIMIT_MS })
    await server.fail(1, { failCommands: ['find'], blockConnection: true, blockTimeMS: 4 * LIMIT_MS })
    const reading = timed(storage.read([{ kind: 'item', id: 'a' }]))
    const writing = timed(commit(storage, leave('a', {})))
    for (const { error, ms } of await Promise.all([reading, writing])) {
      expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
      expect(ms).toBeLessThan(IN_TIME_MS)
    }
    expect((await writing).error.message).toContain('all connections of its client are busy')
    const began = performance.now()
    expect(await commit(storage, leave('a', {}))).toEqual(APPLIED)
    expect(performance.now() - began).toBeLessThan(IN_TIME_MS)
    await storage.close()
  })

  for (const waitQueueTimeoutMS of [0, LIMIT_MS / 2]) {
    const how = waitQueueTimeoutMS === 0 ? 'for ever' : 'shorter than a command may take'
    it(`by the application whose live client waits ${how}: ends each call in time, and has written nothing`, async () => {
      const client = new MongoClient(server.uri, { appName: 'batuta', maxPoolSize: 1, waitQueueTimeoutMS })
      const storage = await opened({ client, database: DATABASE, prefix, commandTimeoutMs: LIMIT_MS })
      await server.fail(1, { failCommands: ['ping'], blockConnection: true, blockTimeMS: BLOCKED_MS })
      await storage.read([])
      let isBlocked = true
      const blocked = client
        .db('admin')
        .command({ ping: 1 })
        .finally(() => {
          isBlocked = false
        })
      const fails = ({ error, ms }: Awaited<ReturnType<typeof timed>>, what: string, code = 'STORAGE_UNAVAILABLE') => {
        expect(error, what).toMatchObject({ code, retryable: true })
        expect(ms, what).toBeLessThan(IN_TIME_MS)
      }
      // Sent while the storage knows the layout, so without a question first: one that waits for ever may have been sent.
      const [one, many] = await Promise.all([timed(commit(storage, leave('a', {}))), timed(storage.commit(pairs(500)))])
      fails(one, 'one', waitQueueTimeoutMS === 0 ? 'STORAGE_OUTCOME_UNKNOWN' : undefined)
      fails(many, 'many')
      for (const [what, call] of Object.entries(CALLS)) fails(await timed(call(storage)), what)
      expect(isBlocked).toBe(true)
      await blocked
      expect([await idsOf(storage), await idsOf(storage, 'notes')]).toEqual([[], []])
      expect(await commit(storage, leave('a', {}))).toEqual(APPLIED)
      expect((await storage.commit(pairs(40))).results).toEqual(pairs(40).map(() => APPLIED))
      await storage.close()
      await client.close()
    }, 40_000)
  }
})
