import { MongoClient, MongoServerError } from 'mongodb'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { MongodbClient, MongodbDocument } from '../../../src/storage/mongodb/index.js'
import type { IndexDefinition, Storage, StorageSchema } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { MongodbServer, whyNoFaults } from '../../support/mongodb-server.js'
import { commit, commitAtLast, failure, idsOf, leave, opened, setOf } from './support.js'

const DATABASE = 'refusals'
const APPLIED = { applied: true }
const REFUSED = { code: 'STORAGE_REFUSED', retryable: false }
const FULL = { code: 'STORAGE_UNAVAILABLE', retryable: true, message: expect.stringContaining('has no space left') }
const QUOTA = 'you are over your space quota, using 513 MB of 512 MB'

let server: MongodbServer
let live: MongoClient
let storage: Storage
let prefix: string
let prefixes = 0
let refusal: Refusal | undefined

/** What the server says of the statements for this record in the next `update`, instead of doing them. */
interface Refusal {
  readonly id: string
  readonly code: number
  readonly errmsg: string
}

/** A live client whose server does some statements not, and says so as a server does. */
function refusing(): MongodbClient {
  const db = (name: string) => ({
    command: async (command: MongodbDocument, options?: object): Promise<MongodbDocument> => {
      const updates = (command.updates ?? []) as { readonly q: { readonly _id: string } }[]
      const index = updates.findIndex(({ q }) => q._id === refusal?.id)
      if (index < 0) return await live.db(name).command(command, options)
      const writeErrors = [{ ...refusal, index }]
      refusal = undefined
      if (updates.length === 1) return { n: 0, writeErrors }
      const answer = await live.db(name).command({ ...command, updates: updates.toSpliced(index, 1) }, options)
      return { ...answer, writeErrors }
    },
    runCursorCommand: (command: MongodbDocument) => live.db(name).runCursorCommand(command),
  })
  return {
    connect: () => live.connect(),
    db,
    startSession: (options) => live.startSession(options),
    close: async () => {},
  }
}

/** Gives a collection a rule that its records must keep; none without `rule`. */
async function rule(kind: string, validator: MongodbDocument = {}): Promise<void> {
  await server.client.db(DATABASE).command({ collMod: `${prefix}_${kind}`, validator })
}

/** A set for each way in which a record may be written. */
function sets(n: number) {
  return [setOf(leave(`one${n}`, {})), setOf(leave(`two${n}`, {}), leave(`two${n}`, {}, null, 'note'))] as const
}

