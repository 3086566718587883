import { strict as assert } from 'node:assert'
import { rejects } from '../probe.js'
import { topic } from '../storage-conformance.js'

const values = topic('values', {
  'come back as they went in': async ({ probe }) => {
    const value = {
      texts: ['', ' ', 'plain', '"quoted"', "it's", 'back\\slash', 'line\nfeed', 'tab\t', 'nul\u0000nul', 'ñ 中 😀'],
      numbers: [0, -1, 1.5, 1e21, 5e-324, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 1.7976931348623157e308],
      others: [true, false, null, [], {}, [[]], [null]],
      nested: { a: { b: { c: [{ d: 1 }] } } },
      'odd key': 1,
      '': 2,
      $set: 3,
      'a.b': 4,
      length: 5,
      constructor: 6,
    }
    const record = await probe.create('a', value)
    assert.deepEqual(await probe.read('a'), record)
    assert.equal(JSON.stringify((await probe.read('a'))?.value), JSON.stringify(value), 'the order of keys changed')
  },
  'keep fields that no index knows, in reads and in queries': async ({ probe, storage }) => {
    const record = await probe.create('a', { at: 1, lane: 'x', unknown: { deep: [1] }, another: null })
    assert.deepEqual((await storage.query('times', { limit: 1 })).records, [record])
    const { records } = await storage.read([record])
    assert.deepEqual(records, [record])
  },
  'may be empty and may be large': async ({ probe }) => {
    const empty = await probe.create('empty', {})
    const large = await probe.create('large', {
      text: 'ñ'.repeat(500_000),
      list: Array.from({ length: 20_000 }, (_, i) => i),
    })
    assert.deepEqual(await probe.read('empty'), empty)
    assert.deepEqual(await probe.read('large'), large)
  },
  'belong to their own record, whatever its id': async ({ probe }) => {
    const ids = [
      'a',
      'A',
      'a ',
      ' a',
      'a/b',
      'a:b',
      'a%',
      'a_',
      "a'b",
      'a"b',
      'a\\b',
      'a*',
      'á',
      'a\u0301',
      '😀',
      '__proto__',
    ]
    ids.push('x'.repeat(500), '0', '00', '1e1', '10', 'null', 'constructor')
    for (const [n, id] of ids.entries()) await probe.create(id, { n })
    for (const [n, id] of ids.entries()) assert.deepEqual((await probe.read(id))?.value, { n }, id)
    assert.equal((await probe.storage.count('ids', {})).count, ids.length)
  },
})

const time = topic('time', {
  'comes with every answer': async ({ storage }) => {
    const answers = [
      await storage.read([]),
      await storage.query('ids', { limit: 1 }),
      await storage.query('ids', { limit: 1, prefix: ['a'], after: ['b'] }),
      await storage.count('ids', {}),
      await storage.commit([]),
    ]
    for (const { now } of answers) assert.ok(Number.isFinite(now), `now is ${now}`)
  },
  'never goes back': async ({ probe, storage }) => {
    let last = 0
    for (let i = 0; i < 50; i++) {
      const set = probe.set([probe.leave(`i${i}`, {})])
      for (const { now } of [await storage.commit([set]), await storage.read([]), await storage.count('ids', {})]) {
        assert.ok(now >= last, `${now} came after ${last}`)
        last = now
      }
    }
  },
})

const errors = topic('errors', {
  'rejects a kind that was not declared, and writes nothing of that commit': async ({ probe, storage }) => {
    await rejects(() => storage.read([{ kind: 'nothing', id: 'a' }]), 'OPTIONS_INVALID')
    const sets = [probe.set([probe.leave('a', {})]), probe.set([probe.leave('b', {}, null, 'nothing')])]
    await rejects(() => storage.commit(sets), 'OPTIONS_INVALID')
    assert.equal(await probe.read('a'), undefined)
    await probe.create('a', {})
  },
  'rejects when a key can not be made, and writes nothing of that commit': async ({ probe, storage }) => {
    const broken = Object.defineProperty({}, 'at', {
      get: () => {
        throw new Error('no key')
      },
    })
    const sets = [probe.set([probe.leave('a', {})]), probe.set([probe.leave('b', {}), probe.leave('c', broken)])]
    await rejects(() => storage.commit(sets))
    assert.deepEqual(await probe.ids('ids'), [])
    await probe.create('a', {})
  },
})

const close = topic('close', {
  'may be called twice': async ({ storage }) => {
    await storage.close()
    await storage.close()
  },
  'ends all use': async ({ probe, storage }) => {
    await storage.close()
    await rejects(() => storage.read([{ kind: 'item', id: 'a' }]), 'STORAGE_CLOSED')
    await rejects(() => storage.query('ids', { limit: 1 }), 'STORAGE_CLOSED')
    await rejects(() => storage.count('ids', {}), 'STORAGE_CLOSED')
    await rejects(() => storage.commit([probe.set([probe.leave('a', {})])]), 'STORAGE_CLOSED')
  },
})

const reopen = topic(
  'reopen',
  {
    'finds what was committed, in every index': async ({ probe, reopened }) => {
      const a = await probe.create('a', { lane: 'x', tenant: 't', rank: 1, at: 2, unknown: [1] })
      const b = await probe.create('b', { at: 1 })
      await probe.create('c', { at: 3 }, 'note')
      const again = await reopened()
      assert.deepEqual(await again.read('a'), a)
      assert.deepEqual(await again.read('b'), b)
      assert.deepEqual(
        [await again.ids('times'), await again.ids('lanes'), await again.ids('notes')],
        [['b', 'a'], ['a'], ['c']],
      )
    },
    'keeps guarding with the versions from before': async ({ probe, reopened }) => {
      const record = await probe.create('a', { at: 1 })
      const again = await reopened()
      assert.equal((await again.commitSet(again.leave('a', {}))).applied, false)
      assert.equal((await again.commitSet(again.leave('a', {}, 'other'))).applied, false)
      await again.apply({ kind: 'item', id: 'a', expect: record.version, leave: null })
    },
    'counts sets from before as applied': async ({ probe, reopened }) => {
      const write = probe.leave('a', { at: 1 })
      await probe.apply(write)
      const again = await reopened()
      await again.apply(write)
    },
  },
  'reopen',
)

/** Values, time, errors, closing and opening again. */
export const valueCases = [...values, ...time, ...errors, ...close, ...reopen]
