import { expect, it } from 'vitest'
import type { Storage, StorageChannel } from '../../src/storage/storage.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { eventually } from './asking.js'

/** The channel of a storage that has one. */
export function channelOf(storage: Storage): StorageChannel {
  const channel = storage.channel?.()
  if (channel === undefined) throw new Error('no channel')
  return channel
}

/** Says it until it is heard. */
export async function heard(from: StorageChannel, texts: readonly string[], text: string): Promise<void> {
  await eventually(
    () => {
      from.publish(text)
      return texts.includes(text)
    },
    (isHeard) => isHeard === true,
  )
}

/** A channel that hears itself, with what it has heard. */
export async function listening(storage: Storage) {
  const channel = channelOf(storage)
  const texts: string[] = []
  channel.subscribe((text) => texts.push(text))
  await heard(channel, texts, 'listening')
  return { storage, channel, texts, told: () => texts.filter((text) => text !== 'listening') }
}

/** Where storages are opened: a name that no other test uses, and how to open one there. */
export interface ChannelWorld {
  newPlace(): string
  open(place: string): Promise<Storage>
}

/** The same at a server, perhaps through another port. */
export interface ChannelServer extends ChannelWorld {
  port(): number
  open(place: string, port?: number): Promise<Storage>
}

/** What the channel of a storage must do, whatever carries it. */
export function channelCases({ newPlace, open }: ChannelWorld): void {
  it('carries texts between storages over one place, and to nobody else', async () => {
    const place = newPlace()
    const [a, b, other] = [await open(place), await open(place), await open(newPlace())]
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

  it('tells each text once, in order, to whoever listens', async () => {
    const place = newPlace()
    const [a, b] = [await listening(await open(place)), await listening(await open(place))]
    const said = Array.from({ length: 90 }, (_, n) => `text ${n}`)
    for (const text of said) a.channel.publish(text)
    await eventually(
      async () => b.told().length,
      (count) => count >= said.length,
    )
    expect(b.told()).toEqual(said)
    for (const { storage } of [a, b]) await storage.close()
  })

  it('says what it was told before it is closed', async () => {
    const place = newPlace()
    const [a, b] = [await listening(await open(place)), await listening(await open(place))]
    for (const text of ['one', 'two']) a.channel.publish(text)
    await a.storage.close()
    await eventually(
      async () => b.told(),
      (told) => JSON.stringify(told) === '["one","two"]',
    )
    await b.storage.close()
  })

  it('goes on for the others when a listener throws or leaves', async () => {
    const storage = await open(newPlace())
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
}

/** What the channel of a server's storage must do besides. */
export function channelServerCases({ port, newPlace, open }: ChannelServer): void {
  channelCases({ newPlace, open })

  it('comes back by itself after a cut, and loses what is said meanwhile', async () => {
    const proxy = await TcpProxy.start(port())
    const place = newPlace()
    const [a, b] = [await open(place, proxy.port), await open(place)]
    const [texts, near]: [string[], string[]] = [[], []]
    channelOf(a).subscribe((text) => texts.push(text))
    const from = channelOf(b)
    from.subscribe((text) => near.push(text))
    await heard(from, texts, 'before')
    proxy.isOpen = false
    proxy.cutAll()
    await heard(from, near, 'meanwhile')
    channelOf(a).publish('unheard')
    proxy.passAll()
    await heard(from, texts, 'after')
    expect(texts).not.toContain('meanwhile')
    await a.close()
    await b.close()
    await proxy.stop()
  })
}
