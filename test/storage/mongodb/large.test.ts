import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Storage } from '../../../src/storage/storage.js'
import { MongodbServer, whyNoMongodb } from '../../support/mongodb-server.js'
import { commit, failure, idsOf, leave, opened, setOf } from './support.js'

const MIB = 1024 * 1024
let server: MongodbServer
let storage: Storage

describe.skipIf(whyNoMongodb)('large records in a MongoDB storage', () => {
  beforeAll(async () => {
    server = await MongodbServer.start()
    // Generous: it is the size that is tried here, not the speed of a disk.
    const options = { uri: server.uri, database: 'large', prefix: `p${Date.now()}`, commandTimeoutMs: 20_000 }
    storage = await opened(options)
  }, 60_000)
  afterAll(async () => {
    await storage.close()
    await server.stop()
  })

  it('are refused when they are too large, and nothing of that commit is written', async () => {
    const sets = [setOf(leave('small', {})), setOf(leave('large', { text: 'x'.repeat(16 * MIB) }))]
    expect(await failure(storage.commit(sets))).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
    expect(await idsOf(storage)).toEqual([])
  })

  it('may be more together than one message holds, to write and to read', async () => {
    const text = 'ñ'.repeat(3 * MIB)
    const alone = ['a', 'b', 'c', 'd'].map((id) => setOf(leave(id, { text })))
    const together = setOf(...['e', 'f', 'g', 'h'].map((id) => leave(id, { text })))
    const { results } = await storage.commit([...alone, together])
    expect(results).toEqual([...alone, together].map(() => ({ applied: true })))
    const keys = [...'abcdefgh'].map((id) => ({ kind: 'item', id }))
    const { records } = await storage.read(keys)
    expect(records.map((record) => (record?.value as { text?: string } | undefined)?.text === text)).toEqual(
      keys.map(() => true),
    )
    expect((await storage.query('ids', { limit: 1_000 })).records.length).toBe(8)
    expect(await commit(storage, leave('a', {}))).toMatchObject({ applied: false, reason: 'conflict' })
  }, 60_000)
})
