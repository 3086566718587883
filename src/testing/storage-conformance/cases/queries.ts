import { strict as assert } from 'node:assert'
import type { IndexRange } from '../../../storage/storage.js'
import { type Probe, recordOf, rejects } from '../probe.js'
import type { Item } from '../schema.js'
import { topic } from '../storage-conformance.js'

/** Ids that say their own key in `lanes`: lane, tenant, rank. */
async function fillLanes(probe: Probe): Promise<void> {
  const items: Record<string, Item> = {}
  for (const lane of ['a', 'ab', 'b']) {
    for (const tenant of ['s', 't']) {
      for (const rank of [-1, 2, 10]) items[`${lane} ${tenant} ${rank}`] = { lane, tenant, rank }
    }
  }
  await probe.createAll(items)
}

/** What a range of `lanes` holds, asked in both orders and counted; they must agree. */
async function lanes(probe: Probe, range: IndexRange): Promise<string[]> {
  const up = await probe.ids('lanes', range)
  assert.deepEqual((await probe.ids('lanes', { ...range, order: 'desc' })).reverse(), up, 'desc is not asc reversed')
  assert.equal((await probe.storage.count('lanes', range)).count, up.length, 'count and query disagree')
  return up
}

const order = topic('order', {
  'sorts numbers as numbers': async ({ probe }) => {
    const times = [10, 9, -5, 0, 2.5, 1e15, -1e15, 1_700_000_000_000.5, 1_700_000_000_000]
    await probe.createAll(Object.fromEntries(times.map((at) => [`at ${at}`, { at }])))
    const sorted = [...times].sort((a, b) => a - b).map((at) => `at ${at}`)
    assert.deepEqual(await probe.ids('times'), sorted)
    assert.deepEqual(await probe.ids('times', { order: 'desc' }), sorted.reverse())
  },
  'sorts texts by their UTF-8 bytes': async ({ probe }) => {
    const ids = ['', ' ', '-', '0', '10', '9', 'A', 'Z', '_', 'a', 'aa', 'b', '~', 'é', 'ñ', '中', '\uffee', '😀']
    await probe.createAll(Object.fromEntries(ids.slice(1).map((id) => [id, {}])))
    const bytes = (text: string) => Buffer.from(text, 'utf8')
    const sorted = ids.slice(1).sort((a, b) => Buffer.compare(bytes(a), bytes(b)))
    assert.deepEqual(await probe.ids('ids'), sorted)
    for (const [i, id] of sorted.entries()) {
      assert.deepEqual(await probe.ids('ids', { after: [id] }), sorted.slice(i + 1))
      assert.deepEqual(await probe.ids('ids', { upTo: [id] }), sorted.slice(0, i + 1))
    }
  },
  'sorts by outer fields first, and breaks ties by inner ones': async ({ probe }) => {
    await fillLanes(probe)
    const expected = ['a', 'ab', 'b'].flatMap((lane) =>
      ['s', 't'].flatMap((tenant) => [-1, 2, 10].map((rank) => `${lane} ${tenant} ${rank}`)),
    )
    assert.deepEqual(await lanes(probe, {}), expected)
    await probe.createAll({ y: { at: 1 }, x: { at: 1 }, z: { at: 0 } })
    assert.deepEqual(await probe.ids('times'), ['z', 'x', 'y'])
  },
})

