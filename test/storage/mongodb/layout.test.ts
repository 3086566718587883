import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type MongodbStorageOptions,
  mongodbLayoutCommands,
  mongodbStorage,
} from '../../../src/storage/mongodb/index.js'
import { SCHEMA } from '../../../src/storage/records.js'
import type { IndexDefinition, Storage, StorageSchema } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { MongodbServer, whyNoMongodb } from '../../support/mongodb-server.js'
import { commit, failure, leave, opened, setOf } from './support.js'

const DATABASE = 'layout'
let server: MongodbServer
let prefix: string
let prefixes = 0

function options(more: MongodbStorageOptions = {}): MongodbStorageOptions {
  return { uri: server.uri, database: DATABASE, prefix, ...more }
}

function byColor(make: (color: string) => string = (color) => color, ...more: string[]): IndexDefinition {
  return {
    kind: 'item',
    name: 'colors',
    fields: ['color', ...more, 'id'].map((name) => ({ name, type: name === 'size' ? 'number' : 'text' })),
    key: (value, id) => {
      const { color, size } = value as { color?: string; size?: number }
      if (color === undefined || (more.length > 0 && size === undefined)) return undefined
      return more.length > 0 ? [make(color), size ?? 0, id] : [make(color), id]
    },
  }
}

function schemaOf(layout: number, ...indexes: IndexDefinition[]): StorageSchema {
  return { layout, kinds: ['item'], indexes }
}

async function colors(storage: Storage, ...prefixParts: string[]): Promise<string[]> {
  return (await storage.query('colors', { prefix: prefixParts, limit: 100 })).records.map((record) => record.id)
}

/** A store with three colors, made without an index. */
async function filled(): Promise<void> {
  const storage = await opened(options(), schemaOf(1))
  for (const [id, color] of Object.entries({ a: 'red', b: 'blue', c: 'red' })) {
    await commit(storage, leave(id, { color, kept: [id] }))
  }
  await commit(storage, leave('d', {}))
  await storage.close()
}