describe.skipIf(whyNoFaults)('MongoDB storage, over a server that does not do what it is told', () => {
  beforeAll(async () => {
    server = await MongodbServer.start()
    live = await new MongoClient(server.uri).connect()
  }, 60_000)
  afterAll(async () => {
    await live.close()
    await server.stop()
  })

  beforeEach(async () => {
    refusal = undefined
    prefix = `p${Date.now()}-${++prefixes}`
    storage = await opened({ uri: server.uri, database: DATABASE, prefix })
  })
  afterEach(async () => {
    await server.heal()
    await server.client.db('admin').command({ configureFailPoint: 'failAllUpdates', mode: 'off' })
    await storage.close()
  })

  it('says that a validator refuses a record, and does the others of that commit', async () => {
    await rule('item', { _id: { $not: /^bad/ } })
    for (const set of [setOf(leave('bad1', {})), setOf(leave('bad2', {}), leave('bad2', {}, null, 'note'))]) {
      const error = await failure(storage.commit([setOf(leave(`good-${set.writes[0]?.id}`, {})), set]))
      expect(error).toMatchObject(REFUSED)
      expect(error.message).toContain(`A validator of the collection ${prefix}_item refuses a record`)
    }
    expect(await idsOf(storage)).toEqual(['good-bad1', 'good-bad2'])
    expect(await idsOf(storage, 'notes')).toEqual([])
    await rule('item')
    expect(await commit(storage, leave('bad1', {}))).toEqual(APPLIED)
  })

  it('tells a unique index that is not of batuta from a record that is there already', async () => {
    const key = { 'times.at': 1 }
    const partialFilterExpression = { 'times.at': { $exists: true } }
    const index = { key, partialFilterExpression, name: 'mine', unique: true }
    await server.client.db(DATABASE).command({ createIndexes: `${prefix}_item`, indexes: [index] })
    expect(await commit(storage, leave('a', { at: 1 }))).toEqual(APPLIED)
    for (const set of [setOf(leave('b', { at: 1 })), setOf(leave('b', { at: 1 }), leave('b', {}, null, 'note'))]) {
      const error = await failure(storage.commit([set]))
      expect(error).toMatchObject(REFUSED)
      expect(error.message).toContain(`A unique index of the collection ${prefix}_item`)
    }
    expect(await commit(storage, leave('a', { at: 2 }))).toMatchObject({ applied: false, reason: 'conflict' })
  })

  it('has written nothing when the server has no space left, and goes on when it has', async () => {
    for (const [n, set] of sets(1).entries()) {
      await server.fail(1, { failCommands: ['update'], errorCode: 14_031 })
      expect(await failure(storage.commit([set])), `set ${n}`).toMatchObject(FULL)
      expect((await storage.commit([set])).results).toEqual([APPLIED])
    }
  })

  for (const [what, code, errmsg] of [
    ['the disk is full', 14_031, 'No space left on device'],
    ['the quota of Atlas is used up', 8_000, QUOTA],
  ] as const) {
    it(`says so when a single statement fails since ${what}`, async () => {
      const over = await opened({ client: refusing(), database: DATABASE, prefix })
      for (const set of sets(2)) {
        const id = set.writes[0]?.id ?? ''
        refusal = { id, code, errmsg }
        expect(await failure(over.commit([set]))).toMatchObject(FULL)
        // What went through beside it may not be called "nothing".
        refusal = { id, code, errmsg }
        const both = [setOf(leave(`beside-${id}`, {})), set]
        expect((await failure(over.commit(both))).code).toBe('STORAGE_OUTCOME_UNKNOWN')
        expect((await over.commit(both)).results).toEqual([APPLIED, APPLIED])
      }
      await over.close()
    })
  }

  it('tells the quota of Atlas from a user who may not write', async () => {
    const over = await opened({
      client: { ...refusing(), db: (name) => ({ ...refusing().db(name), command: failing }) },
      database: DATABASE,
      prefix,
    })
    let errmsg = ''
    async function failing(command: MongodbDocument, options?: object): Promise<MongodbDocument> {
      if (command.update === `${prefix}_item` || command.update === `${prefix}_note`) {
        throw new MongoServerError({ ok: 0, code: 8_000, codeName: 'AtlasError', errmsg })
      }
      return await live.db(DATABASE).command(command, options)
    }
    for (const set of sets(3)) {
      errmsg = QUOTA
      expect(await failure(over.commit([set]))).toMatchObject(FULL)
      errmsg = 'user is not allowed to do action [update] on [refusals.item]'
      expect(await failure(over.commit([set]))).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: false })
    }
    await over.close()
  })

  it('does not say that nothing was written where a deletion may have been done beside what failed', async () => {
    const there = [leave('a', {}), leave('b', {})]
    await storage.commit(there.map((write) => setOf(write)))
    const [first, second] = there.map(({ id, leave: left }) => ({
      kind: 'item',
      id,
      expect: left?.version ?? null,
      leave: null,
    }))
    if (first === undefined || second === undefined) throw new Error('two were made')
    await server.client.db('admin').command({ configureFailPoint: 'failAllUpdates', mode: 'alwaysOn' })
    const sets = [setOf(leave('new', {})), setOf(first), setOf({ ...second, expect: 'other' })]
    const error = await failure(storage.commit(sets))
    expect(await idsOf(storage)).toEqual(['b'])
    expect(error.code).toBe('STORAGE_OUTCOME_UNKNOWN')
    await server.client.db('admin').command({ configureFailPoint: 'failAllUpdates', mode: 'off' })
    expect((await storage.commit(sets)).results).toMatchObject([APPLIED, APPLIED, { reason: 'conflict' }])
  })

  it('takes no error that it does not know for a guard that failed', async () => {
    for (const set of sets(4)) {
      await server.client.db('admin').command({ configureFailPoint: 'failAllUpdates', mode: 'alwaysOn' })
      const error = await failure(storage.commit([set]))
      expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
      expect(error.message).toContain('does not do a write (code 1)')
      await server.client.db('admin').command({ configureFailPoint: 'failAllUpdates', mode: 'off' })
      expect((await storage.commit([set])).results).toEqual([APPLIED])
    }
  })

  it('answers no conflict for a statement that ran into another one, but does it', async () => {
    const over = await opened({ client: refusing(), database: DATABASE, prefix })
    for (const [id, code] of Object.entries({ a: 11_000, b: 112 })) {
      refusal = { id, code, errmsg: 'somebody else was there' }
      expect(await commit(over, leave(id, {}))).toEqual(APPLIED)
    }
    expect(await idsOf(over)).toEqual(['a', 'b'])
    await over.close()
  })

  it('is not opened half migrated when records can not be given their new fields', async () => {
    await storage.commit([setOf(leave('a', { at: 1 })), setOf(leave('bad', { at: 2 }))])
    await rule('item', { _id: { $not: /^bad/ } })
    const ages: IndexDefinition = {
      kind: 'item',
      name: 'ages',
      fields: [{ name: 'at', type: 'number' }],
      key: (value) => [(value as { readonly at: number }).at],
    }
    const next: StorageSchema = { ...KIT_SCHEMA, layout: 2, indexes: [...KIT_SCHEMA.indexes, ages] }
    const options = { uri: server.uri, database: DATABASE, prefix, commandTimeoutMs: 500 }
    expect(await failure(opened(options, next))).toMatchObject(REFUSED)
    await rule('item')
    const migrated = await opened(options, next)
    expect((await migrated.query('ages', { limit: 10 })).records.map(({ id }) => id)).toEqual(['a', 'bad'])
    await migrated.close()
  })

  it('refuses a record that only the fields of its indexes make too large', async () => {
    const lane = 'x'.repeat(4 * 1024 * 1024)
    const value = { lane, tenant: 't', rank: 1, seq: 1, text: 'x'.repeat(10 * 1024 * 1024) }
    const error = await failure(storage.commit([setOf(leave('small', {})), setOf(leave('large', value))]))
    expect(error).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', retryable: false })
    expect(await commitAtLast(storage, [setOf(leave('small', {}))])).toEqual([APPLIED])
  })
})