const range = topic('range', {
  'takes a prefix of any length': async ({ probe }) => {
    await fillLanes(probe)
    assert.equal((await lanes(probe, { prefix: [] })).length, 18)
    assert.equal((await lanes(probe, { prefix: ['ab'] })).length, 6)
    assert.deepEqual(await lanes(probe, { prefix: ['ab', 's'] }), ['ab s -1', 'ab s 2', 'ab s 10'])
    assert.deepEqual(await lanes(probe, { prefix: ['ab', 's', 2] }), ['ab s 2'])
    assert.deepEqual(await lanes(probe, { prefix: ['ab', 's', 2, 'ab s 2'] }), ['ab s 2'])
    assert.deepEqual(await lanes(probe, { prefix: ['none'] }), [])
  },
  'takes prefixes by whole parts, not by letters': async ({ probe }) => {
    await fillLanes(probe)
    const found = await lanes(probe, { prefix: ['a'] })
    assert.ok(found.every((id) => id.startsWith('a ')))
    assert.equal(found.length, 6)
  },
  'leaves out everything that starts with `after`': async ({ probe }) => {
    await fillLanes(probe)
    assert.equal((await lanes(probe, { after: ['a'] }))[0], 'ab s -1')
    assert.equal((await lanes(probe, { after: ['ab', 's'] }))[0], 'ab t -1')
    assert.equal((await lanes(probe, { after: ['ab', 's', 2] }))[0], 'ab s 10')
    assert.equal((await lanes(probe, { after: ['ab', 's', 2, 'ab s 2'] }))[0], 'ab s 10')
    assert.equal((await lanes(probe, { after: ['ab', 's', 2, 'aa'] }))[0], 'ab s 2')
    assert.equal((await lanes(probe, { after: ['aa', 'x', 7] }))[0], 'ab s -1')
    assert.deepEqual(await lanes(probe, { after: ['b'] }), [])
  },
  'keeps everything that starts with `upTo`': async ({ probe }) => {
    await fillLanes(probe)
    assert.equal((await lanes(probe, { upTo: ['a'] })).at(-1), 'a t 10')
    assert.equal((await lanes(probe, { upTo: ['ab', 's'] })).at(-1), 'ab s 10')
    assert.equal((await lanes(probe, { upTo: ['ab', 's', 2] })).at(-1), 'ab s 2')
    assert.equal((await lanes(probe, { upTo: ['ab', 's', 2, 'aa'] })).at(-1), 'ab s -1')
    assert.equal((await lanes(probe, { upTo: ['ab', 's', 2, 'ab s 2'] })).at(-1), 'ab s 2')
    assert.equal((await lanes(probe, { upTo: ['ab', 's', 3] })).at(-1), 'ab s 2')
    assert.deepEqual(await lanes(probe, { upTo: ['A'] }), [])
  },
  'joins prefix, `after` and `upTo`': async ({ probe }) => {
    await fillLanes(probe)
    assert.deepEqual(await lanes(probe, { prefix: ['a'], after: ['a', 's', 2], upTo: ['a', 't', 2] }), [
      'a s 10',
      'a t -1',
      'a t 2',
    ])
    assert.deepEqual(await lanes(probe, { prefix: ['a', 't'], after: ['a', 's'], upTo: ['b'] }), [
      'a t -1',
      'a t 2',
      'a t 10',
    ])
    assert.deepEqual(await lanes(probe, { prefix: ['a'], after: ['a'] }), [])
    assert.equal((await lanes(probe, { prefix: ['ab'], after: ['a'], upTo: ['ab'] })).length, 6)
    assert.deepEqual(await lanes(probe, { prefix: ['ab'], after: ['b'] }), [])
    assert.deepEqual(await lanes(probe, { prefix: ['ab'], upTo: ['a', 'z'] }), [])
    assert.deepEqual(await lanes(probe, { after: ['b'], upTo: ['a'] }), [])
    assert.deepEqual(await lanes(probe, { after: ['a', 's', 2], upTo: ['a', 's', 2] }), [])
  },
  'finds the distinct prefixes by seeking past the last one': async ({ probe }) => {
    await fillLanes(probe)
    const found: string[] = []
    for (let after: string[] | undefined; ; ) {
      const { records } = await probe.storage.query('lanes', { after, limit: 1 })
      const lane = (records[0]?.value as Item | undefined)?.lane
      if (lane === undefined) break
      found.push(lane)
      after = [lane]
    }
    assert.deepEqual(found, ['a', 'ab', 'b'])
  },
})

const cursor = topic('cursor', {
  'walks a range to its end, each record once': async ({ probe }) => {
    await fillLanes(probe)
    for (const range of [{}, { prefix: ['ab'] }, { after: ['a', 's', 2], upTo: ['b', 's', 2] }]) {
      for (const order of ['asc', 'desc'] as const) {
        const whole = await probe.ids('lanes', { ...range, order })
        for (const limit of [1, 2, 3, 6, 18, 100]) {
          assert.deepEqual(await probe.walk('lanes', { ...range, order, limit }), whole, `${order}, ${limit} at a time`)
        }
      }
    }
  },
  'goes on behind the last record, whatever happens to it': async ({ probe }) => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f']
    await probe.createAll(Object.fromEntries(ids.map((id) => [id, {}])))
    const first = await probe.storage.query('ids', { limit: 3 })
    for (const { id, version } of first.records) await probe.apply({ kind: 'item', id, expect: version, leave: null })
    await probe.createAll({ aa: {}, cc: {} })
    assert.deepEqual(await probe.ids('ids', { cursor: first.cursor }), ['cc', 'd', 'e', 'f'])
  },
  'refuses a text that is no cursor': async ({ probe, storage }) => {
    await probe.create('a', {})
    await rejects(() => storage.query('ids', { limit: 1, cursor: 'nonsense' }))
  },
})

