import { MongoClient, MongoNetworkError, MongoServerError } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MongodbClient, MongodbDocument } from '../../../src/storage/mongodb/index.js'
import type { Write } from '../../../src/storage/storage.js'
import { MongodbServer, whyNoFaults } from '../../support/mongodb-server.js'
import { commit, failure, idsOf, leave, opened } from './support.js'

const DATABASE = 'gave-up'

let server: MongodbServer
let live: MongoClient
let isArmed = false
let isAway = false

/** A live client whose server does a write, gives up while it waits for the majority, and is not to be reached after that. */
function givingUp(): MongodbClient {
  const orAway = <T>(call: () => T): T => {
    if (isAway) throw new MongoNetworkError('connect ECONNREFUSED')
    return call()
  }
  const db = (name: string) => ({
    command: async (command: MongodbDocument, options?: object): Promise<MongodbDocument> => {
      const answer = await orAway(() => live.db(name).command(command, options))
      if (!isArmed || !('update' in command || 'delete' in command)) return answer
      isAway = true
      throw new MongoServerError({ code: 50, errmsg: 'operation exceeded time limit' })
    },
    runCursorCommand: (command: MongodbDocument) => orAway(() => live.db(name).runCursorCommand(command)),
  })
  return {
    connect: () => live.connect(),
    db,
    startSession: (options) => orAway(() => live.startSession(options)),
    close: async () => {},
  }
}

describe.skipIf(whyNoFaults)('MongoDB storage, over a server that gives up and goes away', () => {
  beforeAll(async () => {
    server = await MongodbServer.start()
    live = await new MongoClient(server.uri).connect()
  }, 60_000)
  afterAll(async () => {
    await live.close()
    await server.stop()
  })

  it.each([
    ['written', ['a', 'b'], () => leave('a', {})],
    ['deleted', [], (b: Write): Write => ({ kind: b.kind, id: b.id, expect: b.leave?.version ?? '', leave: null })],
  ])('never says that nothing was written of what may be %s', async (_, stand, write) => {
    const prefix = `p${Date.now()}`
    const storage = await opened({ client: givingUp(), database: DATABASE, prefix })
    const stored = leave('b', {})
    await commit(storage, stored)
    isArmed = true
    const error = await failure(commit(storage, write(stored)))
    isArmed = false
    isAway = false
    expect(error).toMatchObject({ code: 'STORAGE_OUTCOME_UNKNOWN' })
    expect(await idsOf(storage)).toEqual(stand)
    await storage.close()
  })
})
