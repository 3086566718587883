/** What becomes of connections when a storage is closed, or fails, while it is being opened. */
import { expect, it } from 'vitest'
import { postgresStorage } from '../../../src/storage/postgres/index.js'
import { KIT_SCHEMA } from '../../../src/testing/storage-conformance/schema.js'
import { TcpProxy } from '../../support/tcp-proxy.js'
import { commit, eventually, failure, leave } from '../asking.js'
import { describePostgres, newSchema, opened } from './support.js'

describePostgres('a storage that is being opened', [], (server) => {
  async function made() {
    const schema = newSchema()
    await (await opened({ connectionString: server().url, schema })).close()
    const proxy = await TcpProxy.start(server().port)
    const connectionString = server().url.replace(`:${server().port}`, `:${proxy.port}`)
    const connection = { connectionString, application_name: schema, idleTimeoutMillis: 0 }
    const storage = postgresStorage({ connection, schema, commandTimeoutMs: 1_000 })
    const connections = () =>
      server().admin(async (client) => {
        const text = 'SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = $1'
        return (await client.query(text, [schema])).rows[0].count as number
      })
    return { proxy, storage, connections }
  }

  it('and closed meanwhile lets go of its connections, and can be opened again', async () => {
    const { proxy, storage, connections } = await made()
    proxy.hold()
    const openings = [failure(storage.open(KIT_SCHEMA)), failure(storage.open(KIT_SCHEMA))]
    await storage.close()
    await storage.close()
    proxy.passAll()
    for (const error of await Promise.all(openings)) expect(error).toMatchObject({ code: 'STORAGE_CLOSED' })
    await eventually(connections, (count) => count === 0, 3_000)
    expect(await failure(storage.read([]))).toMatchObject({ code: 'STORAGE_CLOSED' })
    await storage.open(KIT_SCHEMA)
    expect(await commit(storage, leave('a', { at: 1 }))).toEqual({ applied: true })
    await storage.close()
    await eventually(connections, (count) => count === 0, 3_000)
    await proxy.stop()
  })

  it('closed and opened again at once has one connection of its own, that is let go of in the end', async () => {
    const { proxy, storage, connections } = await made()
    proxy.hold()
    const first = failure(storage.open(KIT_SCHEMA))
    await storage.close()
    const second = storage.open(KIT_SCHEMA)
    proxy.passAll()
    expect(await first).toMatchObject({ code: 'STORAGE_CLOSED' })
    await second
    expect(await commit(storage, leave('a', { at: 1 }))).toEqual({ applied: true })
    await storage.close()
    await eventually(connections, (count) => count === 0, 3_000)
    await proxy.stop()
  })

  it('of a server that is away tries no longer once it is closed', async () => {
    const { proxy, storage } = await made()
    proxy.isOpen = false
    const opening = failure(storage.open(KIT_SCHEMA))
    await new Promise((resolve) => setTimeout(resolve, 100))
    const startedAt = performance.now()
    await storage.close()
    await opening
    expect(performance.now() - startedAt).toBeLessThan(2_000)
    await proxy.stop()
  })

  it('whose last question fails lets go of its connections, but of nobody else’s', async () => {
    const { proxy, storage, connections } = await made()
    const failLastOf = (queries: number) => {
      let asked = 0
      proxy.toServer = (data, link) => {
        if (data.includes('clock_timestamp') && ++asked === queries) link.cut()
        else link.server.write(data)
      }
    }
    failLastOf(1)
    expect(await failure(storage.open(KIT_SCHEMA))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    await eventually(connections, (count) => count === 0, 3_000)
    proxy.passAll()
    await storage.open(KIT_SCHEMA)
    failLastOf(1)
    expect(await failure(storage.open(KIT_SCHEMA))).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    proxy.passAll()
    expect((await storage.read([])).now).toBeGreaterThan(0)
    await storage.close()
    await eventually(connections, (count) => count === 0, 3_000)
    await proxy.stop()
  })
})
