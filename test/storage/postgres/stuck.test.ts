/** Statements that wait for somebody's lock: who gave them up must not leave them behind on the server. */
import pg from 'pg'
import { expect, it } from 'vitest'
import { TcpProxy } from '../../support/tcp-proxy.js'
import { commit, eventually, failure, leave, recovered } from '../asking.js'
import { describePostgres, newSchema, opened } from './support.js'

const ROUNDS = 10

describePostgres('a statement that was given up', [], (server) => {
  /** A name for the connections of a test, and how many there are of it on the server. */
  const named = () => {
    const name = newSchema()
    const backends = () =>
      server().admin(async (client) => {
        const text = 'SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = $1'
        return (await client.query(text, [name])).rows[0].count as number
      })
    return { name, backends }
  }

  const locked = <T>(table: string, work: () => Promise<T>) =>
    server().admin(async (client) => {
      await client.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`)
      const result = await work()
      await client.query('ROLLBACK')
      return result
    })

  it.each(['settings', 'a pool'])('leaves no backend behind that waits for a lock (%s)', async (how) => {
    const { name, backends } = named()
    const config = { connectionString: server().url, application_name: name, max: 3 }
    const pool = how === 'a pool' ? new pg.Pool(config) : undefined
    const schema = newSchema()
    const storage = await opened({
      ...(pool === undefined ? { connection: config } : { pool }),
      schema,
      commandTimeoutMs: 300,
      channel: false,
    })
    const write = leave('a', { at: 1 })
    let most = 0
    await locked(`${schema}.batuta_item`, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const asked = [storage.query('times', { limit: 1 }), storage.read([write]), commit(storage, write)]
        for (const error of await Promise.all(asked.map(failure))) expect(error).toMatchObject({ retryable: true })
        most = Math.max(most, await backends())
      }
      // What the pool may hold, and what was just cancelled and is about to go.
      expect(most).toBeLessThanOrEqual(2 * config.max)
      await eventually(backends, (count) => count <= config.max, 3_000)
    })
    await eventually(
      () => commit(storage, write),
      (result) => !(result instanceof Error) && result?.applied === true,
    )
    await storage.close()
    await pool?.end()
    await eventually(backends, (count) => count === 0)
  })

  it('is cancelled on the way that its connection takes, and is not waited for where that leads nowhere', async () => {
    const { name, backends } = named()
    const proxy = await TcpProxy.start(server().port)
    const url = server().url.replace(`:${server().port}`, `:${proxy.port}`)
    const schema = newSchema()
    const storage = await opened({
      connection: { connectionString: url, application_name: name, max: 1 },
      schema,
      commandTimeoutMs: 200,
      channel: false,
    })
    let cancels = 0
    const isCancel = (data: Buffer) => data.length === 16 && data.readInt32BE(4) === 80_877_102
    await locked(`${schema}.batuta_item`, async () => {
      proxy.toServer = (data, link) => {
        if (isCancel(data)) cancels++
        else link.server.write(data)
      }
      const startedAt = performance.now()
      await failure(storage.query('times', { limit: 1 }))
      expect(performance.now() - startedAt).toBeLessThan(1_000)
      // Its place in the pool is free again, though nobody heard of the cancelling.
      await recovered(storage)
      expect(performance.now() - startedAt).toBeLessThan(3_000)
      expect(cancels).toBe(1)
      proxy.passAll()
      await failure(storage.query('times', { limit: 1 }))
      await recovered(storage)
      // The first one is still there: it waits for the lock, and nobody told it.
      await eventually(backends, (count) => count === 2, 3_000)
    })
    await eventually(backends, (count) => count === 1)
    await storage.close()
    await proxy.stop()
  })
})
