import { createOrchestrator, defineAgent } from 'batuta'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { postgresStorage } from '../../src/storage/postgres/index.js'
import { PostgresServer, whyNoPostgres } from '../support/postgres-server.js'
import { newSpace } from './servers.js'

describe.skipIf(whyNoPostgres !== undefined)('a pool of PostgreSQL that its user has taken all of', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await PostgresServer.start()
  }, 60_000)
  afterAll(() => server.stop())

  it.each([1, 2])(
    'makes what is submitted wait, and it is stored once: %i connections',
    async (max) => {
      const pool = new pg.Pool({ connectionString: server.url, max })
      const app = await createOrchestrator({
        storage: postgresStorage({ pool, schema: newSpace(), channel: false }),
        agents: [defineAgent('ana', { handler: (input) => input })],
        leaseMs: 20_000,
        storageWaitMs: 60_000,
      })
      onTestFinished(async () => {
        await app.shutdown({ graceMs: 0 })
        await pool.end()
      })
      // All at once, so that none is given to the storage in between.
      const clients = await Promise.all(Array.from({ length: max }, () => pool.connect()))
      const queries = Promise.all(clients.map((client) => client.query('select pg_sleep(2.5)')))
      let isHeld = true
      void queries.then(() => {
        isHeld = false
        for (const client of clients) client.release()
      })
      const inputs = ['a', 'b', 'c', 'd', 'e']
      const handles = await Promise.all(inputs.map((input) => app.submit({ type: 'x', input })))
      expect(isHeld).toBe(false)
      expect(await Promise.all(handles.map((handle) => handle.result()))).toEqual(inputs)
      expect((await app.listTasks({ type: 'x' })).tasks).toHaveLength(5)
      await queries
    },
    30_000,
  )
})
