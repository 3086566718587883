import { describe, expect, it } from 'vitest'
import { memoryStorage } from '../../../src/storage/memory/memory-storage.js'
import { SCHEMA } from '../../../src/storage/records.js'
import type { Storage, Write } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'

async function commit(storage: Storage, ...writes: Write[]) {
  return (await storage.commit([{ writes, notAfter: Number.MAX_SAFE_INTEGER }])).results[0]
}

const create = (id: string, value: object, kind = 'item'): Write => {
  return { kind, id, expect: null, leave: { version: `${id}.1`, value } }
}

describe('memory storage', () => {
  it('neither copies nor changes values', async () => {
    const storage = memoryStorage()
    await storage.open(KIT_SCHEMA)
    const value = { at: 1, nested: { list: [1] } }
    await commit(storage, create('a', value))
    expect((await storage.read([{ kind: 'item', id: 'a' }])).records[0]?.value).toBe(value)
    expect((await storage.query('times', { limit: 1 })).records[0]?.value).toBe(value)
  })

  it('hands out records that later commits leave alone', async () => {
    const storage = memoryStorage()
    await storage.open(KIT_SCHEMA)
    await commit(storage, create('a', { at: 1 }))
    const { records } = await storage.read([{ kind: 'item', id: 'a' }])
    await commit(storage, { kind: 'item', id: 'a', expect: 'a.1', leave: { version: 'a.2', value: { at: 2 } } })
    expect(records).toEqual([{ kind: 'item', id: 'a', version: 'a.1', value: { at: 1 } }])
  })

  it('does its work before it answers, so that several users see one order', async () => {
    const storage = memoryStorage()
    await storage.open(KIT_SCHEMA)
    const [first, read] = await Promise.all([
      commit(storage, create('a', {})),
      storage.read([{ kind: 'item', id: 'a' }]),
    ])
    expect(first).toEqual({ applied: true })
    expect(read.records[0]?.version).toBe('a.1')
  })

  it('is closed by its last user, and keeps its records for the next', async () => {
    const storage = memoryStorage()
    await storage.open(KIT_SCHEMA)
    await storage.open(KIT_SCHEMA)
    await commit(storage, create('a', { at: 1 }))
    await storage.close()
    expect((await storage.read([{ kind: 'item', id: 'a' }])).records[0]?.id).toBe('a')
    await storage.close()
    await expect(storage.read([])).rejects.toMatchObject({ code: 'STORAGE_CLOSED' })
    await storage.open(KIT_SCHEMA)
    expect((await storage.count('times', {})).count).toBe(1)
  })

  it('takes its records over into another schema, and never into an older one', async () => {
    const storage = memoryStorage()
    await storage.open({ ...KIT_SCHEMA, indexes: [] })
    await commit(storage, create('a', { at: 1 }), create('b', { at: 0 }), create('c', { at: 5 }, 'note'))
    await storage.open({ ...KIT_SCHEMA, layout: 2 })
    expect((await storage.query('times', { limit: 9 })).records.map((record) => record.id)).toEqual(['b', 'a'])
    await expect(storage.open(KIT_SCHEMA)).rejects.toMatchObject({
      code: 'STORAGE_NEWER',
      data: { storage: 'memory', found: 2, known: 1 },
    })
  })

  it('has its own time, which never goes back', async () => {
    let ms = 100
    const storage = memoryStorage({ now: () => ms })
    expect((await storage.open(KIT_SCHEMA)).now).toBe(100)
    ms = 50
    expect((await storage.read([])).now).toBe(100)
    ms = 150
    expect((await storage.commit([{ writes: [create('a', {})], notAfter: 149 }])).results[0]).toMatchObject({
      reason: 'late',
    })
    expect((await storage.commit([{ writes: [create('a', {})], notAfter: 150 }])).results[0]).toEqual({ applied: true })
  })

  it('keeps the indexes of fifty thousand tasks, and finds a lane without walking over others', async () => {
    const storage = memoryStorage()
    await storage.open(SCHEMA)
    const lanes = 200
    const task = (i: number) => ({
      state: 'ready',
      lane: `l${i % lanes}`,
      tenant: `t${i % 7}`,
      rank: (i * 7_919) % 50_000,
      createdAt: i,
      attempts: [],
    })
    const sets = Array.from({ length: 50_000 }, (_, i) => {
      return { writes: [create(`k${i}`, task(i), 'task')], notAfter: Number.MAX_SAFE_INTEGER }
    })
    await storage.commit(sets)
    const found: string[] = []
    const startedAt = performance.now()
    for (let after: string[] | undefined; ; after = [found.at(-1) ?? '']) {
      const { records } = await storage.query('ready', { after, limit: 1 })
      const [record] = records
      if (record === undefined) break
      found.push((record.value as { lane: string }).lane)
    }
    // Walking over every task of every lane would take a hundred times as long.
    expect(performance.now() - startedAt).toBeLessThan(500)
    expect(found).toEqual(Array.from({ length: lanes }, (_, i) => `l${i}`).sort())
    const deletions = sets.map(({ writes, notAfter }) => {
      return { writes: writes.map(({ kind, id }) => ({ kind, id, expect: `${id}.1`, leave: null })), notAfter }
    })
    await storage.commit(deletions.reverse())
    for (const index of ['ready', 'listed']) expect((await storage.count(index, {})).count).toBe(0)
  })
})
