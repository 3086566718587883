import { expect, it } from 'vitest'
import type { Storage, StorageChannel } from '../../../src/storage/storage.js'
import { TcpProxy } from '../../support/tcp-proxy.js'
import { describeRedis, eventually, newPrefix, opened } from './support.js'

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

describeRedis('the channel', [], (server) => {
  it('carries texts between storages over one prefix, and to nobody else', async () => {
    const prefix = newPrefix()
    const [a, b, other] = [
      await opened({ url: server().url, prefix }),
      await opened({ url: server().url, prefix }),
      await opened({ url: server().url }),
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
    const storage = await opened({ url: server().url })
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
    const prefix = newPrefix()
    const [a, b] = [
      await opened({ url: `redis://127.0.0.1:${proxy.port}`, prefix }),
      await opened({ url: server().url, prefix }),
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

  it('has no connection of its own until somebody listens, and none after closing', async () => {
    const storage = await opened({ url: server().url })
    const clients = () =>
      server().admin(
        async (redis) =>
          String(await redis.client('LIST'))
            .trim()
            .split('\n').length,
      )
    const quiet = await eventually(clients, (count) => count === 2)
    const channel = channelOf(storage)
    channel.publish('x')
    expect(await clients()).toBe(quiet)
    channel.subscribe(() => undefined)
    await eventually(clients, (count) => count === quiet + 1)
    await channel.close()
    await channel.close()
    channel.publish('x')
    await eventually(clients, (count) => count === quiet)
    channelOf(storage).subscribe(() => undefined)
    await eventually(clients, (count) => count === quiet + 1)
    await storage.close()
    await eventually(clients, (count) => count === 1)
  })
})
