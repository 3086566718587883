import fc from 'fast-check'
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import {
  encodeMember,
  encodeNumber,
  encodeParts,
  escapeText,
  lexSpanOf,
  unescapeText,
} from '../../../src/storage/redis/redis-key.js'
import type { IndexDefinition, KeyPart } from '../../../src/storage/storage.js'
import { compareParts } from '../../../src/storage/text-order.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { commit, ids, leave, setOf } from '../asking.js'
import { describeRedis, newPrefix, opened } from './support.js'

/** Texts that like the marks of the encoding. */
const text = fc.string({
  unit: fc.constantFrom('\0', '\u0001', '\u0002', '\n', '=', 'a', 'b', 'é', '\uffff', '😀'),
  maxLength: 6,
})
const number = fc.oneof(fc.double({ noNaN: true }), fc.integer())
const bytes = (encoded: string) => Buffer.from(encoded, 'utf8')

describe('members of sorted sets', () => {
  it('numbers sort as numbers', () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        expect(Math.sign(Buffer.compare(bytes(encodeNumber(a)), bytes(encodeNumber(b))))).toBe(
          Math.sign(compareParts(a, b)),
        )
      }),
    )
    expect(encodeNumber(-0)).toBe(encodeNumber(0))
  })

  it('texts come back, and have none of the marks in between', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(unescapeText(escapeText(value))).toBe(value)
        for (const mark of ['\0', '\u0001\n']) expect(escapeText(value)).not.toContain(mark)
      }),
    )
  })

  it('keys sort by their parts, whatever ids follow', () => {
    const key = fc.tuple(text, number, text)
    fc.assert(
      fc.property(key, key, text, text, (a, b, idA, idB) => {
        const order = a.map((part, i) => compareParts(part, b[i] as KeyPart)).find((sign) => sign !== 0) ?? 0
        fc.pre(order !== 0)
        expect(Math.sign(Buffer.compare(bytes(encodeMember(a, idA)), bytes(encodeMember(b, idB))))).toBe(
          Math.sign(order),
        )
      }),
    )
  })

  it('what begins with parts begins with their text', () => {
    expect(encodeMember(['a', 1, 'id'], 'id').startsWith(encodeParts(['a', 1]))).toBe(true)
    expect(encodeMember(['ab', 1, 'id'], 'id').startsWith(encodeParts(['a']))).toBe(false)
  })

  it('a range that nothing can be in has no bounds', () => {
    const index = KIT_SCHEMA.indexes[0] as IndexDefinition
    expect(lexSpanOf(index, { prefix: ['a'], after: ['b'] })).toBeUndefined()
    expect(lexSpanOf(index, { after: [] })).toBeUndefined()
    expect(lexSpanOf(index, {})).toEqual({ min: '-', max: '+' })
  })
})

describeRedis('ids in Redis', [], (server) => {
  it('lead back from every index, whatever is in them', async () => {
    const storage = await opened({ url: server().url })
    const odd = ['\0', '\u0001', 'a\0b', '=', '=a', 'a\u0001\n{', '{b}', '😀\0']
    for (const [at, id] of odd.entries())
      await commit(storage, leave(id, { at, owner: id, name: 'x', lane: 'l', seq: at }))
    for (const index of ['times', 'seqs']) expect(await ids(storage, index)).toEqual(odd)
    const sorted = [...odd].sort((a, b) => Buffer.compare(bytes(a), bytes(b)))
    expect(await ids(storage)).toEqual(sorted)
    expect(await ids(storage, 'pairs')).toEqual(sorted)
    await storage.close()
  })

  it('all have the prefix as hash tag, and nothing else of the server is touched', async () => {
    const redis = new Redis(server().url)
    await redis.flushall()
    await redis.set('mine', '1')
    const prefix = newPrefix()
    const storage = await opened({ url: server().url, prefix })
    await commit(storage, leave('{x}', { at: 1, lane: 'l', seq: 1 }))
    const keys = (await redis.keys('*')).filter((key) => key !== 'mine')
    expect(keys.sort()).toEqual(
      ['index:ids', 'index:seqs', 'index:times', 'item:{x}', 'meta'].map((name) => `{${prefix}}:${name}`),
    )
    const { records } = await storage.read([{ kind: 'item', id: '{x}' }])
    await commit(storage, { kind: 'item', id: '{x}', expect: records[0]?.version ?? null, leave: null })
    expect((await redis.keys('*')).sort()).toEqual(['mine', `{${prefix}}:meta`].sort())
    await storage.close()
    redis.disconnect()
  })

  it('may be long: a query takes the time of what it finds', async () => {
    const storage = await opened({ url: server().url })
    const lane = 'l'.repeat(1_000)
    const writes = Array.from({ length: 500 }, (_, seq) => leave(`r${seq}`, { lane, seq }))
    await storage.commit(writes.map((write) => setOf(write)))
    const { records } = await storage.query('seqs', { prefix: [lane], limit: 1_000 })
    expect(records.map(({ id }) => id)).toEqual(writes.map(({ id }) => id))
    await storage.close()
  })
})
