import pg from 'pg'
import { expect, it } from 'vitest'
import { commit, eventually, leave } from '../asking.js'
import { channelOf, channelServerCases, heard } from '../channel-cases.js'
import { describePostgres, newSchema, opened, watched } from './support.js'

describePostgres('the channel', [], (server) => {
  channelServerCases({
    port: () => server().port,
    newPlace: newSchema,
    open: (schema, port = server().port) =>
      opened({ connectionString: server().url.replace(`:${server().port}`, `:${port}`), schema }),
  })

  it('has no connection of its own until it is used, and none after closing', async () => {
    const name = newSchema()
    const storage = await opened({ connection: { connectionString: server().url, application_name: name } })
    const clients = () =>
      server().admin(async (client) => {
        const { rows } = await client.query('SELECT query FROM pg_stat_activity WHERE application_name = $1', [name])
        return rows.length
      })
    const quiet = await clients()
    const channel = channelOf(storage)
    expect(await clients()).toBe(quiet)
    channel.subscribe(() => undefined)
    // The pool gives an idle connection, or makes one; a call of the storage makes another.
    await eventually(clients, (count) => count === 1)
    await storage.read([])
    expect(await clients()).toBe(2)
    await channel.close()
    await channel.close()
    channel.publish('x')
    await eventually(clients, (count) => count === 1)
    await storage.close()
    await eventually(clients, (count) => count === 0)
  })

  it('gives nothing back to a pool that still listens', async () => {
    const pool = new pg.Pool({ connectionString: server().url, max: 3 })
    const storage = await opened({ pool })
    const texts: string[] = []
    const channel = channelOf(storage)
    channel.subscribe((text) => texts.push(text))
    await heard(channel, texts, 'one')
    await storage.close()
    const { rows } = await pool.query('SELECT count(*)::int AS count FROM pg_listening_channels()')
    expect(rows).toEqual([{ count: 0 }])
    await pool.end()
  })

  it('is not there when it is not wanted', async () => {
    const storage = await opened({ connectionString: server().url, channel: false })
    expect(storage.channel).toBeUndefined()
    await storage.close()
  })

  it('never makes a commit notify', async () => {
    const { pool, asked } = watched(new pg.Pool({ connectionString: server().url, max: 3 }))
    const storage = await opened({ pool })
    const texts: string[] = []
    const channel = channelOf(storage)
    channel.subscribe((text) => texts.push(text))
    await heard(channel, texts, 'one')
    await commit(storage, leave('a', {}))
    const notifying = asked.filter(({ text }) => text.includes('pg_notify'))
    expect(notifying.filter(({ text }) => text.includes('batuta_commit_'))).toEqual([])
    expect(asked.filter(({ text }) => /^SELECT .*batuta_commit_/.test(text))).toHaveLength(1)
    await storage.close()
    await pool.end()
  })

  it('notifies on one connection at a time, which flushes its commits afterwards as before', async () => {
    const plain = new pg.Pool({ connectionString: server().url, max: 3 })
    const { pool, asked } = watched(plain)
    const storage = await opened({ pool })
    const texts: string[] = []
    const channel = channelOf(storage)
    channel.subscribe((text) => texts.push(text))
    await heard(channel, texts, 'listening')
    asked.length = 0
    const said = Array.from({ length: 50 }, (_, n) => `text ${n}`)
    for (const text of said) channel.publish(text)
    await eventually(
      async () => texts.slice(-said.length),
      (last) => JSON.stringify(last) === JSON.stringify(said),
    )
    expect(asked.filter(({ text }) => text.includes('pg_notify'))).toHaveLength(2)
    for (const { rows } of await Promise.all([1, 2].map(() => plain.query('SHOW synchronous_commit')))) {
      expect(rows).toEqual([{ synchronous_commit: 'on' }])
    }
    await storage.close()
    await plain.end()
  })
})
