/** A failover in which connections lead to a server that only follows: what it reads may be old. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { postgresStorage } from '../../../src/storage/postgres/index.js'
import type { Storage } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { whyNoFaults } from '../../support/postgres-server.js'
import { TcpProxy } from '../../support/tcp-proxy.js'
import { commit, eventually, failure, ids, leave, recovered } from '../asking.js'
import { Standby } from './standby.js'
import { describePostgres, newSchema, opened } from './support.js'

describePostgres(
  'a standby',
  ['wal_level=replica'],
  (server) => {
    const schema = newSchema()
    /** The address that applications know. */
    let proxy: TcpProxy
    let storage: Storage
    let standby: Standby

    beforeAll(async () => {
      proxy = await TcpProxy.start(server().port)
      const connectionString = server().url.replace(`:${server().port}`, `:${proxy.port}`)
      storage = await opened({ connectionString, schema, commandTimeoutMs: 5_000 })
      await commit(storage, leave('first', { at: 1 }))
      standby = await Standby.of(server())
    }, 60_000)
    afterAll(async () => {
      await storage.close()
      await proxy.stop()
      await standby.stop()
    })

    const leadTo = (port: number) => {
      proxy.leadTo(port)
      proxy.cutAll()
    }

    it('answers nothing: neither what it has nor what it has not got yet', async () => {
      await eventually(
        () => standby.run(`SELECT FROM ${schema}.batuta_item`),
        (rows) => Array.isArray(rows) && rows.length === 1,
      )
      await standby.run('SELECT pg_wal_replay_pause()')
      const second = leave('second', { at: 2 })
      expect(await commit(storage, second)).toEqual({ applied: true })
      leadTo(standby.port)
      const isRefused = { code: 'STORAGE_UNAVAILABLE', retryable: true }
      const error = await eventually(
        () => failure(storage.read([second])),
        ({ message }) => message.includes('standby'),
      )
      expect(error).toMatchObject(isRefused)
      const calls = [
        () => storage.read([]),
        () => storage.read([{ kind: 'item', id: 'first' }, second]),
        () => storage.query('times', { limit: 5 }),
        () => storage.query('times', { limit: 5, keysOnly: true }),
        () => storage.query('times', { prefix: [7], limit: 5 }),
        () => storage.count('times', {}),
      ]
      for (const call of calls) {
        const refusal = await failure(call())
        expect(refusal, String(call)).toMatchObject(isRefused)
        expect(refusal.message, String(call)).toContain('standby')
      }
      expect(await failure(commit(storage, leave('third', { at: 3 })))).toMatchObject(isRefused)
    })

    it('is no store to open: it is waited for until the address leads to a primary', async () => {
      const options = { connectionString: standby.url, schema, channel: false }
      const startedAt = performance.now()
      const error = await failure(postgresStorage({ ...options, openTimeoutMs: 500 }).open(KIT_SCHEMA))
      expect(performance.now() - startedAt).toBeGreaterThan(400)
      expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
      expect(error.message).toContain('standby')
    })

    it('that is promoted goes on with all that was committed', async () => {
      await standby.run('SELECT pg_wal_replay_resume()')
      // It has got everything before its primary goes.
      await eventually(
        () => standby.run(`SELECT FROM ${schema}.batuta_item`),
        (rows) => Array.isArray(rows) && rows.length === 2,
      )
      await server().end('fast')
      const waiting = opened({ connectionString: standby.url, schema, channel: false })
      await standby.run('SELECT pg_promote()')
      await recovered(storage)
      expect(await ids(storage, 'times')).toEqual(['first', 'second'])
      expect(await commit(storage, leave('third', { at: 3 }))).toEqual({ applied: true })
      const other = await waiting
      expect((await other.count('times', {})).count).toBe(3)
      await other.close()
    })
  },
  whyNoFaults,
)
