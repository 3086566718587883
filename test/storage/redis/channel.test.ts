import { expect, it } from 'vitest'
import { eventually } from '../asking.js'
import { channelOf, channelServerCases } from '../channel-cases.js'
import { describeRedis, newPrefix, opened } from './support.js'

describeRedis('the channel', [], (server) => {
  channelServerCases({
    port: () => server().port,
    newPlace: newPrefix,
    open: (prefix, port = server().port) => opened({ url: `redis://127.0.0.1:${port}`, prefix }),
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