const limit = topic('limit', {
  'answers with the first ones only': async ({ probe }) => {
    await fillLanes(probe)
    assert.deepEqual(await probe.ids('lanes', { limit: 2 }), ['a s -1', 'a s 2'])
    assert.deepEqual(await probe.ids('lanes', { limit: 2, order: 'desc' }), ['b t 10', 'b t 2'])
  },
  'gives up to a thousand': async ({ probe }) => {
    await probe.createAll(Object.fromEntries(Array.from({ length: 1_001 }, (_, at) => [`i${at}`, { at }])))
    const answer = await probe.storage.query('times', { limit: 1_000 })
    assert.equal(answer.records.length, 1_000)
    assert.notEqual(answer.cursor, undefined)
  },
  'refuses less than one and more than a thousand': async ({ storage }) => {
    for (const limit of [0, -1, 1.5, 1_001]) await rejects(() => storage.query('ids', { limit }), 'OPTIONS_INVALID')
  },
  'refuses an unknown index and bounds that do not fit': async ({ storage }) => {
    await rejects(() => storage.query('nothing', { limit: 1 }), 'OPTIONS_INVALID')
    await rejects(() => storage.count('nothing', {}), 'OPTIONS_INVALID')
    await rejects(() => storage.query('times', { limit: 1, prefix: [1, 'a', 'b'] }), 'OPTIONS_INVALID')
    await rejects(() => storage.query('times', { limit: 1, after: ['text'] }), 'OPTIONS_INVALID')
  },
})

const indexes = topic('index', {
  'holds a record exactly while its value has a key': async ({ probe }) => {
    const { version } = await probe.create('a', { at: 1 })
    assert.deepEqual(await probe.ids('lanes'), [])
    const joined = probe.leave('a', { lane: 'x', tenant: 't', rank: 1, seq: 5 }, version)
    await probe.apply(joined)
    assert.deepEqual([await probe.ids('times'), await probe.ids('lanes'), await probe.ids('seqs')], [[], ['a'], ['a']])
    await probe.apply(probe.leave('a', { n: 1 }, recordOf(joined).version))
    assert.deepEqual([await probe.ids('times'), await probe.ids('lanes'), await probe.ids('ids')], [[], [], ['a']])
  },
  'moves a record whose key changes': async ({ probe }) => {
    await probe.createAll({ b: { at: 20 }, c: { at: 30 } })
    let record = await probe.create('a', { at: 10 })
    for (const [at, expected] of [
      [25, 'b a c'],
      [35, 'b c a'],
      [5, 'a b c'],
    ] as const) {
      const write = probe.leave('a', { at }, record.version)
      await probe.apply(write)
      record = recordOf(write)
      assert.equal((await probe.ids('times')).join(' '), expected)
    }
    assert.equal((await probe.storage.count('times', {})).count, 3)
  },
  'shows the new value of a record whose key stays': async ({ probe, storage }) => {
    const { version } = await probe.create('a', { at: 1, n: 1 })
    const write = probe.leave('a', { at: 1, n: 2 }, version)
    await probe.apply(write)
    assert.deepEqual((await storage.query('times', { limit: 10 })).records, [recordOf(write)])
  },
  'forgets a record that was deleted': async ({ probe }) => {
    const { version } = await probe.create('a', { lane: 'x', tenant: 't', rank: 1, at: 1, seq: 1 })
    await probe.create('b', { lane: 'x', tenant: 't', rank: 2, at: 2, seq: 2 })
    await probe.apply({ kind: 'item', id: 'a', expect: version, leave: null })
    for (const index of ['lanes', 'times', 'seqs', 'ids']) {
      assert.deepEqual(await probe.ids(index), ['b'])
      assert.equal((await probe.storage.count(index, {})).count, 1)
    }
  },
  'leaves out records of other kinds': async ({ probe }) => {
    await probe.create('a', { at: 1 })
    await probe.create('b', { at: 2 }, 'note')
    assert.deepEqual(await probe.ids('times'), ['a'])
    assert.deepEqual(await probe.ids('notes'), ['b'])
  },
  'needs no id in its key': async ({ probe }) => {
    await probe.createAll({
      z: { owner: 'o', name: 'a', lane: 'l', seq: 3 },
      y: { owner: 'o', name: 'b', lane: 'l', seq: 2 },
      x: { owner: 'n', name: 'c', lane: 'k', seq: 9 },
    })
    assert.deepEqual(await probe.ids('pairs'), ['x', 'z', 'y'])
    assert.deepEqual(await probe.ids('seqs', { prefix: ['l'], after: ['l', 2] }), ['z'])
  },
})

const count = topic('count', {
  'stops at ten thousand': async ({ probe, storage }) => {
    for (let from = 0; from < 10_500; from += 500) {
      const sets = Array.from({ length: 500 }, (_, i) => probe.set([probe.leave(`i${from + i}`, { at: from + i })]))
      await probe.commit(...sets)
    }
    assert.equal((await storage.count('times', {})).count, 10_000)
    assert.equal((await storage.count('times', { after: [499] })).count, 10_000)
    assert.equal((await storage.count('times', { after: [500] })).count, 9_999)
    assert.equal((await storage.count('times', { after: [99], upTo: [199] })).count, 100)
  },
})

/** Indexes: order, range, cursor, limit and count. */
export const queryCases = [...order, ...range, ...cursor, ...limit, ...indexes, ...count]