describe.skipIf(whyNoMongodb)('the layout of a MongoDB store', () => {
  beforeAll(async () => {
    server = await MongodbServer.start()
  }, 60_000)
  afterAll(() => server.stop())
  beforeEach(() => {
    prefix = `p${++prefixes}`
  })

  it('shows an operator what is in an index, as fields of their own', async () => {
    const storage = await opened(options())
    await commit(storage, leave('a', { lane: 'x', tenant: 't', rank: -2.5, more: { $odd: 'a.b' } }))
    const found = await server.client.db(DATABASE).collection(`${prefix}_item`).findOne({ 'lanes.lane': 'x' })
    expect(found).toMatchObject({ _id: 'a', lanes: { lane: 'x', tenant: 't', rank: -2.5 }, ids: { id: 'a' } })
    expect(JSON.parse(found?.value)).toMatchObject({ more: { $odd: 'a.b' } })
    expect(found).not.toHaveProperty('times')
    await storage.close()
  })

  it('costs a record nothing in an index that it is not in', async () => {
    const storage = await opened(options())
    await storage.commit(Array.from({ length: 50 }, (_, i) => setOf(leave(`i${i}`, i < 5 ? { at: i } : {}))))
    const db = server.client.db(DATABASE)
    const entries = async (hint: string) => {
      const explain = { count: `${prefix}_item`, query: { 'times.at': { $gte: Number.NEGATIVE_INFINITY } }, hint }
      return (await db.command({ explain, verbosity: 'executionStats' })).executionStats.totalKeysExamined
    }
    expect(await entries('times')).toBeLessThanOrEqual(6)
    await storage.close()
  })

  it('is refused when it is newer, at the start and in the middle', async () => {
    const storage = await opened(options())
    const meta = server.client.db(DATABASE).collection<{ _id: string }>(`${prefix}_meta`)
    await meta.updateOne({ _id: 'layout' }, { $set: { layout: 7 } })
    const expected = { code: 'STORAGE_NEWER', data: { storage: 'mongodb', found: 7, known: 1 } }
    expect(await failure(storage.read([]))).toMatchObject(expected)
    expect(await failure(commit(storage, leave('a', {})))).toMatchObject(expected)
    await storage.close()
    expect(await failure(opened(options()))).toMatchObject(expected)
  })

  it('gets an index that is new, with the records that are there', async () => {
    await filled()
    const storage = await opened(options(), schemaOf(1, byColor()))
    expect(await colors(storage)).toEqual(['b', 'a', 'c'])
    expect((await storage.read([{ kind: 'item', id: 'a' }])).records[0]?.value).toEqual({ color: 'red', kept: ['a'] })
    await storage.close()
  })

  it('gets more records into an index than are read at a time', async () => {
    const before = await opened(options(), schemaOf(1))
    const sets = Array.from({ length: 1_203 }, (_, i) => setOf(leave(`i${i}`, { color: i % 2 === 0 ? 'even' : 'odd' })))
    await before.commit(sets)
    await before.close()
    const storage = await opened(options(), schemaOf(1, byColor()))
    expect((await storage.count('colors', { prefix: ['even'] })).count).toBe(602)
    expect((await storage.count('colors', {})).count).toBe(1_203)
    await storage.close()
  })

  it('makes an index again whose fields have changed, and every key when it moves on', async () => {
    await filled()
    const before = await opened(options(), schemaOf(1, byColor()))
    await commit(before, leave('e', { color: 'red', size: 3 }))
    await commit(before, leave('f', { color: 'red', size: 2 }))
    await before.close()
    const sized = await opened(options(), schemaOf(1, byColor(undefined, 'size')))
    expect(await colors(sized)).toEqual(['f', 'e'])
    await sized.close()
    const upper = await opened(
      options({ commandTimeoutMs: 500 }),
      schemaOf(
        2,
        byColor((color) => color.toUpperCase()),
      ),
    )
    expect(await colors(upper, 'RED')).toEqual(['a', 'c', 'e', 'f'])
    expect(await colors(upper, 'red')).toEqual([])
    await upper.close()
    expect(await failure(opened(options(), schemaOf(1, byColor())))).toMatchObject({ code: 'STORAGE_NEWER' })
  })

  it('is gone over again when whoever made it died in the middle', async () => {
    await filled()
    const meta = server.client.db(DATABASE).collection<{ _id: string }>(`${prefix}_meta`)
    await meta.updateOne({ _id: 'layout' }, { $unset: { indexes: 1 } })
    const items = server.client.db(DATABASE).collection<{ _id: string }>(`${prefix}_item`)
    await items.createIndex({ 'colors.color': 1, _id: 1 }, { name: 'colors' })
    const storage = await opened(options(), schemaOf(1, byColor()))
    expect(await colors(storage)).toEqual(['b', 'a', 'c'])
    await storage.close()
  })

  it('gets back an index that somebody dropped', async () => {
    await (await opened(options())).close()
    await server.client.db(DATABASE).collection(`${prefix}_item`).dropIndex('times')
    expect(await failure(opened(options({ migrate: false })))).toMatchObject({ code: 'STORAGE_OUTDATED' })
    const storage = await opened(options())
    expect((await storage.query('times', { limit: 1 })).records).toEqual([])
    await storage.close()
  })

  it('is left to others when migrate is off: by the commands that are printed for that', async () => {
    const closed = mongodbStorage(options({ migrate: false }))
    expect(await failure(closed.open(SCHEMA))).toMatchObject({
      code: 'STORAGE_OUTDATED',
      data: { found: 0, known: SCHEMA.layout },
    })
    const db = server.client.db(DATABASE)
    for (const command of mongodbLayoutCommands({ prefix })) await db.command(JSON.parse(JSON.stringify(command)))
    const storage = await opened(options({ migrate: false }), SCHEMA)
    const listed = await storage.query('listed', { limit: 1 })
    expect(listed.records).toEqual([])
    await storage.close()
  })

  it('says so when the collections are gone', async () => {
    const storage = await opened(options())
    await server.client.db(DATABASE).collection(`${prefix}_meta`).drop()
    expect(await failure(storage.read([]))).toMatchObject({ code: 'STORAGE_OUTDATED', data: { found: 0 } })
    await storage.close()
  })

  it('is shared by the users of one storage until the last has closed it', async () => {
    const storage = await opened(options())
    await storage.open(KIT_SCHEMA)
    await storage.close()
    expect(await commit(storage, leave('a', {}))).toEqual({ applied: true })
    await storage.close()
    expect(await failure(storage.read([]))).toMatchObject({ code: 'STORAGE_CLOSED' })
  })
})
