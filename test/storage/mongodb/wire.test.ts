import { once } from 'node:events'
import { createConnection } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Storage } from '../../../src/storage/storage.js'
import { MongodbServer, whyNoFaults } from '../../support/mongodb-server.js'
import { type ProxiedLink, TcpProxy } from '../../support/tcp-proxy.js'
import { commit, commitAtLast, failure, idsOf, leave, opened, setOf } from './support.js'

let server: MongodbServer
let proxy: TcpProxy
let storage: Storage
let prefixes = 0

/** Keeps messages that hold this text from the server; the client waits, or loses its connection. */
function intercept(text: string, isCut: boolean): Buffer[] {
  const held: Buffer[] = []
  proxy.toServer = (data, link) => {
    if (!data.includes(text)) return void link.server.write(data)
    held.push(data)
    if (isCut) link.cut()
  }
  return held
}

/** Sends what was held, as a network does that was slow; waits for the answer. */
async function deliver(held: readonly Buffer[]): Promise<void> {
  expect(held.length).toBeGreaterThan(0)
  for (const data of held) {
    const socket = createConnection(server.port, '127.0.0.1')
    socket.write(data)
    await once(socket, 'data')
    socket.destroy()
  }
}

describe.skipIf(whyNoFaults)('MongoDB storage behind a network that fails', () => {
  beforeAll(async () => {
    server = await MongodbServer.start()
    proxy = await TcpProxy.start(server.port)
  }, 60_000)
  afterAll(async () => {
    await proxy.stop()
    await server.stop()
  })

  beforeEach(async () => {
    const uri = `mongodb://127.0.0.1:${proxy.port}/wire?directConnection=true`
    storage = await opened({ uri, prefix: `p${++prefixes}`, commandTimeoutMs: 700 })
  })
  afterEach(async () => {
    proxy.passAll()
    await storage.close()
  })

  for (const isCut of [false, true]) {
    const how = isCut ? 'whose connection broke' : 'that was held up'

    it(`refuses a copy of a commit ${how} after its time`, async () => {
      const set = { ...setOf(leave('a', {})), notAfter: Date.now() + 1_500 }
      const held = intercept('updates', isCut)
      expect((await failure(storage.commit([set]))).code).toBe('STORAGE_OUTCOME_UNKNOWN')
      proxy.passAll()
      await pause(1_600)
      await deliver(held)
      expect(await idsOf(storage)).toEqual([])
      expect((await storage.commit([set])).results).toMatchObject([{ applied: false, reason: 'late' }])
    })

    it(`applies a copy of a commit ${how} within its time, once`, async () => {
      const set = setOf(leave('a', {}))
      const held = intercept('updates', isCut)
      expect((await failure(storage.commit([set]))).code).toBe('STORAGE_OUTCOME_UNKNOWN')
      proxy.passAll()
      await deliver(held)
      expect((await storage.commit([set])).results).toEqual([{ applied: true }])
      await commit(storage, { kind: 'item', id: 'a', expect: set.writes[0]?.leave?.version ?? '', leave: null })
      expect((await storage.commit([set])).results).toEqual([{ applied: true }])
    })

    it(`lets no transaction ${how} take effect after a read said that it had not`, async () => {
      const held = intercept('commitTransaction', isCut)
      const set = setOf(leave('a', {}), leave('a', { at: 1 }, null, 'note'))
      expect((await failure(storage.commit([set]))).code).toBe('STORAGE_OUTCOME_UNKNOWN')
      proxy.passAll()
      expect((await storage.read([{ kind: 'item', id: 'a' }])).records).toEqual([undefined])
      await deliver(held)
      expect([await idsOf(storage), await idsOf(storage, 'notes')]).toEqual([[], []])
      expect((await storage.commit([set])).results).toEqual([{ applied: true }])
    })

    it(`finds a transaction ${how} applied when it was before anybody asked`, async () => {
      const held = intercept('commitTransaction', isCut)
      const set = setOf(leave('a', {}), leave('a', { at: 1 }, null, 'note'))
      expect((await failure(storage.commit([set]))).code).toBe('STORAGE_OUTCOME_UNKNOWN')
      proxy.passAll()
      await deliver(held)
      expect([await idsOf(storage), await idsOf(storage, 'notes')]).toEqual([['a'], ['a']])
      expect((await storage.commit([set])).results).toEqual([{ applied: true }])
    })
  }

  for (const side of ['toServer', 'toClient'] as const) {
    const where = side === 'toServer' ? 'to the server' : 'to the client'
    it(`applies every set once, whichever message ${where} is cut in half`, async () => {
      let halves = 0
      for (let at = 0; at < 14; at++) {
        const [changed, gone] = [leave(`c${at}`, { n: 0 }), leave(`g${at}`, {})]
        await commit(storage, changed)
        await commit(storage, gone)
        const sets = [
          setOf(leave(`a${at}`, {})),
          setOf(leave(`b${at}`, {}), leave(`b${at}`, {}, null, 'note')),
          setOf(leave(`c${at}`, { n: 1 }, changed.leave?.version ?? '')),
          setOf({ kind: 'item', id: `g${at}`, expect: gone.leave?.version ?? '', leave: null }, leave(`d${at}`, {})),
        ]
        let passed = 0
        let cut: ProxiedLink | undefined
        const other = side === 'toServer' ? 'server' : 'client'
        proxy[side] = (data, link) => {
          // The rest of it, or what comes behind it, would complete the message.
          if (link === cut) return
          if (passed++ !== at) return void link[other].write(data)
          cut = link
          link[other].write(data.subarray(0, data.length / 2), async () => {
            halves++
            // A connection that is reset at once may take with it what was written last.
            await pause(10)
            link.cut()
          })
        }
        expect(await commitAtLast(storage, sets), `cut at message ${at}`).toEqual(sets.map(() => ({ applied: true })))
        proxy.passAll()
        const keys = ['a', 'b', 'c', 'd', 'g'].map((name) => ({ kind: 'item', id: `${name}${at}` }))
        const { records } = await storage.read([...keys, { kind: 'note', id: `b${at}` }])
        expect(records.map((record) => record?.value)).toEqual([{}, {}, { n: 1 }, {}, undefined, {}])
      }
      // The later ones find no message left to cut.
      expect(halves).toBeGreaterThan(5)
    }, 60_000)
  }
})
