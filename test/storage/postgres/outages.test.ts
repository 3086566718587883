import pg from 'pg'
import { expect, it } from 'vitest'
import { postgresStorage } from '../../../src/storage/postgres/index.js'
import type { Storage, WriteSet } from '../../../src/storage/storage.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { type PostgresServer, whyNoFaults } from '../../support/postgres-server.js'
import { TcpProxy } from '../../support/tcp-proxy.js'
import { commit, eventually, failure, ids, leave, recovered, setOf } from '../asking.js'
import { describePostgres, newSchema, opened } from './support.js'

const isCommit = (data: Buffer) => data.includes('batuta_commit_')

/** The same address behind a proxy. */
function behind(proxy: TcpProxy, server: PostgresServer): string {
  return server.url.replace(`:${server.port}`, `:${proxy.port}`)
}

describePostgres(
  'a connection that is cut',
  [],
  (server) => {
    async function through(): Promise<{
      proxy: TcpProxy
      schema: string
      storage: Storage
      direct: Storage
      close: () => Promise<void>
    }> {
      const proxy = await TcpProxy.start(server().port)
      const schema = newSchema()
      const storage = await opened({ connectionString: behind(proxy, server()), schema, channel: false })
      const direct = await opened({ connectionString: server().url, schema, channel: false })
      await commit(storage, leave('first', {}))
      const close = async () => {
        await storage.close()
        await direct.close()
        await proxy.stop()
      }
      return { proxy, schema, storage, direct, close }
    }

    it.each([0, 1, 5, 60, 400])(
      'after %i bytes of a commit: unknown, not written, and applied when sent again',
      async (bytes) => {
        const { proxy, storage, direct, close } = await through()
        const write = leave('a', { at: 1, text: 'x'.repeat(600) })
        proxy.toServer = (data, link) => {
          if (!isCommit(data)) return void link.server.write(data)
          link.server.write(data.subarray(0, bytes), () => link.cut())
        }
        expect(await failure(commit(storage, write))).toMatchObject({
          code: 'STORAGE_OUTCOME_UNKNOWN',
          retryable: true,
        })
        expect((await direct.read([write])).records).toEqual([undefined])
        proxy.passAll()
        await recovered(storage)
        expect(await commit(storage, write)).toEqual({ applied: true })
        expect(await ids(storage, 'times')).toEqual(['a'])
        await close()
      },
    )

    it.each([0, 1, 5, 40, 100])('after %i bytes of the answer: unknown, and applied when sent again', async (bytes) => {
      const { proxy, storage, direct, close } = await through()
      const write = leave('a', { at: 1 })
      const other = leave('b', { at: 2 }, null, 'note')
      proxy.toServer = (data, link) => {
        link.server.write(data)
        if (isCommit(data)) {
          proxy.toClient = (answer, { client }) => void client.write(answer.subarray(0, bytes), () => link.cut())
        }
      }
      expect(await failure(commit(storage, write, other))).toMatchObject({ code: 'STORAGE_OUTCOME_UNKNOWN' })
      expect((await direct.read([write])).records[0]?.version).toBe(write.leave?.version)
      proxy.passAll()
      await recovered(storage)
      expect(await commit(storage, write, other)).toEqual({ applied: true })
      expect(await ids(storage, 'times')).toEqual(['a'])
      expect(await ids(storage, 'notes')).toEqual(['b'])
      await close()
    })

    it('while it is away, says so before anything is sent, and comes back by itself', async () => {
      const { proxy, storage, close } = await through()
      proxy.isOpen = false
      proxy.cutAll()
      const write = leave('a', { at: 1 })
      await eventually(
        () => failure(commit(storage, write)),
        (error) => error.code === 'STORAGE_UNAVAILABLE',
      )
      expect(await failure(storage.read([]))).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
      expect(await failure(storage.query('times', { limit: 1 }))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
      expect(await failure(storage.count('times', {}))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
      proxy.passAll()
      await recovered(storage)
      expect(await commit(storage, write)).toEqual({ applied: true })
      await close()
    })

    it('by the server (pg_terminate_backend) in a stream of commits loses and doubles nothing', async () => {
      const { storage, close } = await through()
      const acknowledged = new Set<string>()
      let isOver = false
      const killing = server().admin(async (client) => {
        for (let i = 0; i < 10; i++) {
          await new Promise((resolve) => setTimeout(resolve, 20))
          await client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'batuta'")
        }
        isOver = true
      })
      for (let n = 0; !isOver; n++) {
        const set = setOf(leave(`n${n}`, { at: n }), leave(`n${n}`, { at: n }, null, 'note'))
        await eventually(
          async () => (await storage.commit([set])).results[0],
          (result) => !(result instanceof Error) && result?.applied === true,
        )
        acknowledged.add(`n${n}`)
      }
      await killing
      await recovered(storage)
      expect((await ids(storage, 'times')).sort()).toEqual([...acknowledged].sort())
      expect((await ids(storage, 'notes')).sort()).toEqual([...acknowledged].sort())
      await close()
    })

    it('leaves a copy of a commit under way: it does no harm after the next write, nor after its time', async () => {
      const { proxy, storage, direct, close } = await through()
      /** Sends a set whose request is held back on its way, and gives back how to let it go on. */
      const hold = async (set: WriteSet) => {
        const copies: (() => void)[] = []
        let answered = 0
        proxy.toServer = (data, link) => {
          if (!isCommit(data)) return void link.server.write(data)
          // The client loses its connection; the request arrives much later.
          link.client.removeAllListeners('close')
          link.client.resetAndDestroy()
          link.server.removeAllListeners('data')
          link.server.on('data', () => answered++)
          copies.push(() => link.server.write(data))
        }
        expect(await failure(storage.commit([set]))).toMatchObject({ code: 'STORAGE_OUTCOME_UNKNOWN' })
        proxy.passAll()
        await recovered(storage)
        return async () => {
          for (const copy of copies) copy()
          await eventually(
            () => answered,
            (count) => count > 0,
          )
        }
      }
      const write = leave('a', { at: 1 })
      const deliver = await hold(setOf(write))
      expect(await commit(storage, write)).toEqual({ applied: true })
      const next = leave('a', { at: 2 }, write.leave?.version ?? null)
      await commit(storage, next)
      await deliver()
      expect((await direct.read([next])).records[0]?.version).toBe(next.leave?.version)

      const late = leave('b', { at: 3 })
      const { now } = await storage.read([])
      const deliverLate = await hold({ writes: [late], notAfter: now + 300 })
      await eventually(
        () => storage.read([]),
        (answer) => answer.now > now + 300,
      )
      await deliverLate()
      expect((await direct.read([late])).records).toEqual([undefined])

      // In time, the same way, it is written: the test can fail.
      const early = leave('c', { at: 4 })
      const deliverEarly = await hold(setOf(early))
      await deliverEarly()
      await eventually(
        () => direct.read([early]),
        ({ records }) => records[0] !== undefined,
      )
      await close()
    })

    it('gives up a connection that leads nowhere any more, in time, and makes another one', async () => {
      const proxy = await TcpProxy.start(server().port)
      const storage = await opened({ connectionString: behind(proxy, server()), commandTimeoutMs: 300, channel: false })
      const dead = new Set<unknown>()
      proxy.toServer = (data, link) => {
        if (isCommit(data)) dead.add(link)
        if (!dead.has(link)) link.server.write(data)
      }
      const write = leave('a', { at: 1 })
      expect(await failure(commit(storage, write))).toMatchObject({ code: 'STORAGE_OUTCOME_UNKNOWN' })
      expect((await storage.read([write])).records).toEqual([undefined])
      proxy.passAll()
      expect(await commit(storage, write)).toEqual({ applied: true })
      // A server behind a wall: no connection at all, and closing does not wait for it.
      proxy.toServer = () => undefined
      proxy.toClient = () => undefined
      expect(await failure(storage.read([]))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
      expect(await failure(storage.read([]))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
      await storage.close()
      await proxy.stop()
    })
  },
  whyNoFaults,
)

describePostgres('a pool with nothing left', [], (server) => {
  it('is waited for as long as a command may take, and used again when there is something', async () => {
    const pool = new pg.Pool({ connectionString: server().url, max: 1 })
    const storage = await opened({ pool, commandTimeoutMs: 200, channel: false })
    const taken = await pool.connect()
    const write = leave('a', {})
    expect(await failure(commit(storage, write))).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
    expect(await failure(storage.read([]))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    taken.release()
    await recovered(storage)
    expect((await storage.read([write])).records).toEqual([undefined])
    expect(await commit(storage, write)).toEqual({ applied: true })
    await storage.close()
    // The pool is its owner's.
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await pool.end()
  })
})

describePostgres('other transactions', [], (server) => {
  it('hold a commit up for a moment, not for ever: nothing was written', async () => {
    const schema = newSchema()
    const storage = await opened({ connectionString: server().url, schema, commandTimeoutMs: 10_000 })
    const write = leave('a', { at: 1 })
    await commit(storage, write)
    const next = leave('a', { at: 2 }, write.leave?.version ?? null)
    await server().admin(async (client) => {
      await client.query(`BEGIN; SELECT FROM ${schema}.batuta_item WHERE id = 'a' FOR UPDATE`)
      const error = await failure(commit(storage, leave('b', {}), next))
      expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
      expect(error.message).toContain('held up')
      await client.query('ROLLBACK')
    })
    expect(await ids(storage, 'ids')).toEqual(['a'])
    expect(await commit(storage, leave('b', {}), next)).toEqual({ applied: true })
    await storage.close()
  })

  it('of many who write the same records in other orders end, each set whole', async () => {
    const schema = newSchema()
    const storages = await Promise.all(
      Array.from({ length: 4 }, () => opened({ connectionString: server().url, schema, channel: false })),
    )
    const names = Array.from({ length: 12 }, (_, i) => `r${i}`)
    let applied = 0
    const work = async (storage: Storage, worker: number) => {
      for (let round = 0; round < 25; round++) {
        const chosen = names.filter((_, i) => (i * 7 + worker * 5 + round * 3) % 4 < 2).reverse()
        const { records } = await storage.read(chosen.map((id) => ({ kind: 'item', id })))
        const writes = chosen.map((id, i) => leave(id, { seq: round, by: worker }, records[i]?.version ?? null))
        const [result] = (await storage.commit([setOf(...writes)])).results
        if (result?.applied) applied++
      }
    }
    await Promise.all(storages.map(work))
    expect(applied).toBeGreaterThanOrEqual(25)
    for (const storage of storages) await storage.close()
  })
})

describePostgres(
  'a server that goes down',
  [],
  (server) => {
    it('and comes back: an orderly end and a crash are the same to the storage', async () => {
      const storage = await opened({ connectionString: server().url })
      const kept = leave('kept', { at: 0 })
      await commit(storage, kept)
      for (const how of ['fast', 'crash'] as const) {
        await server().end(how)
        const error = await eventually(
          () => failure(storage.read([])),
          ({ cause }) => String(cause).includes('ECONNREFUSED'),
        )
        expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
        const write = leave(how, { at: 1 })
        expect(await failure(commit(storage, write))).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
        await server().restart()
        await recovered(storage)
        expect(await commit(storage, write)).toEqual({ applied: true })
      }
      expect(await ids(storage)).toEqual(['crash', 'fast', 'kept'])
      await storage.close()
    })

    it('in the middle of commits: each set is whole or not there, and sent again it is there', async () => {
      const storage = await opened({ connectionString: server().url })
      let acknowledged = 0
      for (const how of ['crash', 'fast', 'crash'] as const) {
        const ending = new Promise((resolve) => setTimeout(resolve, 150)).then(() => server().end(how))
        for (let isAway = false; !isAway; acknowledged += 100) {
          const sets = Array.from({ length: 100 }, (_, i) => {
            const value = { at: acknowledged + i, text: 'x'.repeat(200) }
            const id = `n${acknowledged + i}`
            return setOf(leave(id, value), leave(id, value, null, 'note'))
          })
          const outcome = await storage.commit(sets).catch((error: { code?: string }) => error.code)
          if (typeof outcome === 'object') continue
          expect(outcome).toMatch(/^STORAGE_(UNAVAILABLE|OUTCOME_UNKNOWN)$/)
          isAway = true
          await ending
          await server().restart()
          await recovered(storage)
          const items = (await storage.count('ids', {})).count
          const notes = (await storage.count('notes', {})).count
          expect(items).toBe(notes)
          expect([Math.min(acknowledged, 10_000), Math.min(acknowledged + 100, 10_000)]).toContain(items)
          expect((await storage.commit(sets)).results.every(({ applied }) => applied)).toBe(true)
        }
      }
      expect((await storage.count('times', {})).count).toBe(Math.min(acknowledged, 10_000))
      await storage.close()
    }, 60_000)

    it('is waited for by open', async () => {
      await server().end('fast')
      const storage = postgresStorage({ connectionString: server().url, schema: newSchema() })
      const opening = storage.open(KIT_SCHEMA)
      await new Promise((resolve) => setTimeout(resolve, 300))
      await server().restart()
      expect((await opening).now).toBeGreaterThan(0)
      await storage.close()
    })
  },
  whyNoFaults,
)

describePostgres(
  'a server that only takes reads',
  [],
  (server) => {
    it('says so; reads go on, and writes when the connection leads to a primary', async () => {
      const storage = await opened({ connectionString: server().url })
      const write = leave('a', { at: 1 })
      await commit(storage, write)
      const readOnly = (is: 'on' | 'off') =>
        server().admin(async (client) => {
          await client.query(`ALTER SYSTEM SET default_transaction_read_only = ${is}`)
          await client.query('SELECT pg_reload_conf()')
        })
      await readOnly('on')
      const next = leave('a', { at: 2 }, write.leave?.version ?? null)
      const error = await eventually(
        () => failure(commit(storage, leave('b', {}))),
        ({ message }) => message.includes('only takes reads'),
      )
      expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
      expect((await storage.read([write])).records[0]?.version).toBe(write.leave?.version)
      await server().admin(async (client) => {
        await client.query('SET default_transaction_read_only = off')
        await client.query('ALTER SYSTEM RESET default_transaction_read_only')
        await client.query('SELECT pg_reload_conf()')
      })
      await eventually(
        () => commit(storage, next),
        (result) => !(result instanceof Error),
      )
      expect((await storage.read([next])).records[0]?.version).toBe(next.leave?.version)
      await storage.close()
    })
  },
  whyNoFaults,
)

describePostgres(
  'a connection that is refused',
  [],
  (server) => {
    it.each([
      ['by a wrong password', (url: string) => url.replace(':password@', ':wrong@')],
      ['for want of a database', (url: string) => url.replace(/\/postgres$/, '/nowhere')],
    ])('%s: at once, and not to be tried again', async (_, change) => {
      const startedAt = performance.now()
      const error = await failure(opened({ connectionString: change(server().url) }))
      expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: false })
      expect(performance.now() - startedAt).toBeLessThan(10_000)
    })

    it('because nobody is there: after the time to wait for it', async () => {
      const error = await failure(
        opened({ connectionString: 'postgres://postgres:password@127.0.0.1:1/postgres', openTimeoutMs: 300 }),
      )
      expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
      expect(error.message).toContain('ECONNREFUSED')
    })
  },
  whyNoFaults,
)

describePostgres('a database that has no room', [], (server) => {
  it('takes nothing of a commit, and everything when there is room', async () => {
    const storage = await opened({ connectionString: server().url })
    const error = await server().admin(async (client) => {
      // What a full disk answers, from a trigger: filling a real one needs rights that tests have not everywhere.
      const { rows } = await client.query(
        "SELECT schemaname FROM pg_tables WHERE tablename = 'batuta_note' ORDER BY schemaname DESC LIMIT 1",
      )
      const table = `${rows[0].schemaname}.batuta_note`
      await client.query(`CREATE FUNCTION ${rows[0].schemaname}.full() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END$$`)
      await client.query(
        `CREATE TRIGGER full_disk BEFORE INSERT ON ${table} EXECUTE FUNCTION ${rows[0].schemaname}.full()`,
      )
      const answer = await failure(commit(storage, leave('a', { at: 1 }), leave('a', { at: 1 }, null, 'note')))
      await client.query(`DROP TRIGGER full_disk ON ${table}`)
      return answer
    })
    expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
    expect(error.message).toContain('room')
    expect(await ids(storage)).toEqual([])
    expect(await commit(storage, leave('a', { at: 1 }), leave('a', { at: 1 }, null, 'note'))).toEqual({ applied: true })
    await storage.close()
  })
})
