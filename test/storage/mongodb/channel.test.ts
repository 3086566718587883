import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MongodbServer, whyNoFaults } from '../../support/mongodb-server.js'
import { eventually } from '../asking.js'
import { channelOf, channelServerCases, heard, listening } from '../channel-cases.js'
import { opened } from './support.js'

const DATABASE = 'channels'
let server: MongodbServer
let admin: MongoClient
let places = 0

const newPlace = () => `p${process.pid}-${++places}`

function open(prefix: string, port = server.port) {
  return opened({ uri: `mongodb://127.0.0.1:${port}/${DATABASE}?directConnection=true`, prefix })
}

/** What is kept for the channel of a place. */
function documents(prefix: string) {
  return admin.db(DATABASE).collection(`${prefix}_channel`).find().toArray()
}

describe.skipIf(whyNoFaults)('the channel of MongoDB', () => {
  beforeAll(async () => {
    server = await MongodbServer.start()
    admin = new MongoClient(server.uri)
    await admin.connect()
  }, 60_000)
  afterAll(async () => {
    await admin.close()
    await server.stop()
  })

  channelServerCases({ port: () => server.port, newPlace, open })

  it('keeps one document of each process', async () => {
    const place = newPlace()
    const [a, b] = [await listening(await open(place)), await listening(await open(place))]
    await heard(a.channel, b.texts, 'again')
    expect(await documents(place)).toHaveLength(2)
    for (const { storage } of [a, b]) await storage.close()
  })

  it('leaves nothing when it is closed, and takes away what another has left for a day', async () => {
    const place = newPlace()
    const collection = admin.db(DATABASE).collection<{ _id: string; at: Date }>(`${place}_channel`)
    const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000)
    await collection.insertMany([
      { _id: 'old', at: hoursAgo(25) },
      { _id: 'recent', at: hoursAgo(23) },
    ])
    const { storage, channel } = await listening(await open(place))
    await eventually(
      async () => (await documents(place)).map(({ _id }) => String(_id)),
      (ids) => !ids.includes('old'),
    )
    await channel.close()
    await channel.close()
    channel.publish('x')
    expect((await documents(place)).map(({ _id }) => String(_id))).toEqual(['recent'])
    await storage.close()
  })

  it('has a cursor while somebody listens, and none after closing', async () => {
    const place = newPlace()
    const cursors = async () => {
      const pipeline = [
        { $currentOp: { idleCursors: true } },
        { $match: { ns: `${DATABASE}.${place}_channel`, 'cursor.tailable': true } },
      ]
      return (await admin.db('admin').aggregate(pipeline).toArray()).length
    }
    const storage = await open(place)
    expect(await cursors()).toBe(0)
    const channel = channelOf(storage)
    channel.subscribe(() => undefined)
    await eventually(cursors, (count) => count === 1)
    await channel.close()
    await eventually(cursors, (count) => count === 0)
    const other = channelOf(storage)
    other.subscribe(() => undefined)
    await eventually(cursors, (count) => count === 1)
    await storage.close()
    await eventually(cursors, (count) => count === 0)
  })

  it('goes on when its collection was dropped', async () => {
    const place = newPlace()
    const { storage, channel, texts } = await listening(await open(place))
    await admin.db(DATABASE).dropCollection(`${place}_channel`)
    await heard(channel, texts, 'again')
    await storage.close()
  })

  it('works with the stable API alone, and is not there when it is not wanted', async () => {
    const client = new MongoClient(server.uri, { serverApi: { version: '1', strict: true } })
    const storage = await opened({ client, database: DATABASE, prefix: newPlace() })
    const channel = channelOf(storage)
    const texts: string[] = []
    channel.subscribe((text) => texts.push(text))
    await heard(channel, texts, 'strictly')
    await storage.close()
    const without = await opened({ client, database: DATABASE, prefix: newPlace(), channel: false })
    expect(without.channel).toBeUndefined()
    await without.close()
    await client.close()
  })
})
