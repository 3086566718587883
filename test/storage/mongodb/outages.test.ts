import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { mongodbStorage } from '../../../src/storage/mongodb/index.js'
import type { Storage } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { MongodbServer, startStandalone, whyNoFaults } from '../../support/mongodb-server.js'
import { commit, commitAtLast, failure, idsOf, leave, opened, setOf } from './support.js'

let server: MongodbServer
let storage: Storage
let prefixes = 0

/** Sets of every kind: one record, several records over two collections, a deletion, an expectation. */
async function everySet() {
  const [gone, guard] = [leave('gone', { at: 1 }), leave('guard', {})]
  await commit(storage, gone)
  await commit(storage, guard)
  const expectation = { kind: 'item', id: 'guard', expect: guard.leave?.version ?? '' }
  return [
    setOf(leave('one', { at: 2 })),
    setOf(leave('two', { at: 3 }), leave('two', { at: 3 }, null, 'note'), expectation),
    setOf({ kind: 'item', id: 'gone', expect: gone.leave?.version ?? '', leave: null }),
    setOf(leave('three', {}), { kind: 'item', id: 'nobody', expect: null }),
  ]
}

async function expectAllApplied() {
  expect(await idsOf(storage)).toEqual(['guard', 'one', 'three', 'two'])
  expect(await idsOf(storage, 'notes')).toEqual(['two'])
}

describe.skipIf(whyNoFaults)('MongoDB storage', () => {
  beforeAll(async () => {
    server = await MongodbServer.start()
  }, 60_000)
  afterAll(() => server.stop())

  beforeEach(async () => {
    storage = await opened({ uri: server.uri, database: 'outages', prefix: `p${++prefixes}`, commandTimeoutMs: 1_500 })
  })
  afterEach(async () => {
    await server.heal()
    await storage.close()
  })

  it('says what to do about a server that stands alone', async () => {
    const alone = await startStandalone()
    const error = await failure(mongodbStorage({ uri: alone.uri, database: 'x' }).open(KIT_SCHEMA))
    await alone.stop()
    expect(error).toMatchObject({ code: 'STORAGE_UNSUITABLE', retryable: false })
    expect(error.data).toMatchObject({ storage: 'mongodb', found: 'standalone', needed: 'replica set' })
    expect(error.message).toContain('rs.initiate()')
  })

  it('waits for a server as long as it is told to', async () => {
    const nobody = mongodbStorage({
      uri: 'mongodb://127.0.0.1:1/x?directConnection=true',
      openTimeoutMs: 400,
      commandTimeoutMs: 200,
    })
    expect(await failure(nobody.open(KIT_SCHEMA))).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
  })

  const steps = ['update', 'delete', 'commitTransaction', 'abortTransaction', 'find'] as const
  for (const step of steps) {
    for (const [how, failure] of [
      ['loses its connection', { closeConnection: true }],
      ['finds no primary', { errorCode: 10107 }],
      ['is interrupted by an election', { errorCode: 11602 }],
      ['is slow', { blockConnection: true, blockTimeMS: 2_000 }],
    ] as const) {
      // A find that fails is the commit's question what time it is, or what stands there.
      it(`applies everything once when ${step} ${how}`, async () => {
        const sets = await everySet()
        await server.fail(1, { failCommands: [step], ...failure })
        const results = await commitAtLast(storage, sets)
        expect(results).toEqual(sets.map(() => ({ applied: true })))
        await server.heal()
        await expectAllApplied()
      })
    }
  }

  it('has written nothing when it says so', async () => {
    const failures = [
      { failCommands: ['update'], errorCode: 10107 },
      { failCommands: ['update'], errorCode: 13 },
    ]
    for (const [n, fail] of failures.entries()) {
      await server.fail(1, fail)
      const error = await failure(commit(storage, leave(`a${n}`, {})))
      expect(error.code).toBe('STORAGE_UNAVAILABLE')
      expect(error.retryable).toBe(fail.errorCode !== 13)
    }
    // The second update of the transaction; the first one is taken back.
    await server.fail({ skip: 1 }, { failCommands: ['update'], errorCode: 13 })
    expect((await failure(commit(storage, leave('b', {}), leave('b', {}, null, 'note')))).code).toBe(
      'STORAGE_UNAVAILABLE',
    )
    await server.heal()
    expect([await idsOf(storage), await idsOf(storage, 'notes')]).toEqual([[], []])
  })

  it('can not say when a majority did not confirm in time, and the same set counts as applied then', async () => {
    const set = setOf(leave('a', {}))
    const writeConcernError = { code: 64, codeName: 'WriteConcernTimeout', errmsg: 'waiting for replication timed out' }
    await server.fail(1, { failCommands: ['update'], writeConcernError })
    expect((await failure(storage.commit([set]))).code).toBe('STORAGE_OUTCOME_UNKNOWN')
    expect((await storage.commit([set])).results).toEqual([{ applied: true }])
  })

  it('can not say when a part was written and another was not', async () => {
    await server.fail(1, { failCommands: ['commitTransaction'], errorCode: 13 })
    const error = await failure(storage.commit([setOf(leave('a', {})), setOf(leave('b', {}), leave('c', {}))]))
    expect(error.code).toBe('STORAGE_OUTCOME_UNKNOWN')
    expect(await idsOf(storage)).toEqual(['a'])
  })

  it('fails in time when the server does not answer, and works when it does again', async () => {
    await server.fail(4, { failCommands: ['find', 'update'], blockConnection: true, blockTimeMS: 6_000 })
    const began = performance.now()
    const [write, read] = await Promise.all([
      failure(commit(storage, leave('a', {}))),
      failure(storage.read([{ kind: 'item', id: 'a' }])),
    ])
    expect(performance.now() - began).toBeLessThan(5_000)
    expect([write.code, read.code]).toEqual(['STORAGE_OUTCOME_UNKNOWN', 'STORAGE_UNAVAILABLE'])
    await server.heal()
    expect(await commit(storage, leave('b', {}))).toEqual({ applied: true })
  })

  it('comes back by itself after an election', async () => {
    await commit(storage, leave('before', {}))
    await server.stepDown(2)
    const seen: string[] = []
    const sets = [setOf(leave('meanwhile', {})), setOf(leave('pair', {}), leave('pair', {}, null, 'note'))]
    expect(await commitAtLast(storage, sets, seen)).toEqual([{ applied: true }, { applied: true }])
    expect(seen.length).toBeGreaterThan(0)
    expect(await idsOf(storage)).toEqual(['before', 'meanwhile', 'pair'])
  }, 60_000)

  it('says that a live client was closed by its owner', async () => {
    const client = new (await import('mongodb')).MongoClient(server.uri)
    const over = await opened({ client, database: 'outages', prefix: `p${prefixes}` })
    await client.close()
    expect((await failure(commit(over, leave('a', {})))).code).toBe('STORAGE_CLOSED')
  })
})
