import { strict as assert } from 'node:assert'
import { topic } from '../storage-conformance.js'

/** Opening and reading. */
export const readCases = [
  ...topic('open', {
    'says what it is': async ({ storage }) => {
      assert.ok(storage.name.length > 0)
      assert.equal(typeof storage.outcomeAlwaysKnown, 'boolean')
      assert.equal(typeof storage.durable, 'boolean')
    },
    'starts empty': async ({ probe, storage }) => {
      for (const index of ['lanes', 'times', 'seqs', 'pairs', 'ids', 'notes']) {
        assert.deepEqual(await probe.ids(index), [])
        assert.equal((await storage.count(index, {})).count, 0)
      }
    },
  }),
  ...topic('read', {
    'finds nothing where nothing is': async ({ probe }) => {
      assert.equal(await probe.read('nobody'), undefined)
    },
    'finds a record with its kind, id, version and value': async ({ probe }) => {
      const record = await probe.create('a', { lane: 'x', extra: 1 })
      assert.deepEqual(await probe.read('a'), record)
    },
    'answers in the order of the keys, with gaps, repeats and other kinds': async ({ probe, storage }) => {
      const a = await probe.create('a', { n: 1 })
      const b = await probe.create('b', { n: 2 })
      const note = await probe.create('a', { n: 3 }, 'note')
      const keys = [b, { kind: 'item', id: 'none' }, note, a, b].map(({ kind, id }) => ({ kind, id }))
      assert.deepEqual((await storage.read(keys)).records, [b, undefined, note, a, b])
    },
    'takes no keys and a thousand keys': async ({ probe, storage }) => {
      assert.deepEqual((await storage.read([])).records, [])
      await probe.create('i500', { n: 1 })
      const keys = Array.from({ length: 1_000 }, (_, i) => ({ kind: 'item', id: `i${i}` }))
      const { records } = await storage.read(keys)
      assert.equal(records.length, 1_000)
      assert.deepEqual(
        records.flatMap((record, i) => (record === undefined ? [] : [i])),
        [500],
      )
    },
    'keeps the same id of two kinds apart': async ({ probe }) => {
      const item = await probe.create('same', { n: 1 })
      const note = await probe.create('same', { n: 2 }, 'note')
      await probe.apply({ kind: 'item', id: 'same', expect: item.version, leave: null })
      assert.equal(await probe.read('same'), undefined)
      assert.deepEqual(await probe.read('same', 'note'), note)
    },
    'sees every commit that was answered': async ({ probe }) => {
      let record = await probe.create('a', { n: 0, at: 0 })
      for (let n = 1; n <= 20; n++) {
        const write = probe.leave('a', { n, at: n }, record.version)
        await probe.apply(write)
        record = { ...record, version: write.leave?.version ?? '', value: { n, at: n } }
        assert.deepEqual(await probe.read('a'), record)
        assert.deepEqual((await probe.storage.query('times', { limit: 10 })).records, [record])
      }
    },
  }),
]
