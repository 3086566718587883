import pg from 'pg'
import { expect, it } from 'vitest'
import type { Storage, StorageChannel } from '../../../src/storage/storage.js'
import { TcpProxy } from '../../support/tcp-proxy.js'
import { commit, describePostgres, eventually, leave, newSchema, opened, watched } from './support.js'

function channelOf(storage: Storage): StorageChannel {
  const channel = storage.channel?.()
  if (channel === undefined) throw new Error('no channel')
  return channel
}

/** Says it until it is heard. */
async function heard(from: StorageChannel, texts: readonly string[], text: string): Promise<void> {
  await eventually(
    () => {
      from.publish(text)
      return texts.includes(text)
    },
    (isHeard) => isHeard === true,
  )
}

describePostgres('the channel', [], (server) => {
  it('carries texts between storages over one prefix, and to nobody else', async () => {
    const schema = newSchema()
    const [a, b, other] = [
      await opened({ connectionString: server().url, schema }),
      await opened({ connectionString: server().url, schema }),
      await opened({ connectionString: server().url }),
    ]
    const [texts, foreign, self]: [string[], string[], string[]] = [[], [], []]
    const [from, to] = [channelOf(a), channelOf(b)]
    to.subscribe((text) => texts.push(text))
    from.subscribe((text) => self.push(text))
    channelOf(other).subscribe((text) => foreign.push(text))
    await heard(from, texts, 'ñ 中 😀')
    const large = 'x'.repeat(from.maxBytes)
    await heard(from, texts, large)
    from.publish(`${large}x`)
    await heard(from, texts, 'end')
    expect(Math.max(...texts.map((text) => text.length))).toBe(from.maxBytes)
    expect(foreign).toEqual([])
    for (const storage of [a, b, other]) await storage.close()
  })

  it('goes on for the others when a listener throws or leaves', async () => {
    const storage = await opened({ connectionString: server().url })
    const channel = channelOf(storage)
    const texts: string[] = []
    channel.subscribe(() => {
      throw new Error('mine')
    })
    const gone: string[] = []
    const leave = channel.subscribe((text) => gone.push(text))
    leave()
    channel.subscribe((text) => texts.push(text))
    await heard(channel, texts, 'one')
    expect(gone).toEqual([])
    await storage.close()
  })

  it('comes back by itself after a cut, and loses what is said meanwhile', async () => {
    const proxy = await TcpProxy.start(server().port)
    const schema = newSchema()
    const [a, b] = [
      await opened({ connectionString: server().url.replace(`:${server().port}`, `:${proxy.port}`), schema }),
      await opened({ connectionString: server().url, schema }),
    ]
    const texts: string[] = []
    channelOf(a).subscribe((text) => texts.push(text))
    const from = channelOf(b)
    await heard(from, texts, 'before')
    proxy.isOpen = false
    proxy.cutAll()
    from.publish('meanwhile')
    channelOf(a).publish('unheard')
    proxy.passAll()
    await heard(from, texts, 'after')
    expect(texts).not.toContain('meanwhile')
    await a.close()
    await b.close()
    await proxy.stop()
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
    expect(asked.filter(({ text }) => text.includes('pg_notify')).map(({ text }) => text)).toEqual(
      asked.filter(({ text }) => text.includes('pg_notify')).map(() => 'SELECT pg_notify($1, $2)'),
    )
    expect(asked.filter(({ text }) => /^SELECT .*batuta_commit_/.test(text))).toHaveLength(1)
    await storage.close()
    await pool.end()
  })
})
