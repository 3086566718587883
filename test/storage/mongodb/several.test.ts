import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { mongodbStorage } from '../../../src/storage/mongodb/index.js'
import type { Storage, Write } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { MongodbServer, whyNoMongodb } from '../../support/mongodb-server.js'
import { commit, commitAtLast, leave, setOf } from './support.js'

let server: MongodbServer
let nodes: Storage[]
let prefixes = 0

describe.skipIf(whyNoMongodb)('several MongoDB storages over one store', () => {
  beforeAll(async () => {
    server = await MongodbServer.start()
  }, 60_000)
  afterAll(() => server.stop())

  beforeEach(async () => {
    const options = { uri: server.uri, database: 'several', prefix: `p${Date.now()}-${++prefixes}` }
    nodes = Array.from({ length: 4 }, () => mongodbStorage(options))
    // At once, on collections that do not exist yet.
    await Promise.all(nodes.map((node) => node.open(KIT_SCHEMA)))
  })
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.close()))
  })

  it('open at once, and find the same', async () => {
    await Promise.all(nodes.map((node, n) => commit(node, leave(`i${n}`, { at: n }))))
    for (const node of nodes) {
      const { records } = await node.query('times', { limit: 10 })
      expect(records.map((record) => record.id)).toEqual(['i0', 'i1', 'i2', 'i3'])
    }
  })

  for (const [what, isThere] of [
    ['absence', false],
    ['presence', true],
  ] as const) {
    it(`never both apply sets that expect what the other writes: ${what}`, async () => {
      const [a, b] = nodes as [Storage, Storage]
      for (let round = 0; round < 25; round++) {
        const [x, y] = [leave(`x${round}`, {}), leave(`y${round}`, {})]
        if (isThere) await a.commit([setOf(x), setOf(y)])
        const versionOf = (write: Write) => (isThere ? (write.leave?.version ?? null) : null)
        const expects = ({ kind, id }: Write, expect: string | null): Write => ({ kind, id, expect })
        const results = await Promise.all([
          commit(a, expects(x, versionOf(x)), leave(y.id, {}, versionOf(y))),
          commit(b, expects(y, versionOf(y)), leave(x.id, {}, versionOf(x))),
        ])
        expect(results.filter((result) => result?.applied).length, `round ${round}`).toBeLessThanOrEqual(1)
        const { records } = await a.read([x, y])
        // What a transaction puts where nothing is expected is gone again.
        expect(records.every((record) => record === undefined || record.version !== '')).toBe(true)
      }
    })
  }

  it('lose no update of two records that all of them change together, and answer each commit truly', async () => {
    const keys = [
      { kind: 'item', id: 'counter' },
      { kind: 'note', id: 'counter' },
    ]
    await commit(nodes[0] as Storage, leave('counter', { n: 0 }), leave('counter', { n: 0 }, null, 'note'))
    const counted = await Promise.all(
      nodes.map(async (node, n) => {
        let applied = 0
        for (let i = 0; i < 15; i++) {
          const { records } = await node.read(keys)
          const sets = [
            setOf(
              ...records.flatMap((record) => {
                if (record === undefined) return []
                const value = { n: (record.value as { n: number }).n + 1 }
                return [leave(record.id, value, record.version, record.kind)]
              }),
            ),
            setOf(leave(`side${n}-${i}`, {}), leave(`side${n}-${i}`, {}, null, 'note')),
          ]
          const [result, side] = await commitAtLast(node, sets)
          expect(side).toEqual({ applied: true })
          if (result?.applied) applied++
        }
        return applied
      }),
    )
    const { records } = await (nodes[0] as Storage).read(keys)
    const total = counted.reduce((sum, n) => sum + n, 0)
    expect(total).toBeGreaterThan(0)
    expect(records.map((record) => record?.value)).toEqual([{ n: total }, { n: total }])
  }, 60_000)
})
