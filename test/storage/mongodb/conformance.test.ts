import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { mongodbStorage } from '../../../src/storage/mongodb/index.js'
import type { Storage } from '../../../src/storage/storage.js'
import { storageConformance } from '../../../src/testing/storage-conformance/index.js'
import { MongodbServer, whyNoMongodb } from '../../support/mongodb-server.js'

let server: MongodbServer
let live: MongoClient
let prefixes = 0

/** Storages over one new set of collections. */
function under(make: (prefix: string) => Storage) {
  const prefix = `kit${++prefixes}`
  const storage = make(prefix)
  const opened = [storage]
  return {
    storage,
    reopen: async () => {
      const again = make(prefix)
      opened.push(again)
      return again
    },
    dispose: async () => {
      for (const one of opened) await one.close()
    },
  }
}

describe.skipIf(whyNoMongodb)('MongoDB storage', () => {
  beforeAll(async () => {
    server = await MongodbServer.start()
    // As Atlas suggests: with nothing that is not of the stable API.
    live = new MongoClient(server.uri, { serverApi: { version: '1', strict: true, deprecationErrors: true } })
  }, 60_000)
  afterAll(async () => {
    await live.close()
    await server.stop()
  })

  describe('by uri', () => {
    const create = async () => under((prefix) => mongodbStorage({ uri: server.uri, database: 'kit', prefix }))
    storageConformance({ create }, { describe, it })
  })

  describe('over a live client that is held to the stable API', () => {
    const create = async () => under((prefix) => mongodbStorage({ client: live, database: 'kit', prefix }))
    storageConformance({ create }, { describe, it })
  })
})
