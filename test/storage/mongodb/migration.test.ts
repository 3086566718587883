import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { MongodbStorageOptions } from '../../../src/storage/mongodb/index.js'
import type { IndexDefinition, KeyPart, StorageSchema, Write } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { MongodbServer, whyNoMongodb } from '../../support/mongodb-server.js'
import { commit, failure, leave, opened, setOf } from './support.js'

const DATABASE = 'migration'
const RECORDS = 700
const NODES = 4

let server: MongodbServer
let options: MongodbStorageOptions
let prefixes = 0

/** A layout whose index of colors has these fields: of the layout before, other ones. */
function layout(number: number, ...fields: IndexDefinition['fields']): StorageSchema {
  const colors: IndexDefinition = {
    kind: 'item',
    name: 'colors',
    fields,
    key: (value, id) =>
      fields.map(({ name }) => (name === 'id' ? id : ((value as Record<string, KeyPart>)[name] ?? ''))),
  }
  return { layout: number, kinds: KIT_SCHEMA.kinds, indexes: [...KIT_SCHEMA.indexes, colors] }
}

const BEFORE = layout(1, { name: 'color', type: 'text' }, { name: 'id', type: 'text' })
const AFTER = layout(2, { name: 'color', type: 'text' }, { name: 'at', type: 'number' }, { name: 'id', type: 'text' })

describe.skipIf(whyNoMongodb)('a filled MongoDB store that several nodes of the next layout open at once', () => {
  beforeAll(async () => {
    server = await MongodbServer.start()
  }, 60_000)
  afterAll(() => server.stop())

  beforeEach(() => {
    options = { uri: server.uri, database: DATABASE, prefix: `p${Date.now()}-${++prefixes}`, commandTimeoutMs: 1_000 }
  })

  for (const round of [1, 2, 3]) {
    it(`is moved on once, and whole, while a node of the layout before goes on committing (${round})`, async () => {
      const old = await opened(options, BEFORE)
      const writes = Array.from({ length: RECORDS }, (_, i) => leave(`i${i}`, { at: i, color: i % 2 ? 'odd' : 'even' }))
      await old.commit(writes.map((write) => setOf(write)))
      await commit(old, leave('n', { at: 1 }, null, 'note'))
      const before = (await old.read(writes)).records

      let late = 0
      const working = async () => {
        for (; ; late++) await commit(old, leave(`late${late}`, { at: late, color: 'late' }))
      }
      const stopped = failure(working())
      const nodes = await Promise.all(
        Array.from({ length: NODES }, async (_, n) => {
          const node = await opened(options, AFTER)
          // What is open can be asked, though the others are not done yet.
          for (let i = 0; i < 20; i++) {
            expect((await node.count('colors', { prefix: ['even'] })).count).toBe(RECORDS / 2)
            expect(await commit(node, leave(`new${n}-${i}`, { at: i, color: 'new' }))).toEqual({ applied: true })
          }
          return node
        }),
      )
      expect(await stopped).toMatchObject({ code: 'STORAGE_NEWER', data: { found: 2, known: 1 } })
      for (const node of nodes) {
        expect((await node.read(writes)).records).toEqual(before)
        for (const [color, count] of Object.entries({ even: RECORDS / 2, odd: RECORDS / 2, new: NODES * 20 })) {
          expect((await node.count('colors', { prefix: [color] })).count, color).toBe(count)
        }
        // What was under way when the old node was told may have been written; then it is in the index like all others.
        const { count } = await node.count('colors', { prefix: ['late'] })
        expect([late, late + 1]).toContain(count)
        expect((await node.count('times', {})).count).toBe(RECORDS + NODES * 20 + count)
        expect((await node.count('notes', {})).count).toBe(1)
        const { records } = await node.query('colors', { prefix: ['odd'], limit: 3 })
        expect(records.map(({ id }) => id)).toEqual(['i1', 'i3', 'i5'])
      }
      expect(late).toBeGreaterThan(0)
      for (const node of [old, ...nodes]) await node.close()
      // Nothing is left to do for whoever comes next.
      await (await opened({ ...options, migrate: false }, AFTER)).close()
    }, 60_000)
  }

  it('is moved on whose records are more together than one command holds', async () => {
    options = { ...options, commandTimeoutMs: 4_000 }
    const old = await opened(options, BEFORE)
    const value = { at: 1, color: 'red', text: 'x'.repeat(50_000) }
    for (let n = 0; n < 8; n++) {
      await old.commit(Array.from({ length: 50 }, (_, i) => setOf(leave(`i${n}-${i}`, value))))
    }
    await old.close()
    const node = await opened(options, AFTER)
    expect((await node.count('colors', { prefix: ['red'] })).count).toBe(400)
    await node.close()
  }, 60_000)

  it('takes nothing more from a node of the layout before, whether it was told already or has slept meanwhile', async () => {
    const [awake, asleep] = await Promise.all([opened(options, BEFORE), opened(options, BEFORE)])
    const node = await opened(options, AFTER)
    const NEWER = { code: 'STORAGE_NEWER' }
    expect(await failure(awake.read([]))).toMatchObject(NEWER)
    const writes = ['awake', 'asleep'].map((color) => leave(color, { at: 1, color }))
    const pairs = writes.map((write) => [write, leave(write.id, {}, null, 'note')])
    expect(await failure(commit(awake, ...(pairs[0] ?? [])))).toMatchObject(NEWER)
    expect(await failure(commit(awake, writes[0] as Write))).toMatchObject(NEWER)
    expect(await failure(commit(asleep, writes[1] as Write))).toMatchObject(NEWER)
    expect((await node.read(pairs.flat())).records).toEqual([undefined, undefined, undefined, undefined])
    for (const one of [awake, asleep, node]) await one.close()
  })
})
